"""How counters are counted, as PromQL: a gap is no birth, and what is scraped twice counts once. Pure text.

`growth` is for counts over a window. `once` stands around everything that is summed over pods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

_UP = 'up{namespace="$namespace"}'
# The last scrape before the window, if it is recent: a moment that Prometheus slept through proves nothing.
_GOOD = f"last_over_time({_UP}[$recent] offset $window) == 1"
_KNOWN = f"max_over_time({_UP}[$memory] offset $window) == 1"
_POD_KNOWN = 'max_over_time(up{namespace="$namespace", pod!=""}[$memory] offset $window) == 1'
# A target of a pod that was never scraped before, found while Prometheus did scrape the namespace.
_FOUND = f"({_UP} unless on (job, instance) ({_KNOWN}) unless on (pod) ({_POD_KNOWN}) and on () ({_GOOD}))"
_WATCHED = f"({_GOOD} or {_FOUND})"


def growth(series: str, *kinds: str) -> str:
    """How much each of these counters of `$namespace` grew within `$window`, as PromQL.

    `increase` cannot see the first value of a series, so the first failure of its kind would count as none. A series
    without a sample when the window began counts

    - by what it has more than when it was last seen (from 0 if it never was, or began anew) where its target was
      scraped well just before the window, or the whole pod is new: then nothing it has is older than the window;
    - by what it grew between two samples of the window in all other cases: a scrape had failed, Prometheus was down, or
      the pod was known under another name. What it has may be old, so it is left out, of total and bad events alike.

    A series that an exporter drops while nothing happens is remembered for `$memory`. The known hole is an old process
    that Prometheus finds later than its neighbours.

    Args:
        series: the selector of raw counters.
        kinds: labels that tell the counters of one process apart. A counter that only changed other labels is the same.
    """
    same = f"on ({', '.join(('job', 'instance', 'pod', *kinds))}) " if kinds else ""
    new = f"({series} unless {same}{series} offset $window and on (job, instance) {_WATCHED})"
    last = f"last_over_time({series}[$memory] offset $window)"
    return f"({new} - {last} >= 0 or {new} or increase({series}[$window]))"


class Counted(TypedDict):
    """Texts of an `Expression` that counts."""

    promql: str
    steady: str
    newcomers: str


def counted(shape: Callable[[str], str], series: str, *kinds: str) -> Counted:
    """The texts of an `Expression` that is `shape` of a growth: in full, and cheaper while no series is new."""
    return {
        "promql": shape(growth(series, *kinds)),
        "steady": shape(f"increase({series}[$window])"),
        "newcomers": f"count ({series} unless {series} offset $window)",
    }


def once(vector: str, by: str = "") -> str:
    """`vector` summed by these labels, where several jobs may scrape one pod: the one that has most of it counts.

    A process is told by its pod, or by its instance where series carry no pod.
    """
    kept = f"{by}, " if by else ""
    each = f"sum by ({kept}pod, instance, job) ({vector})"
    process = f'label_replace({each}, "process", "$1", "instance", "(.+)")'
    process = f'label_replace({process}, "process", "$1", "pod", "(.+)")'
    return f"sum by ({by}) (max by ({kept}process) ({process}))" if by else f"sum (max by (process) ({process}))"


def once_quantile(quantile: float, buckets: str, by: str = "") -> str:
    """A quantile of histograms. Prometheus adds up bounds that are one number, as `1` and `1.0` are."""
    return f"histogram_quantile({quantile}, {once(buckets, f'{by}, le' if by else 'le')})"
