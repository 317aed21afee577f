"""Counts per interval of both tracks since a release began, from the raw counters of each pod.

Increases are taken here and not by `rate()`, which smears: over whole intervals, per pod, then summed. What cannot be
counted (a missed scrape, a restart, a pod's first moments) is left out by the same rule on both tracks, and how much
that is, is part of the evidence. The newest interval ends a few seconds ago, so that asking again gives it again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dashboard.catalog import release as catalog
from dashboard.catalog.escaping import Regex, literal
from dashboard.catalog.expression import Expression
from dashboard.decide import counters, latency
from dashboard.decide.factor import Array
from dashboard.decide.weighing import TOTALS
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.release import Track
from dashboard.model.series import Sample, Series
from dashboard.model.trial import Columns, SlowBound, Trial
from dashboard.queries.ask import Ask, Instant, Range, Readings, Request

# Production scrapes every 30 s; an interval holds at least two scrapes.
LEAST_INTERVAL_SECONDS = 10
HISTORY = timedelta(hours=1)
LONGEST = timedelta(hours=24)
WARM_UP_SECONDS = 60
# A sample bears the time at which its scrape began, and is there when it has ended.
LATE_SECONDS = 3
# When the bounds of latency may be frozen: at the beginning, or as soon as the baseline has done enough.
_FREEZE_AFTER_SECONDS = (0, 60, 180)
_LEAST_FROZEN_RUNS = 500

_TOTALS: Mapping[str, Expression] = {
    "runs": catalog.RUN_COUNTER,
    "evaluations": catalog.EVALUATION_COUNTER,
    "tools": catalog.TOOL_COUNTER,
    "decisions": catalog.DECISION_COUNTER,
}
_BAD: Mapping[str, Expression] = {
    "errors": catalog.FAILED_COUNTER,
    "violations": catalog.VIOLATION_COUNTER,
    "tools": catalog.FAILED_TOOL_COUNTER,
    "denials": catalog.DENIAL_COUNTER,
}
_WHAT = {"runs": "agent runs", "evaluations": "contract evaluations", "tools": "tool calls", "decisions": "decisions"}
_DOUBTFUL = (State.MISSING, State.STALE, State.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """When a trial begins, and what it is about.

    Attributes:
        at: from here on both tracks are judged; warm-up comes on top.
        record_until: the end of the record that stands in for a baseline; None when the baseline is beside.
        pods: what the names of the candidate's pods begin with; "" for any pod of its track.
    """

    namespace: str
    service: str
    candidate: Track
    at: datetime
    record_until: datetime | None = None
    pods: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    """The grid that is counted on, in epoch seconds."""

    step: int
    begin: int
    history_from: int
    history_until: int
    end: int


def interval_seconds(scrape_interval_seconds: int) -> int:
    """The length of an interval for a scrape interval."""
    return max(LEAST_INTERVAL_SECONDS, 2 * scrape_interval_seconds)


def trial(ask: Ask, beginning: Beginning, now: datetime) -> Reading[Trial]:
    """What both tracks did since `beginning`, until now. Asks two rounds of questions: bounds and counters first."""
    clock = _clock(ask, beginning, now)
    if now - beginning.at > LONGEST:
        reason = f"the release began more than {LONGEST.total_seconds() / 3600:.0f} h ago: begin a new one"
        return empty(reason, source=Source.PROMETHEUS, as_of=now)
    values = {"namespace": beginning.namespace, "service": beginning.service}
    requests: dict[str, Request] = {f"total.{name}": _range(e, values, clock) for name, e in _TOTALS.items()}
    requests |= {f"bad.{name}": _range(e, values, clock) for name, e in _BAD.items()}
    frozen_at = [_moment(clock.begin if beginning.record_until is None else clock.history_until)]
    if beginning.record_until is None:
        frozen_at = [at for s in _FREEZE_AFTER_SECONDS if (at := _moment(clock.begin + s)) <= now]
    requests |= {f"buckets.{index}": Instant(catalog.BUCKETS, values, at) for index, at in enumerate(frozen_at)}
    answers = ask.gather(requests)
    buckets = [answers.samples(f"buckets.{index}").value or () for index in range(len(frozen_at))]
    bounds, problem = _bounds(buckets, beginning.candidate)
    readings = [answers.series(key) for key in requests if not key.startswith("buckets")]
    within: Reading[tuple[Series, ...]] | None = None
    if bounds:
        told = (sample.labels.get("le", "") for samples in buckets for sample in samples)
        labels = latency.spellings((bound.seconds for bound in bounds), told)
        pattern = Regex("|".join(literal(label) for label in labels))
        question = {"within": _range(catalog.WITHIN_COUNTER, {**values, "bounds": pattern}, clock)}
        within = ask.gather(question).series("within")
        readings.append(within)
    doubtful = next((reading for reading in readings if reading.state in _DOUBTFUL), None)
    if doubtful is not None:
        return missing(doubtful.reason, source=Source.PROMETHEUS, query=doubtful.query)
    runs = answers.series("total.runs")
    found = _counted(answers, within, beginning, clock, bounds)
    if problem:
        found = replace(found, problems={**found.problems, "latency": problem})
    return fresh(found, source=Source.PROMETHEUS, as_of=min(now, _moment(clock.end)), query=runs.query)


def _clock(ask: Ask, beginning: Beginning, now: datetime) -> _Clock:
    step = interval_seconds(ask.environment.prometheus.scrape_interval_seconds)
    begin = -int(-(beginning.at.timestamp() + WARM_UP_SECONDS) // step) * step
    until = begin if beginning.record_until is None else int(beginning.record_until.timestamp() // step) * step
    end = max(begin, int((now.timestamp() - LATE_SECONDS) // step) * step)
    return _Clock(
        step=step,
        begin=begin,
        history_from=until - int(HISTORY.total_seconds() // step) * step,
        history_until=until,
        end=end,
    )


def _moment(epoch_seconds: float) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC)


def _range(expression: Expression, values: Mapping[str, str], clock: _Clock) -> Range:
    return Range(expression, values, _moment(clock.history_from), _moment(clock.end), clock.step)


def _bounds(buckets: Iterable[Iterable[Sample]], candidate: Track) -> tuple[tuple[SlowBound, ...], str]:
    """The bounds to count latency by, from the first moment at which the baseline has enough; or why there are none."""
    for samples in buckets:
        by_track = _runs_within(samples)
        baseline, ours = by_track[candidate.other], by_track[candidate]
        if baseline.get(math.inf, 0.0) < _LEAST_FROZEN_RUNS:
            continue
        shared = [bound for bound in baseline if bound in ours and math.isfinite(bound)]
        if ours and not shared:
            return (), "the tracks count time into buckets without a common bound"
        bounds = latency.freeze(baseline, shared)
        if bounds:
            return bounds, ""
    return (), f"fewer than {_LEAST_FROZEN_RUNS} runs on {candidate.other} to know its usual latency from"


def _runs_within(samples: Iterable[Sample]) -> dict[str, dict[float, float]]:
    """By track, the runs up to each bound; a bound that a pod spells in two ways is one, and a gap is no bound."""
    by_pod: dict[_Pod, dict[float, float]] = {}
    for sample in samples:
        bound = latency.bound_of(sample.labels.get("le", ""))
        if bound is not None and sample.value is not None:
            runs = by_pod.setdefault((sample.labels.get("track", ""), sample.labels.get("pod", "")), {})
            # While one spelling takes over from the other, the older one stands still beside it.
            runs[bound] = max(runs.get(bound, 0.0), sample.value)
    by_track: dict[str, dict[float, float]] = {track: {} for track in Track}
    for (track, _), runs in by_pod.items():
        for bound, count in runs.items():
            within = by_track.setdefault(track, {})
            within[bound] = within.get(bound, 0.0) + count
    return by_track


def _counted(
    answers: Readings,
    within: Reading[tuple[Series, ...]] | None,
    beginning: Beginning,
    clock: _Clock,
    bounds: tuple[SlowBound, ...],
) -> Trial:
    moments = np.arange(clock.history_from, clock.end + 1, clock.step, dtype=float)
    total_events = {name: _by_pod(answers.series(f"total.{name}"), len(moments)) for name in _TOTALS}
    bad_events = {name: _by_pod(answers.series(f"bad.{name}"), len(moments)) for name in _BAD}
    for index, bound in enumerate(bounds):
        lines = (within.value if within else None) or ()
        inside = _by_pod_of(
            (line for line in lines if latency.bound_of(line.labels.get("le", "")) == bound.seconds), len(moments)
        )
        bad_events[f"slow_{index}"] = {
            pod: rows - inside[pod] for pod, rows in total_events["runs"].items() if pod in inside
        }
    kept = np.concatenate([moments[:-1] < clock.history_until, moments[:-1] >= clock.begin]).reshape(2, -1)
    is_kept: _Flags = np.logical_or.reduce(kept)
    used = _Used(beginning, clock, moments)
    columns_total: dict[str, Columns] = {}
    columns_bad: dict[str, Columns] = {}
    problems: dict[str, str] = {}
    for metric in bad_events:
        what = TOTALS.get(metric, "runs")
        is_slow = metric not in TOTALS
        if problem := _one_sided(total_events[what], beginning.candidate, _WHAT[what]):
            problems["latency" if is_slow else metric] = problem
        elif is_slow and (problem := _one_sided(bad_events[metric], beginning.candidate, "runs by their time")):
            problems["latency"] = problem
        counted = {
            pod: used.increases(pod, rows, bad_events[metric].get(pod), is_missing_none=not is_slow)
            for pod, rows in total_events[what].items()
        }
        total = used.columns({pod: both[0] for pod, both in counted.items()}, is_kept)
        if columns_total.setdefault(what, total) != total:
            columns_total[metric] = total
        columns_bad[metric] = used.columns({pod: both[1] for pod, both in counted.items()}, is_kept)
    return Trial(
        started_at=_moment(clock.begin),
        interval_seconds=clock.step,
        history=int(kept[0].sum()),
        total_events=columns_total,
        bad_events=columns_bad,
        bounds=bounds,
        left_out=used.left_out(total_events["runs"]),
        problems=problems,
    )


_Pod = tuple[str, str]
_Flags = NDArray[np.bool_]


def _by_pod(reading: Reading[tuple[Series, ...]], length: int) -> dict[_Pod, Array]:
    """The counter of each pod on the grid, NaN where there is no sample."""
    return _by_pod_of(reading.value or (), length)


def _by_pod_of(lines: Iterable[Series], length: int) -> dict[_Pod, Array]:
    """Lines of one pod are one counter in several spellings: of what both have the greater one is the newer."""
    found: dict[_Pod, Array] = {}
    for series in lines:
        rows = np.array([np.nan if value is None else value for value in series.values], dtype=float)
        if len(rows) == length:
            pod = series.labels.get("track", ""), series.labels.get("pod", "")
            found[pod] = np.fmax(found[pod], rows) if pod in found else rows
    return found


def _one_sided(total_events: Mapping[_Pod, Array], candidate: Track, what: str) -> str:
    """Why a metric cannot be compared at all; "" when both tracks report it."""
    silent = [track for track in (candidate, candidate.other) if not any(known == track for known, _ in total_events)]
    return f"{' and '.join(silent)} reported no {what} since the release began" if silent else ""


@dataclass(frozen=True, slots=True)
class _Used:
    """Which intervals of which pods count."""

    beginning: Beginning
    clock: _Clock
    moments: Array

    def increases(
        self, pod: _Pod, total_events: Array, bad_events: Array | None, *, is_missing_none: bool
    ) -> tuple[Array, Array]:
        """Total and bad events of one pod per interval, 0 where they are left out.

        A bad event that never happened has no series, so `is_missing_none`; buckets are always there, or not known.
        """
        bad_rows = np.full_like(total_events, np.nan) if bad_events is None else bad_events
        # One without total events beside it is no sample at all.
        events = np.where(np.isnan(total_events), np.nan, np.nan_to_num(bad_rows) if is_missing_none else bad_rows)
        n = counters.without_leaps(total_events, counters.increases(total_events))
        x = counters.increases(events)
        counts = np.isfinite(n) & np.isfinite(x) & (np.nan_to_num(x) <= np.nan_to_num(n)) & self._warm(total_events)
        return np.where(counts, n, 0.0), np.where(counts, x, 0.0)

    def _warm(self, total_events: Array) -> _Flags:
        """Which intervals begin after the warm-up of a pod that began, or began anew, within the grid."""
        seen = np.isfinite(total_events)
        anew = np.append(False, np.diff(np.nan_to_num(total_events)) < 0) & seen
        first = np.zeros_like(seen)
        if seen.any() and not seen[0]:
            first[seen.argmax()] = True
        started = np.where(anew | first, self.moments, -np.inf)
        warm: _Flags = self.moments[:-1] >= np.maximum.accumulate(started)[:-1] + WARM_UP_SECONDS
        return warm

    def left_out(self, runs: Mapping[_Pod, Array]) -> dict[Track, float]:
        """The share of each track's intervals, since the beginning, in which a pod lived and was not counted."""
        shares = {}
        for track in Track:
            lived = unknown = 0
            for (known, _), rows in runs.items():
                if known != track:
                    continue
                seen = np.isfinite(rows)
                # Between its first and its last sample a pod lived.
                lives = np.maximum.accumulate(seen) & np.maximum.accumulate(seen[::-1])[::-1]
                now = self.moments[:-1] >= self.clock.begin
                alive = lives[:-1] & lives[1:] & now
                lived += int(alive.sum())
                known_growth = np.isfinite(counters.without_leaps(rows, counters.increases(rows)))
                unknown += int((alive & ~known_growth).sum())
            shares[track] = round(unknown / lived, 4) if lived else 0.0
        return shares

    def columns(self, counts: Mapping[_Pod, Array], is_kept: _Flags) -> Columns:
        """The candidate's sum since the beginning, and the sums of two halves of the baseline's pods."""
        candidate = self.beginning.candidate
        ours = [rows for (t, pod), rows in counts.items() if t == candidate and pod.startswith(self.beginning.pods)]
        theirs = [counts[key] for key in sorted(counts) if key[0] == candidate.other]
        since = np.where(self.moments[:-1] >= self.clock.begin, self._sum(ours), 0.0)
        return Columns(
            candidate=_whole(since[is_kept]),
            first=_whole(self._sum(theirs[0::2])[is_kept]),
            second=_whole(self._sum(theirs[1::2])[is_kept]),
        )

    def _sum(self, rows: Iterable[Array]) -> Array:
        total = np.zeros(len(self.moments) - 1)
        for row in rows:
            total = total + row
        return total


def _whole(rows: Array) -> tuple[int, ...]:
    return tuple(round(float(value)) for value in rows)
