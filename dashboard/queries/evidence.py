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
from dashboard.model.series import Series
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
    bounds, labels, problem = _bounds(answers, len(frozen_at), beginning.candidate)
    readings = [answers.series(key) for key in requests if not key.startswith("buckets")]
    within: Reading[tuple[Series, ...]] | None = None
    if bounds:
        pattern = Regex("|".join(literal(label) for label in labels))
        question = {"within": _range(catalog.WITHIN_COUNTER, {**values, "bounds": pattern}, clock)}
        within = ask.gather(question).series("within")
        readings.append(within)
    doubtful = next((reading for reading in readings if reading.state in _DOUBTFUL), None)
    if doubtful is not None:
        return missing(doubtful.reason, source=Source.PROMETHEUS, query=doubtful.query)
    runs = answers.series("total.runs")
    found = _counted(answers, within, beginning, clock, bounds, labels)
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


def _bounds(answers: Readings, asked: int, candidate: Track) -> tuple[tuple[SlowBound, ...], tuple[str, ...], str]:
    """The bounds to count latency by with their labels, and why there are none."""
    for index in range(asked):
        by_track: dict[str, dict[float, float]] = {track: {} for track in Track}
        label_of: dict[float, str] = {}
        for sample in answers.samples(f"buckets.{index}").value or ():
            bound = float(sample.labels.get("le", "nan"))
            by_track.get(sample.labels.get("track", ""), {})[bound] = sample.value or 0.0
            label_of[bound] = sample.labels.get("le", "")
        baseline, ours = by_track[candidate.other], by_track[candidate]
        if baseline.get(math.inf, 0.0) < _LEAST_FROZEN_RUNS:
            continue
        shared = [bound for bound in baseline if bound in ours and math.isfinite(bound)]
        if ours and not shared:
            return (), (), "the tracks count time into buckets without a common bound"
        bounds = latency.freeze(baseline, shared)
        if bounds:
            return bounds, tuple(label_of[bound.seconds] for bound in bounds), ""
    return (), (), f"fewer than {_LEAST_FROZEN_RUNS} runs on {candidate.other} to know its usual latency from"


def _counted(
    answers: Readings,
    within: Reading[tuple[Series, ...]] | None,
    beginning: Beginning,
    clock: _Clock,
    bounds: tuple[SlowBound, ...],
    labels: tuple[str, ...],
) -> Trial:
    moments = np.arange(clock.history_from, clock.end + 1, clock.step, dtype=float)
    total_events = {name: _by_pod(answers.series(f"total.{name}"), len(moments)) for name in _TOTALS}
    bad_events = {name: _by_pod(answers.series(f"bad.{name}"), len(moments)) for name in _BAD}
    for index, label in enumerate(labels):
        of_label = within.map(lambda lines, label=label: tuple(s for s in lines if s.labels.get("le") == label))  # type: ignore[misc, union-attr]
        inside = _by_pod(of_label, len(moments))
        bad_events[f"slow_{index}"] = {
            pod: total_events["runs"][pod] - inside.get(pod, np.full(len(moments), np.nan))
            for pod in total_events["runs"]
        }
    kept = np.concatenate([moments[:-1] < clock.history_until, moments[:-1] >= clock.begin]).reshape(2, -1)
    is_kept: _Flags = np.logical_or.reduce(kept)
    used = _Used(beginning, clock, moments)
    columns_total: dict[str, Columns] = {}
    columns_bad: dict[str, Columns] = {}
    problems: dict[str, str] = {}
    for metric in bad_events:
        what = TOTALS.get(metric, "runs")
        if problem := _one_sided(total_events[what], beginning.candidate, _WHAT[what]):
            problems[metric if metric in TOTALS else "latency"] = problem
        counted = {
            pod: used.increases(pod, rows, bad_events[metric].get(pod)) for pod, rows in total_events[what].items()
        }
        columns_total.setdefault(what, used.columns({pod: both[0] for pod, both in counted.items()}, is_kept))
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
    found = {}
    for series in reading.value or ():
        rows = np.array([np.nan if value is None else value for value in series.values], dtype=float)
        if len(rows) == length:
            found[series.labels.get("track", ""), series.labels.get("pod", "")] = rows
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

    def increases(self, pod: _Pod, total_events: Array, bad_events: Array | None) -> tuple[Array, Array]:
        """Tries and bad events of one pod per interval, 0 where they are left out."""
        # A bad one that never happened has no series; one without events beside it is no sample at all.
        events = np.where(
            np.isnan(total_events),
            np.nan,
            np.zeros_like(total_events) if bad_events is None else np.nan_to_num(bad_events),
        )
        n, x = counters.increases(total_events), counters.increases(events)
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
                unknown += int((alive & ~np.isfinite(counters.increases(rows))).sum())
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
