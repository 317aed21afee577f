"""What a comparison of two tracks is given: a plan fixed before it begins, the past, and a table of counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.decide.dispersion import Dispersion
from dashboard.decide.factor import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How much worse is bad: this many times the baseline's share, and in any case this much more.

    For latency `ratio` is of time: 1.1 is 10 % slower; it becomes a ratio of shares by the local slope.
    """

    ratio: float
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlan:
    """One metric of a comparison, fixed before it begins. `limit` is the share that the SLO allows, if it has one."""

    name: str
    weight: float
    fail: Margin
    go: Margin
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is compared and how sure one must be, fixed before the comparison begins.

    Attributes:
        metrics: their weights sum to at most 1.
        interval_seconds: the length of one interval.
        alpha: the share of healthy releases that may ever be failed, over all metrics together.
        pass_alpha: the share of releases at the edge of harm that may ever pass, for each metric.
        scales: windows of the dispersion in intervals.
        watched: how many intervals a release is watched for after a switch; its record is dealt out over them.
    """

    metrics: tuple[MetricPlan, ...]
    interval_seconds: float = 10.0
    alpha: float = 0.01
    pass_alpha: float = 0.05
    scales: tuple[int, ...] = (1, 6, 30)
    watched: int = 90

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError("a comparison needs a metric")
        if not 0 < sum(metric.weight for metric in self.metrics) <= 1 + 1e-9:
            raise ValueError("the weights of all metrics must sum to at most 1")
        if any(self.scales[-1] % scale for scale in self.scales):
            raise ValueError("each window of the dispersion must divide the longest")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Counts of whole intervals. An interval that is left out has no events on either track.

    Attributes:
        candidate_total, candidate_bad, baseline_total, baseline_bad: (..., interval, metric).
        parts_total, parts_bad: (..., interval, metric, pod) of the baseline, for the dispersion.
    """

    candidate_total: Array
    candidate_bad: Array
    baseline_total: Array
    baseline_bad: Array
    parts_total: Array
    parts_bad: Array

    def __post_init__(self) -> None:
        pairs = (
            (self.candidate_total, self.candidate_bad),
            (self.baseline_total, self.baseline_bad),
            (self.parts_total, self.parts_bad),
        )
        for total_events, bad_events in pairs:
            if total_events.shape != bad_events.shape:
                raise ValueError(f"events are {total_events.shape}, bad events {bad_events.shape}")
            # NaN is neither.
            if not (
                np.all(bad_events >= 0) and np.all(bad_events <= total_events) and np.all(np.isfinite(total_events))
            ):
                raise ValueError("bad events must be between 0 and total events, and both be numbers")

    def rows(self, start: int, end: int) -> Table:
        """The intervals from `start` up to `end`."""
        return Table(
            candidate_total=self.candidate_total[..., start:end, :],
            candidate_bad=self.candidate_bad[..., start:end, :],
            baseline_total=self.baseline_total[..., start:end, :],
            baseline_bad=self.baseline_bad[..., start:end, :],
            parts_total=self.parts_total[..., start:end, :, :],
            parts_bad=self.parts_bad[..., start:end, :, :],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Past:
    """What is known before a comparison begins, of each metric: (..., metric).

    Attributes:
        share: the baseline's share of bad events.
        slope: for latency by how many percent the share slower than L shrinks when L grows by one percent; else 1.
        widening: factor on both margins, above 1 where the baseline is a record and not beside the candidate.
        noise: the variance of a track's own slow noise in its log share, with its uncertainty: it slows NO-GO.
        noise_shown: the part of it that the past shows beyond its uncertainty: it slows GO.
        dispersion: what the baseline's pods showed.
    """

    share: Array
    slope: Array
    widening: Array
    noise: Array
    noise_shown: Array
    dispersion: Dispersion
