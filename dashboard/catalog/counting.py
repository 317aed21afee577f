"""How counters are counted, as PromQL: the one place for it. A gap is not a new series, a pod scraped twice is one.

Everything that a person reads as "how many", "which share", "how often" or "none" is built by `counted`, `paced` or
`shared`: so it sees the first increments of a series, over a period and over each step of a chart. `once` wraps
everything that is summed over pods. Quantiles use `rate`, since a few missing durations change them little; CPU and
throttling too, since their counters begin at 0 with the container and live as long. Pure text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

_UP = 'up{namespace="$namespace"}'
_UP_IN = f"last_over_time({_UP}[$window])"
_KNOWN = f"max_over_time({_UP}[$memory] offset $window) == 1"
_POD_KNOWN = 'max_over_time(up{namespace="$namespace", pod!=""}[$memory] offset $window) == 1'
_WELL = f"last_over_time({_UP}[$recent] offset $window) == 1"
_TARGET = "on (job, instance)"
# The pattern of an instance that is an address: host and port. A name of a pod or an id of a process is none.
_ADDRESS = ".+:[0-9]+"


def growth(series: str, total: str = "") -> str:
    """How much each of these counters of `$namespace` grew within `$window`, as PromQL.

    `increase` cannot see the first value of a series, so the first failure of its kind would count as 0. A series
    without a sample at the start of the window counts

    - by its last value minus the last one seen before (or minus 0, if it is new or was reset), where its target was
      watched just before the window, or the whole pod is new: then all of the difference happened within the window;
    - by its increase between two samples in the window in all other cases: Prometheus was down, or the target has other
      labels than before. Its first value may be old, so it is left out, for total and bad events alike.

    So new series count exactly, also those that end within the window, and the others as `increase` extrapolates: by at
    most one scrape interval at each end. A series that an exporter drops while nothing happens is remembered for
    `$memory`.

    Known holes. Too little is counted of

    - an old process that Prometheus discovers later than its neighbours, and a new one that pushes without a pod label:
      their first values are left out;
    - a series that is new and is reset within one window: the lowest of its values stands for the first one;
    - a process that lives for less than one scrape interval.

    Too much is counted of a series that was dropped for longer than `$memory` and comes back (all that it ever had),
    and of one that began while its target was not scraped, up to `$recent` before the window.

    Args:
        series: the selector of raw counters.
        total: counters that every target has, among them `series`; empty for `series` itself.
    """
    of_fresh = _at_fresh(series)
    seen, before = f"last_over_time({of_fresh}[$window])", f"last_over_time({of_fresh}[$memory] offset $window)"
    whole = f"({seen} - {before} >= 0 or {seen}) unless resets({of_fresh}[$window]) > 0"
    reset = f"increase({of_fresh}[$window]) + min_over_time({of_fresh}[$window])"
    new = f"({whole} or {reset}) unless {of_fresh} offset $window and {_TARGET} {_watched(total or series)}"
    return f"({new} or increase({series}[$window]))"


def _at_fresh(series: str) -> str:
    """The same at the instances where series began within the window: only there all of the question matters."""
    return f'{series[:-1]}, instance=~"$fresh"}}'


def _watched(total: str) -> str:
    """The targets whose counters were seen just before the window under the same labels, or did not exist before it."""
    # Where Prometheus was down nothing is proved, so the last scrape must be recent. What is pushed, or told by an
    # exporter in another namespace, has no `up` here: the target's other samples stand in for it.
    relabelled = f"{_UP_IN} unless last_over_time({_UP}[$recent] offset $window)"
    scraped = f"{_WELL} unless {_TARGET} ({relabelled})"
    new_target = f"{_UP_IN} unless {_TARGET} ({_KNOWN}) unless on (pod) ({_POD_KNOWN}) and on () ({_WELL})"
    fresh = _at_fresh(total)
    heard, heard_fresh = (
        f"last_over_time({one}[$recent] offset $window) unless {_TARGET} {_UP} offset $window" for one in (total, fresh)
    )
    # In steps, since only whether it was there matters. A stream that stops is seen for 5 minutes more.
    earlier = f"last_over_time({total}[$memory:5m] offset $window)"
    known = f"{_TARGET} {_UP_IN} unless {_TARGET} {fresh} offset $window unless on (pod) {earlier}"
    new_pod = f'last_over_time({fresh[:-1]}, pod!=""}}[$window]) unless {known} and on () ({heard})'
    return f"({scraped} or {new_target} or {heard_fresh} and {fresh} or {new_pod})"


class Counted(TypedDict):
    """Texts of an `Expression` that counts."""

    promql: str
    steady: str
    newcomers: str


def counted(shape: Callable[..., str], *series: str, total: str = "") -> Counted:
    """The texts of an `Expression` that applies `shape` to growths; a cheaper one serves while no series is new.

    Args:
        shape: takes one vector of growths for each of `series`.
        total: as for `growth`, where all of `series` are among it.
    """
    began = " or ".join(
        f"last_over_time({one}[$window]) unless {one} offset $window"
        for one in dict.fromkeys([total] if total else series)
    )
    return {
        "promql": shape(*(growth(one, total) for one in series)),
        "steady": shape(*(f"increase({one}[$window])" for one in series)),
        "newcomers": f"count by (instance) ({began})",
    }


def per_second(vector: str) -> str:
    """A growth within `$window` as its mean each second."""
    return f"{vector} / $window_seconds"


def paced(series: str, by: str = "") -> Counted:
    """How often these counters count each second, by these labels."""
    return counted(lambda grown: per_second(once(grown, by)), series)


def shared(part: str, whole: str, by: str = "") -> Counted:
    """The share of `part`, which is among `whole`, by these labels."""
    zero = present(whole, by)
    return counted(lambda some, all_of: share(some, all_of, by, zero=zero), part, whole, total=whole)


def present(series: str, by: str = "") -> str:
    """A value by these labels where the counters were there within `$window`."""
    return f"{'sum by (' + by + ')' if by else 'sum'} (last_over_time({series}[$window]))"


def once(vector: str, by: str = "") -> str:
    """`vector` summed by these labels, however many targets show one process.

    - Targets of one job with the same address are one process, whatever container each of them names.
    - Within one job, addresses of one container are one process: a port of its own beside the port of the service.
    - Other targets of a pod in one job add up: containers, or workers that push.
    - Of several jobs the one with the most counts is used: they usually scrape one process, by another address or
      through a proxy.

    A series without a pod is told by its instance. Labels do not tell

    - workers of one container at ports of their own: only the largest count is used (`ports_of_one_container`);
    - the ports of a process whose targets name no container: they are added up (`ports_of_no_container`);
    - two jobs that scrape different containers of one pod: only the larger count is used (`split`).
    """
    kept = f"{by}, " if by else ""
    most = f"max by ({kept}process) ({_by_job(vector, kept, f'{kept}process')})"
    return f"sum by ({by}) ({most})" if by else f"sum ({most})"


def once_by_pod(vector: str, by: str) -> str:
    """The same by pod and these labels. Processes without a pod are one."""
    return f"max by ({by}, pod) ({_by_job(vector, f'{by}, pod, ', f'{by}, pod')})"


def _by_job(vector: str, kept: str, by: str) -> str:
    """What each job counts by these labels: of targets that are one process, the largest count."""
    each = _with_process(f"sum by ({kept}pod, instance, job, container) ({vector})")
    target = _labelled("target", each, f"[^|]*[|]({_ADDRESS})")
    one = _labelled("own", f"topk by ({kept}process, job, target) (1, {target})", f"(.+)[|]{_ADDRESS}")
    return f"sum by ({by}, job) (max by ({kept}process, job, own) ({one}))"


def _labelled(label: str, vector: str, pattern: str) -> str:
    """The vector with container and instance in one label, of which only the group is left where `pattern` fits."""
    joined = f'label_join({vector}, "{label}", "|", "container", "instance")'
    return f'label_replace({joined}, "{label}", "$1", "{label}", "{pattern}")'


def scraped(up: str, by: str) -> str:
    """How many pods, or instances without a pod, have a target that answers."""
    return f"sum by ({by}) (max by ({by}, process) ({_with_process(up)}))"


def split(up: str, by: str) -> str:
    """The pods of which no job scrapes all instances, by these labels: which count is the pod's cannot be known."""
    pods = f"{by}, pod"
    instances = f"count by ({pods}) (count by ({pods}, instance) ({up}))"
    largest = f"max by ({pods}) (count by ({pods}, job) (count by ({pods}, job, instance) ({up})))"
    return f"({instances} > {largest})"


