"""The inputs of a comparison of two tracks: the plan, fixed before it starts, the past, and a table of counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.decide.dispersion import Dispersion
from dashboard.decide.factor import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How much worse than the baseline is allowed: `ratio` times its share, or `share` more, whichever is more.

    For latency `ratio` is one of time: 1.1 is 10 % slower. The local slope turns it into a ratio of shares.
    """

    ratio: float
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlan:
    """One metric of a comparison, fixed before it starts. `limit` is the share that the SLO allows, if it has one."""

    name: str
    weight: float
    fail: Margin
    go: Margin
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is compared, and with which error probabilities; fixed before the comparison starts.

    Attributes:
        metrics: their weights sum to at most 1.
        interval_seconds: the length of one interval.
        alpha: the share of healthy releases that may ever fail, over all metrics together.
        pass_alpha: for each metric, the share of releases at the edge of harm that may ever pass.
        scales: windows of the dispersion in intervals.
        watched: for how many intervals a release is watched after a switch; the record is divided among them.
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
    """Counts of whole intervals. An interval that is left out has no events on both tracks.

    Attributes:
        candidate_total, candidate_bad, baseline_total, baseline_bad: (..., interval, metric).
        parts_total, parts_bad: (..., interval, metric, pod) of the baseline, to measure the dispersion.
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
    """What is known of each metric before a comparison starts: (..., metric).

    Attributes:
        share: the baseline's share of bad events.
        slope: for latency, by how many percent the share slower than L falls when L rises by one percent; else 1.
        widening: a factor on both margins; above 1 where the baseline is a record from before.
        noise: the variance of a track's own slow noise in its log share, uncertainty included: it slows NO-GO.
        noise_shown: the part of it that the past proves beyond its uncertainty: it slows GO.
        dispersion: as measured on the baseline's pods.
    """

    share: Array
    slope: Array
    widening: Array
    noise: Array
    noise_shown: Array
    dispersion: Dispersion
