"""How counters are counted, as PromQL: a gap is not a new series, and a pod scraped twice counts once. Pure text.

`growth` counts over a window. `once` wraps everything that is summed over pods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

_UP = 'up{namespace="$namespace"}'
_KNOWN = f"max_over_time({_UP}[$memory] offset $window) == 1"
_POD_KNOWN = 'max_over_time(up{namespace="$namespace", pod!=""}[$memory] offset $window) == 1'


def growth(series: str, *kinds: str, total: str = "") -> str:
    """How much each of these counters of `$namespace` grew within `$window`, as PromQL.

    `increase` cannot see the first value of a series, so the first failure of its kind would count as 0. A series
    without a sample at the start of the window counts

    - by its value minus the last one seen (or minus 0, if it is new or was reset), where its target was scraped just
      before the window or the whole pod is new: then all of the difference happened within the window;
    - by its increase between two samples in the window in all other cases: a scrape failed, Prometheus was down, or the
      pod had another name. Its first value may be old, so it is left out, for total and bad events alike.

    A series that an exporter drops while nothing happens is remembered for `$memory`. Known holes: an old process that
    Prometheus discovers later than its neighbours, a series dropped for longer than `$memory`, and the first values of
    a new process that pushes, which are left out.

    Args:
        series: the selector of raw counters.
        kinds: labels that distinguish the counters of one process; other labels may change.
        total: counters that every target has, among them `series`; empty for `series` itself.
    """
    same = f"on ({', '.join(('job', 'instance', 'pod', *kinds))}) " if kinds else ""
    watched = _watched(total or series)
    new = f"({series} unless {same}{series} offset $window and on (job, instance) {watched})"
    last = f"last_over_time({series}[$memory] offset $window)"
    return f"({new} - {last} >= 0 or {new} or increase({series}[$window]))"


def _watched(total: str) -> str:
    """The targets whose counters were seen just before the window, or did not exist before it."""
    # Where Prometheus was down nothing is proved, so the last scrape must be recent. Pushed metrics have no `up`: the
    # target's own samples stand in for it.
    pushed = f"count by (job, instance) (last_over_time({total}[$recent] offset $window))"
    well = f"last_over_time({_UP}[$recent] offset $window) == 1"
    scraped = f"({well} or {pushed} unless on (job, instance) {_UP} offset $window)"
    found = f"{_UP} unless on (job, instance) ({_KNOWN}) unless on (pod) ({_POD_KNOWN})"
    return f"({scraped} or {found} and on () {scraped})"


class Counted(TypedDict):
    """Texts of an `Expression` that counts."""

    promql: str
    steady: str
    newcomers: str


def counted(shape: Callable[[str], str], series: str, *kinds: str, total: str = "") -> Counted:
    """The texts of an `Expression` that applies `shape` to a growth; a cheaper one serves while no series is new."""
    return {
        "promql": shape(growth(series, *kinds, total=total)),
        "steady": shape(f"increase({series}[$window])"),
        "newcomers": f"count ({series} unless {series} offset $window)",
    }


def once(vector: str, by: str = "") -> str:
    """`vector` summed by these labels, however many jobs scrape a pod.

    Within one job the instances of a pod add up: they are containers or workers at ports of their own. Of several jobs
    the one with the most counts, since they usually scrape one process, by another address or through a proxy. A series
    without a pod is told by its instance. Known hole: two jobs that scrape different containers of one pod; only the
    larger count is used (`split` finds such pods).
    """
    kept = f"{by}, " if by else ""
    each = _with_process(f"sum by ({kept}pod, instance, job) ({vector})")
    most = f"max by ({kept}process) (sum by ({kept}process, job) ({each}))"
    return f"sum by ({by}) ({most})" if by else f"sum ({most})"


def once_by_pod(vector: str, by: str) -> str:
    """The same by pod and these labels. Processes without a pod are one."""
    return f"max by ({by}, pod) (sum by ({by}, pod, job) ({vector}))"


def scraped(up: str, by: str) -> str:
    """How many pods, or instances without a pod, have a target that answers."""
    return f"sum by ({by}) (max by ({by}, process) ({_with_process(up)}))"


def split(up: str, by: str) -> str:
    """The pods of which no job scrapes all instances, by these labels: which count is the pod's cannot be known."""
    pods = f"{by}, pod"
    instances = f"count by ({pods}) (count by ({pods}, instance) ({up}))"
    largest = f"max by ({pods}) (count by ({pods}, job) (count by ({pods}, job, instance) ({up})))"
    return f"({instances} > {largest})"


def _with_process(vector: str) -> str:
    process = f'label_replace({vector}, "process", "$1", "instance", "(.+)")'
    return f'label_replace({process}, "process", "$1", "pod", "(.+)")'


def or_zero(part: str, whole: str) -> str:
    """`part`, and 0 where there is only `whole`: an event that never happened has no series."""
    return f"({part} or 0 * {whole})"


def share(part: str, whole: str, by: str = "") -> str:
    """The share of `part` in `whole`, both summed by these labels: 0 without `part`, nothing where `whole` is 0."""
    total = once(whole, by)
    return f"{or_zero(once(part, by), total)} / ({total} > 0)"


def once_quantile(quantile: float, buckets: str, by: str = "") -> str:
    """A quantile of histograms. Prometheus adds up bounds that are one number, as `1` and `1.0` are."""
    return f"histogram_quantile({quantile}, {once(buckets, f'{by}, le' if by else 'le')})"
