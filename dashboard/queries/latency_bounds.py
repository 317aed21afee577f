"""The bucket bounds that a comparison counts latency by, from samples of both tracks' histograms."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dashboard.decide import latency
from dashboard.model.release import Track
from dashboard.model.series import Sample
from dashboard.model.trial import SlowBound

LEAST_FROZEN_RUNS = 500
_Pod = tuple[str, str]


def bounds_of(
    buckets: Iterable[tuple[Iterable[Sample], Iterable[Sample]]], candidate: Track, limit: float
) -> tuple[tuple[SlowBound, ...], float | None, str]:
    """The bounds to count latency by, from the first moment at which the baseline has enough; or why there are none.

    Also the smallest bound at or above the limit of p95, or None.
    """
    over: float | None = None
    problem = few = f"fewer than {LEAST_FROZEN_RUNS} runs on {candidate.other} to tell its usual latency"
    for samples, before in buckets:
        by_track = runs_within(samples, before)
        baseline, ours = by_track[candidate.other], by_track[candidate]
        both = [bound for bound in ours or baseline if math.isfinite(bound) and (bound in baseline or not baseline)]
        over = min((bound for bound in both if bound >= limit), default=None)
        if baseline.get(math.inf, 0.0) < LEAST_FROZEN_RUNS:
            problem = few
            continue
        shared = [bound for bound in baseline if bound in ours and math.isfinite(bound)]
        if ours and not shared:
            return (), None, "the tracks count time into buckets without a common bound"
        if not ours:
            problem = f"no run of {candidate} has told its time yet, so the bounds that both tracks have are not known"
            continue
        bounds = latency.freeze(baseline, shared)
        if bounds:
            return bounds, over, ""
        problem = few
    return (), over, problem


def runs_within(samples: Iterable[Sample], before: Iterable[Sample] = ()) -> dict[str, dict[float, float]]:
    """By track, the runs up to each bound, less those of the same pods `before`.

    A bound that a pod spells in two ways is one, and a gap is no bound.
    """
    by_pod, earlier = _runs_by_pod(samples), _runs_by_pod(before)
    by_track: dict[str, dict[float, float]] = {track: {} for track in Track}
    for (track, pod), runs in by_pod.items():
        then = earlier.get((track, pod), {})
        if then and then.keys() != runs.keys():
            continue  # a bucket that was not read at both ends says neither how much was added nor that it began anew
        # A pod that began anew since has counted nothing before.
        is_one_life = all(runs[bound] >= count for bound, count in then.items())
        for bound, count in runs.items():
            within = by_track.setdefault(track, {})
            within[bound] = within.get(bound, 0.0) + count - (then[bound] if then and is_one_life else 0.0)
    return by_track


def _runs_by_pod(samples: Iterable[Sample]) -> dict[_Pod, dict[float, float]]:
    by_pod: dict[_Pod, dict[float, float]] = {}
    for sample in samples:
        bound = latency.bound_of(sample.labels.get("le", ""))
        if bound is not None and sample.value is not None:
            runs = by_pod.setdefault((sample.labels.get("track", ""), sample.labels.get("pod", "")), {})
            # While one spelling takes over from the other, the older one stands still beside it.
            runs[bound] = max(runs.get(bound, 0.0), sample.value)
    return by_pod
