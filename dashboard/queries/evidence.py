"""Counts per interval of both tracks since a release began, from the raw counters of each pod.

Increases are taken here and not by `rate()`, which smears: over whole intervals, per pod, then summed. What cannot be
counted (a missed scrape, a restart, a pod's first moments) is left out by the same rule on both tracks, and how much
that is, is part of the evidence. The newest interval ends a few seconds ago, so that asking again gives it again.
Time that was no ordinary traffic is left out as well (`ordinary.py`). The day before is counted by the minute: it tells
how much rates wander by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dashboard.catalog import release as catalog
from dashboard.catalog.escaping import Regex, literal
from dashboard.catalog.expression import Expression
from dashboard.decide import counters, latency, ordinary
from dashboard.decide.factor import Array
from dashboard.decide.ordinary_trial import ordinary_past, without_faults
from dashboard.decide.trial_tables import OVER_LIMIT, TOTALS
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.release import Track
from dashboard.model.series import Series
from dashboard.model.trial import Columns, PastColumns, SlowBound, Trial, TrialPast
from dashboard.model.written import span
from dashboard.queries.ask import Ask, Instant, Range, Readings, Request
from dashboard.queries.believed import is_lower_bound
from dashboard.queries.latency_bounds import bounds_of

# Production scrapes every 30 s; an interval holds at least two scrapes.
LEAST_INTERVAL_SECONDS = 10
HISTORY = timedelta(hours=1)
LONG_PAST = timedelta(hours=24)
_PAST_STEP = 60
LONGEST = timedelta(hours=24)
WARM_UP_SECONDS = 60
# A sample bears the time at which its scrape began, and is there when it has ended.
LATE_SECONDS = 3
# When the bounds of latency may be frozen: at the beginning, or as soon as the baseline has done enough.
_FREEZE_AFTER_SECONDS = (0, 60, 180)

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

    @property
    def moments(self) -> Array:
        """The edges of all intervals of the grid."""
        return np.arange(self.history_from, self.end + 1, self.step, dtype=float)


def interval_seconds(scrape_interval_seconds: int) -> int:
    """The length of an interval for a scrape interval."""
    return max(LEAST_INTERVAL_SECONDS, 2 * scrape_interval_seconds)


def trial(ask: Ask, beginning: Beginning, now: datetime) -> Reading[Trial]:
    """What both tracks did since `beginning`, until now. Asks two rounds of questions: bounds and counters first."""
    clock = _clock(ask, beginning, now)
    if now - beginning.at > LONGEST:
        reason = f"the release began more than {span(LONGEST)} ago: begin a new one"
        return empty(reason, source=Source.PROMETHEUS, as_of=now)
    values = {"namespace": beginning.namespace, "service": beginning.service}
    before = _past_clock(clock)
    first = _asked("now", clock, values) | _asked("past", before, values)
    answers = ask.gather(first)
    readings = [_countable(answers.series(key)) for key in first if key.startswith("now.") and key not in _OPTIONAL]
    disturbed = _disturbed(answers, "now", clock, beginning)
    disturbed_before = _disturbed(answers, "past", before, beginning)
    spans = (*disturbed_before.spans, *disturbed.spans)
    bounds, over, labels, problem = _bounds_of(ask, beginning, clock, values, now, spans)
    within: Readings | None = None
    if labels:
        pattern = {**values, "bounds": Regex("|".join(literal(label) for label in labels))}
        counted = {"now": _range(catalog.WITHIN_COUNTER, pattern, clock)}
        counted["past"] = _range(catalog.WITHIN_COUNTER, pattern, before)
        within = ask.gather(counted)
        readings.append(within.series("now"))
    doubtful = next((reading for reading in readings if reading.state in _DOUBTFUL), None)
    if doubtful is not None:
        return missing(doubtful.reason, source=Source.PROMETHEUS, query=doubtful.query)
    runs = answers.series("now.total.runs")
    seconds = (*(bound.seconds for bound in bounds), *(() if over is None else (over,)))
    found = _counted(answers, within, beginning, clock, bounds, over, disturbed)
    past = _past(answers, within, beginning, before, dict(zip(_slow_names(bounds, over), seconds, strict=True)))
    found = without_faults(replace(found, past=ordinary_past(past, disturbed_before.flags)), _limits(ask))
    if problem:
        found = replace(found, problems={**found.problems, "latency": problem})
    never, unclear = _unmeasured(answers), _unclear(answers, beginning)
    said = {metric: why for metric, (why, _) in unclear.items()}
    unproven = tuple(sorted(metric for metric, (_, of_baseline) in unclear.items() if of_baseline))
    problems = {**found.problems, **said, **never}
    found = replace(found, problems=problems, unmeasured=never, unclear=said, unproven=unproven)
    return fresh(found, source=Source.PROMETHEUS, as_of=min(now, _moment(clock.end)), query=runs.query)


# What a verdict can do without: cost has a gate of its own, and not everybody has queues or a kill switch.
_OPTIONAL = ("now.cost", "now.stopped", "now.queue")


def _countable(reading: Reading[tuple[Series, ...]]) -> Reading[tuple[Series, ...]]:
    """The counters as far as they go: those that lack bad events in words that nobody understands are a lower bound."""
    return replace(reading, state=State.FRESH, value=reading.value or ()) if is_lower_bound(reading) else reading


def _unclear(answers: Readings, beginning: Beginning) -> Mapping[str, tuple[str, bool]]:
    """By metric, why bad events may be missing from its counts, and whether they may be from those of the baseline."""
    found = {}
    for metric in _BAD:
        doubts = answers.series(f"now.bad.{metric}").doubts
        if doubts:
            of_baseline = any(track != beginning.candidate for _, track in doubts)
            found[metric] = "; ".join(dict.fromkeys(doubts.values())), of_baseline
    return found


def _asked(when: str, clock: _Clock, values: Mapping[str, str]) -> dict[str, Request]:
    """The counters on a grid, and what says that it was no ordinary time."""
    named = {
        **{f"total.{name}": expression for name, expression in _TOTALS.items()},
        **{f"bad.{name}": expression for name, expression in _BAD.items()},
        "stopped": catalog.STOPPED,
        "queue": catalog.QUEUE_AGE,
    }
    if when == "now":
        named["cost"] = catalog.COST_COUNTER
    return {f"{when}.{name}": _range(expression, values, clock) for name, expression in named.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Disturbed:
    """Which intervals of a grid were no ordinary traffic, with when and how long by reason."""

    flags: NDArray[np.bool_]
    spans: tuple[tuple[float, float], ...]
    seconds: Mapping[str, float]


def _disturbed(answers: Readings, when: str, clock: _Clock, beginning: Beginning) -> _Disturbed:
    moments = clock.moments
    stopped = _line(answers.series(f"{when}.stopped"), len(moments), "")
    frozen = np.zeros(len(moments) - 1, dtype=bool)
    # A queue without a track is one for both.
    for track in ("", beginning.candidate.other):
        age = _line(answers.series(f"{when}.queue"), len(moments), track)
        frozen |= ordinary.frozen(age, clock.step)
    by_reason = {"the kill switch": ordinary.stopped(stopped), "a frozen queue": frozen}
    by_reason = {reason: ordinary.with_aftermath(flags, clock.step) for reason, flags in by_reason.items()}
    flags: _Flags = np.logical_or.reduce(list(by_reason.values()))
    seconds = {reason: float(each.sum() * clock.step) for reason, each in by_reason.items() if each.any()}
    return _Disturbed(flags=flags, spans=ordinary.spans(flags, moments), seconds=seconds)


def _line(reading: Reading[tuple[Series, ...]], length: int, track: str) -> Array:
    """The largest value of a track on the grid, NaN where there is none."""
    found = np.full(length, np.nan)
    for series in reading.value or ():
        if series.labels.get("track", "") == track and len(series.values) == length:
            found = np.fmax(found, np.array([np.nan if v is None else v for v in series.values], dtype=float))
    return found


def _bounds_of(
    ask: Ask,
    beginning: Beginning,
    clock: _Clock,
    values: Mapping[str, str],
    now: datetime,
    spans: tuple[tuple[float, float], ...],
) -> tuple[tuple[SlowBound, ...], float | None, tuple[str, ...], str]:
    """The bounds to count latency by, the one for the limit, how they are spelled, and why there are none.

    Of each moment at which bounds may be frozen only the last stretch of ordinary time is used.
    """
    moments = [float(clock.begin if beginning.record_until is None else clock.history_until)]
    if beginning.record_until is None:
        moments = [at for s in _FREEZE_AFTER_SECONDS if (at := float(clock.begin + s)) <= now.timestamp()]
    stretches = [ordinary.last_ordinary(at, spans) for at in moments]
    edges = sorted({edge for stretch in stretches for edge in stretch if edge is not None})
    answers = ask.gather({f"{edge:.0f}": Instant(catalog.BUCKETS, values, _moment(edge)) for edge in edges})
    samples = {edge: answers.samples(f"{edge:.0f}").value or () for edge in edges}
    buckets = [(samples[until], samples[since] if since is not None else ()) for since, until in stretches]
    limit = ask.environment.release.p95_seconds
    bounds, over, problem = bounds_of(buckets, beginning.candidate, limit)
    wanted = {bound.seconds for bound in bounds} | ({over} if over is not None else set())
    told = (sample.labels.get("le", "") for some in samples.values() for sample in some)
    if problem and any(since is not None for since, _ in stretches):
        problem += ", not counting time without ordinary traffic"
    return bounds, over, latency.spellings(sorted(wanted), told), problem


def _unmeasured(answers: Readings) -> Mapping[str, str]:
    """By metric, why nothing here has ever measured its events or which of them are bad."""
    behind = {metric: (f"now.total.{TOTALS[metric]}", f"now.bad.{metric}") for metric in _BAD}
    found = {}
    for metric, keys in behind.items():
        never = next((r for r in map(answers.series, keys) if r.state is State.UNMEASURED), None)
        if never is not None:
            found[metric] = never.reason
    return found


def _slow_names(bounds: tuple[SlowBound, ...], over: float | None) -> tuple[str, ...]:
    slow = tuple(f"slow_{index}" for index in range(len(bounds)))
    return slow if over is None else (*slow, OVER_LIMIT)


def _limits(ask: Ask) -> dict[str, float]:
    return {"errors": ask.environment.release.error_ratio, "violations": ask.environment.release.violation_ratio}


def _past_clock(clock: _Clock) -> _Clock:
    """The grid of the past: by the minute, a day long, up to the end of the history; its edges are whole steps."""
    step = max(_PAST_STEP, clock.step)
    end = clock.history_until // step * step
    start = end - int(LONG_PAST.total_seconds() // step) * step
    return _Clock(step=step, begin=end, history_from=start, history_until=end, end=end)


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


def _counted(
    answers: Readings,
    within: Readings | None,
    beginning: Beginning,
    clock: _Clock,
    bounds: tuple[SlowBound, ...],
    over: float | None,
    disturbed: _Disturbed,
) -> Trial:
    moments = clock.moments
    seconds = (*(bound.seconds for bound in bounds), *(() if over is None else (over,)))
    slow = dict(zip(_slow_names(bounds, over), seconds, strict=True))
    total_events, bad_events = _by_name(answers, within, "now", len(moments), slow)
    kept = np.concatenate([moments[:-1] < clock.history_until, moments[:-1] >= clock.begin]).reshape(2, -1)
    is_kept: _Flags = np.logical_or.reduce(kept)
    used = _Used(beginning, clock, moments, ~disturbed.flags)
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
        over_seconds=over if OVER_LIMIT in columns_bad else None,
        cost=_cost(answers, total_events["runs"], used, is_kept),
        set_aside=disturbed.seconds,
    )


_Rows = dict[str, dict["_Pod", Array]]


def _by_name(
    answers: Readings, within: Readings | None, when: str, length: int, slow: Mapping[str, float]
) -> tuple[_Rows, _Rows]:
    """Total and bad events of each metric, by pod; runs slower than a bound are those that are not within it."""
    total = {name: _by_pod(answers.series(f"{when}.total.{name}"), length) for name in _TOTALS}
    bad = {name: _by_pod(answers.series(f"{when}.bad.{name}"), length) for name in _BAD}
    lines = (within.series(when).value if within else None) or ()
    for name, seconds in slow.items():
        inside = _by_pod_of((line for line in lines if latency.bound_of(line.labels.get("le", "")) == seconds), length)
        bad[name] = {pod: rows - inside[pod] for pod, rows in total["runs"].items() if pod in inside}
    return total, bad


def _cost(answers: Readings, runs: Mapping[_Pod, Array], used: _Used, is_kept: _Flags) -> Columns | None:
    """What the runs cost in millionths of a dollar, where runs are counted as well; None where nobody counts it."""
    spent = _by_pod(answers.series("now.cost"), len(used.moments))
    counted = {pod: used.spent(runs[pod], rows * 1e6) for pod, rows in spent.items() if pod in runs}
    return used.columns(counted, is_kept) if counted else None


def _past(
    answers: Readings,
    within: Readings | None,
    beginning: Beginning,
    clock: _Clock,
    slow: Mapping[str, float],
) -> TrialPast:
    """Both tracks by the minute before; what was not answered is not there, which makes the judge more careful."""
    moments = clock.moments
    total, bad = _by_name(answers, within, "past", len(moments), slow)
    used = _Used(beginning, clock, moments, np.ones(len(moments) - 1, dtype=bool))
    totals: dict[str, PastColumns] = {}
    bads: dict[str, PastColumns] = {}
    for metric, rows_of in bad.items():
        if metric in _BAD and answers.series(f"past.bad.{metric}").doubts:
            continue
        what = TOTALS.get(metric, "runs")
        counted = {
            pod: used.increases(pod, rows, rows_of.get(pod), is_missing_none=metric in TOTALS)
            for pod, rows in total[what].items()
        }
        if not counted or (metric not in TOTALS and not rows_of):
            continue
        columns = used.tracks({pod: both[0] for pod, both in counted.items()})
        if totals.setdefault(what, columns) != columns:
            totals[metric] = columns
        bads[metric] = used.tracks({pod: both[1] for pod, both in counted.items()})
    return TrialPast(window_seconds=clock.step, total_events=totals, bad_events=bads)


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
    is_ordinary: NDArray[np.bool_]

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
        counts &= self.is_ordinary
        return np.where(counts, n, 0.0), np.where(counts, x, 0.0)

    def spent(self, runs: Array, cost: Array) -> Array:
        """What one pod's runs cost per interval, 0 where cost or runs are left out."""
        n, spent = counters.without_leaps(runs, counters.increases(runs)), counters.increases(cost)
        counts = np.isfinite(n) & np.isfinite(spent) & self._warm(runs) & self.is_ordinary
        return np.where(counts, spent, 0.0)

    def tracks(self, counts: Mapping[_Pod, Array]) -> PastColumns:
        """The sums of both tracks, whatever release their pods were of."""
        candidate = self.beginning.candidate
        ours, theirs = (
            self._sum(rows for (known, _), rows in counts.items() if known == track)
            for track in (candidate, candidate.other)
        )
        return PastColumns(candidate=_whole(ours), baseline=_whole(theirs))

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
