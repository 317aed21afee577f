"""Latency as counts: which bucket bounds of a histogram are compared, and how steep the distribution is there.

"Slower than L" is counted for the bounds nearest to the baseline's p50, p90 and p99, chosen when a comparison starts. A
release whose runs take r times as long has about r^s times as many runs slower than L. The local slope s is by how many
percent the share slower than L falls when L rises by one percent. It turns a margin in time into one in shares. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dashboard.model.trial import SlowBound

QUANTILES = (0.5, 0.9, 0.99)
# A bound needs at least this many slower and this many quicker runs.
LEAST_RUNS = 20
_LEAST_SLOPE, _MOST_SLOPE = 0.1, 10.0


def bound_of(label: str) -> float | None:
    """The bucket bound that a label `le` spells; None where it spells no number."""
    try:
        bound = float(label)
    except ValueError:
        return None
    return None if math.isnan(bound) else bound


def spellings(bounds: Iterable[float], told: Iterable[str]) -> tuple[str, ...]:
    """All spellings of finite `bounds`: those in `told`, and those that an upgrade may bring: `1`, `1.0`, `1e0` ..."""
    wanted = tuple(bounds)
    usual = (text for bound in wanted for text in _spelled(bound))
    return tuple(dict.fromkeys(label for label in (*sorted(set(told)), *usual) if bound_of(label) in wanted))


def _spelled(bound: float) -> Iterator[str]:
    mantissa, _, power = f"{bound:e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    yield from (f"{bound:g}", repr(bound), f"{bound:.0f}", f"{bound:.1f}", f"{bound:.2f}")
    yield from (f"{mantissa}{sign}{form}" for sign in "eE" for form in (f"{int(power)}", f"{int(power):+03d}"))
    yield f"{mantissa}.0e{int(power)}"


def freeze(
    runs_within: Mapping[float, float], allowed: Sequence[float], quantiles: Sequence[float] = QUANTILES
) -> tuple[SlowBound, ...]:
    """The bounds to count by: one for each quantile, each once.

    Args:
        runs_within: the baseline's runs up to each bound in seconds, infinity included.
        allowed: bounds that both tracks have.
        quantiles: which quantiles the bounds should lie near.
    """
    total = runs_within.get(math.inf, 0.0)
    slower = {bound: total - runs for bound, runs in sorted(runs_within.items()) if math.isfinite(bound)}
    usable = [b for b in slower if b in set(allowed) and slower[b] >= LEAST_RUNS and total - slower[b] >= LEAST_RUNS]
    found: dict[float, SlowBound] = {}
    for quantile in quantiles:
        wanted = (1.0 - quantile) * total
        nearest = min(usable, key=lambda bound: abs(math.log(slower[bound] / wanted)), default=None)
        if nearest is not None and nearest not in found:
            slope = _slope(slower, nearest)
            found[nearest] = SlowBound(quantile=quantile, seconds=nearest, share=slower[nearest] / total, slope=slope)
    return tuple(found.values())


def quantile(runs_within: Mapping[float, float], part: float) -> float | None:
    """How long all but `1 - part` of the runs take at most, from runs up to each bound; None without any.

    Between two bounds by a straight line; beyond the last one by how steeply the share of slower runs falls there.
    """
    total = runs_within.get(math.inf, 0.0)
    bounds = sorted(bound for bound in runs_within if math.isfinite(bound) and bound > 0)
    if total <= 0 or not bounds:
        return None
    low, below = 0.0, 0.0
    for bound in bounds:
        within = runs_within[bound]
        if within >= part * total:
            return low + (bound - low) * (part * total - below) / (within - below)
        low, below = bound, within
    slower = {bound: total - runs_within[bound] for bound in bounds}
    return float(low * (slower[low] / total / (1.0 - part)) ** (1.0 / _slope(slower, low)))


def _slope(slower: Mapping[float, float], bound: float) -> float:
    """The slope between the neighbours of `bound` that some runs exceed; at an end between it and its one neighbour."""
    bounds = [b for b in slower if slower[b] > 0 and b > 0]
    place = bounds.index(bound)
    low, high = bounds[max(0, place - 1)], bounds[min(len(bounds) - 1, place + 1)]
    if low == high:
        return 1.0
    slope = math.log(slower[low] / slower[high]) / math.log(high / low)
    return min(_MOST_SLOPE, max(_LEAST_SLOPE, slope))