def ports_of_one_container(selector: str, by: str) -> str:
    """The pods of which one container answers one job at several ports, unless it is known to be one process."""
    target = f"{by}, pod, job, container"
    return f"({_ports(selector, target, '!=')} unless {_processes(selector, target)} == 1)"


def ports_of_no_container(selector: str, by: str) -> str:
    """The pods that answer one job at several ports whose targets name no container, unless each is a process."""
    target = f"{by}, pod, job, container"
    ports = _ports(selector, target, "=")
    return f"({ports} unless {_processes(selector, target)} == {ports})"


def _ports(selector: str, by: str, named: str) -> str:
    up = f'up{{{selector}, pod!="", container{named}"", instance=~"{_ADDRESS}"}} == 1'
    return f"(count by ({by}) (count by ({by}, instance) ({up})) > 1)"


def _processes(selector: str, by: str) -> str:
    """How many processes have shown when they started: two of one pod never start at the same moment."""
    began = f'process_start_time_seconds{{{selector}, pod!="", instance=~"{_ADDRESS}"}}'
    return f'count by ({by}) (count_values by ({by}) ("began", {began}))'


def _with_process(vector: str) -> str:
    process = f'label_replace({vector}, "process", "$1", "instance", "(.+)")'
    return f'label_replace({process}, "process", "$1", "pod", "(.+)")'


def or_zero(part: str, whole: str) -> str:
    """`part`, and 0 where there is only `whole`: an event that never happened has no series."""
    return f"({part} or 0 * {whole})"


def share(part: str, whole: str, by: str = "", *, zero: str = "") -> str:
    """The share of `part` in `whole`, both summed by these labels: 0 without `part`, nothing where `whole` is 0.

    `zero` exists wherever `whole` does; it saves computing that twice.
    """
    return f"{or_zero(once(part, by), zero or once(whole, by))} / ({once(whole, by)} > 0)"


def once_quantile(quantile: float, buckets: str, by: str = "") -> str:
    """A quantile of histograms. Prometheus adds up bounds that are one number, as `1` and `1.0` are."""
    return f"histogram_quantile({quantile}, {once(buckets, f'{by}, le' if by else 'le')})"
