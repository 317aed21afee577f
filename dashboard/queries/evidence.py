"""Counts per interval of both tracks since a release began, from the raw counters of each pod.

Increases are computed here per pod over whole intervals and then summed (`pod_counts.py`), since `rate()` would smear
them. The newest interval ends a few seconds ago, so that a later look gives the same counts. Time without ordinary
traffic is left out (`disturbances.py`), and how much that is belongs to the evidence. The day before is counted by the
minute: it shows how much rates vary by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from dashboard.catalog import release as catalog
from dashboard.catalog.escaping import Regex, literal
from dashboard.catalog.expression import Expression
from dashboard.decide import latency
from dashboard.decide.factor import Array
from dashboard.decide.ordinary import Flags
from dashboard.decide.ordinary_trial import ordinary_past, without_faults
from dashboard.decide.trial_tables import OVER_LIMIT, RUNS_ACTIVE, TOTALS
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.release import Track
from dashboard.model.series import Series
from dashboard.model.trial import Columns, PastColumns, SlowBound, Trial, TrialPast
from dashboard.model.written import span
from dashboard.queries.ask import Ask, Range, Readings, Request
from dashboard.queries.believed import is_lower_bound
from dashboard.queries.disturbances import Disturbed, disturbances
from dashboard.queries.frozen_bounds import frozen
from dashboard.queries.pod_counts import Pod, Used, by_pod, by_pod_of, one_sided
from dashboard.queries.trial_clock import Beginning, Clock, clock_of, moment, past_clock
from dashboard.queries.warm_up import warm_up

LONGEST = timedelta(hours=24)

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
# The concepts of the settings' names that the bad events of each metric belong to.
_CONCEPTS = {
    "errors": "agent_runs",
    "violations": "contract_evaluations",
    "tools": "tool_calls",
    "denials": "policy_decisions",
}
_WHAT = {"runs": "agent runs", "evaluations": "contract evaluations", "tools": "tool calls", "decisions": "decisions"}
_DOUBTFUL = (State.MISSING, State.STALE, State.PARTIAL)


def trial(ask: Ask, beginning: Beginning, now: datetime) -> Reading[Trial]:
    """What both tracks did since `beginning`, until now. Asks in rounds: the warm-up, counters, then latency."""
    if now - beginning.at > LONGEST:
        reason = f"the release began more than {span(LONGEST)} ago: begin a new one"
        return empty(reason, source=Source.PROMETHEUS, as_of=now)
    warm = warm_up(ask, beginning)
    if warm.value is None:
        return missing(warm.reason, source=Source.PROMETHEUS, query=warm.query)
    scrapes = ask.environment.prometheus.scrape_interval_seconds
    clock = clock_of(beginning, now, scrape_interval_seconds=scrapes, warm_up=warm.value)
    values = {"namespace": beginning.namespace, "service": beginning.service}
    before = past_clock(clock)
    first = _asked("now", clock, values) | _asked("past", before, values)
    answers = ask.gather(first)
    readings = [_countable(answers.series(key)) for key in first if key.startswith("now.") and key not in _OPTIONAL]
    disturbed = disturbances(answers, "now", clock, beginning)
    disturbed_before = disturbances(answers, "past", before, beginning)
    spans = (*disturbed_before.spans, *disturbed.spans)
    bounds, over, labels, problem = frozen(ask, beginning, clock, now, spans)
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
    own = _of_own_metric(ask)
    seconds = (*(bound.seconds for bound in bounds), *(() if over is None else (over,)))
    found = _counted(answers, within, beginning, clock, bounds, over, disturbed, own)
    slow = dict(zip(_slow_names(bounds, over), seconds, strict=True))
    past = _past(answers, within, beginning, before, slow, own)
    found = without_faults(replace(found, past=ordinary_past(past, disturbed_before.flags)), _limits(ask))
    if problem:
        found = replace(found, problems={**found.problems, "latency": problem})
    never, unclear = _unmeasured(answers), _unclear(answers, beginning)
    said = {metric: why for metric, (why, _) in unclear.items()}
    unproven = tuple(sorted(metric for metric, (_, of_baseline) in unclear.items() if of_baseline))
    problems = {**found.problems, **said, **never}
    found = replace(
        found, problems=problems, unmeasured=never, unclear=said, unproven=unproven, warm_up_seconds=clock.warm_up
    )
    return fresh(found, source=Source.PROMETHEUS, as_of=min(now, moment(clock.end)), query=runs.query)


# A verdict does not need these: cost has its own gate, and not everybody has queues or a kill switch.
_OPTIONAL = ("now.cost", "now.stopped", "now.queue")


def _countable(reading: Reading[tuple[Series, ...]]) -> Reading[tuple[Series, ...]]:
    """The counters as a lower bound, where some bad events are told in words that nobody understands."""
    return replace(reading, state=State.FRESH, value=reading.value or ()) if is_lower_bound(reading) else reading


def _unclear(answers: Readings, beginning: Beginning) -> Mapping[str, tuple[str, bool]]:
    """By metric, why bad events may be missing from its counts, and whether that concerns the baseline."""
    found = {}
    for metric in _BAD:
        doubts = answers.series(f"now.bad.{metric}").doubts
        if doubts:
            of_baseline = any(track != beginning.candidate for _, track in doubts)
            found[metric] = "; ".join(dict.fromkeys(doubts.values())), of_baseline
    return found


def _asked(when: str, clock: Clock, values: Mapping[str, str]) -> dict[str, Request]:
    """The counters on a grid, and the metrics that tell when traffic was not ordinary."""
    named = {
        **{f"total.{name}": expression for name, expression in _TOTALS.items()},
        **{f"bad.{name}": expression for name, expression in _BAD.items()},
        "stopped": catalog.STOPPED,
        "queue": catalog.QUEUE_AGE,
    }
    if when == "now":
        named |= {"cost": catalog.COST_COUNTER, "active": catalog.ACTIVE_RUNS}
    return {f"{when}.{name}": _range(expression, values, clock) for name, expression in named.items()}


def _unmeasured(answers: Readings) -> Mapping[str, str]:
    """By metric, why nothing here has ever measured its events or which of them are bad."""
    behind: dict[str, tuple[str, ...]] = {
        metric: (f"now.total.{TOTALS[metric]}", f"now.bad.{metric}") for metric in _BAD
    }
    behind[RUNS_ACTIVE] = ("now.active",)
    found = {}
    for metric, keys in behind.items():
        never = next((r for r in map(answers.series, keys) if r.state is State.UNMEASURED), None)
        if never is not None:
            found[metric] = never.reason
    return found


def _slow_names(bounds: tuple[SlowBound, ...], over: float | None) -> tuple[str, ...]:
    slow = tuple(f"slow_{index}" for index in range(len(bounds)))
    return slow if over is None else (*slow, OVER_LIMIT)


def _of_own_metric(ask: Ask) -> frozenset[str]:
    """The metrics whose bad events are another metric than their events, and so may be more than these."""
    named = ask.environment.mapping.metrics
    return frozenset(metric for metric, key in _CONCEPTS.items() if key in named and named[key].bad_series)


def _limits(ask: Ask) -> dict[str, float]:
    return {"errors": ask.environment.release.error_ratio, "violations": ask.environment.release.violation_ratio}


def _range(expression: Expression, values: Mapping[str, str], clock: Clock) -> Range:
    return Range(expression, values, moment(clock.history_from), moment(clock.end), clock.step)


def _counted(
    answers: Readings,
    within: Readings | None,
    beginning: Beginning,
    clock: Clock,
    bounds: tuple[SlowBound, ...],
    over: float | None,
    disturbed: Disturbed,
    own: Collection[str],
) -> Trial:
    moments = clock.moments
    seconds = (*(bound.seconds for bound in bounds), *(() if over is None else (over,)))
    slow = dict(zip(_slow_names(bounds, over), seconds, strict=True))
    total_events, bad_events = _by_name(answers, within, "now", len(moments), slow)
    kept = np.concatenate([moments[:-1] < clock.history_until, moments[:-1] >= clock.begin]).reshape(2, -1)
    is_kept: Flags = np.logical_or.reduce(kept)
    used = Used(beginning, clock, moments, ~disturbed.flags)
    columns_total: dict[str, Columns] = {}
    columns_bad: dict[str, Columns] = {}
    problems: dict[str, str] = {}
    contradicted: dict[Pod, Flags] = {}
    for metric in bad_events:
        what = TOTALS.get(metric, "runs")
        is_slow = metric not in TOTALS
        if problem := one_sided(total_events[what], beginning.candidate, _WHAT[what]):
            problems["latency" if is_slow else metric] = problem
        elif is_slow and (problem := one_sided(bad_events[metric], beginning.candidate, "runs by their time")):
            problems["latency"] = problem
        counted = {
            pod: used.increases(
                rows, bad_events[metric].get(pod), is_missing_none=not is_slow, are_of_own=metric in own
            )
            for pod, rows in total_events[what].items()
        }
        total = used.columns({pod: both[0] for pod, both in counted.items()}, is_kept)
        if columns_total.setdefault(what, total) != total:
            columns_total[metric] = total
        columns_bad[metric] = used.columns({pod: both[1] for pod, both in counted.items()}, is_kept)
        if not is_slow and metric not in own:
            for pod, rows in total_events[what].items():
                odd = used.contradicted(rows, bad_events[metric].get(pod))
                contradicted[pod] = contradicted.get(pod, False) | odd
    return Trial(
        started_at=moment(clock.begin),
        interval_seconds=clock.step,
        history=int(kept[0].sum()),
        total_events=columns_total,
        bad_events=columns_bad,
        bounds=bounds,
        left_out=used.left_out(total_events["runs"], contradicted),
        problems=problems,
        over_seconds=over if OVER_LIMIT in columns_bad else None,
        cost=_cost(answers, total_events["runs"], used, is_kept),
        active=_active(answers, total_events["runs"], used, is_kept),
        set_aside=disturbed.seconds,
    )


_Rows = dict[str, dict[Pod, Array]]


def _by_name(
    answers: Readings, within: Readings | None, when: str, length: int, slow: Mapping[str, float]
) -> tuple[_Rows, _Rows]:
    """Total and bad events of each metric, by pod; runs slower than a bound are those that are not within it."""
    total = {name: by_pod(answers.series(f"{when}.total.{name}"), length) for name in _TOTALS}
    bad = {name: by_pod(answers.series(f"{when}.bad.{name}"), length) for name in _BAD}
    lines = (within.series(when).value if within else None) or ()
    for name, seconds in slow.items():
        inside = by_pod_of((line for line in lines if latency.bound_of(line.labels.get("le", "")) == seconds), length)
        bad[name] = {pod: rows - inside[pod] for pod, rows in total["runs"].items() if pod in inside}
    return total, bad


def _cost(answers: Readings, runs: Mapping[Pod, Array], used: Used, is_kept: Flags) -> Columns | None:
    """The cost of the runs in millionths of a dollar, for pods whose runs are counted; None where nobody counts it."""
    spent = by_pod(answers.series("now.cost"), len(used.moments))
    counted = {pod: used.spent(runs[pod], rows * 1e6) for pod, rows in spent.items() if pod in runs}
    return used.columns(counted, is_kept) if counted else None


def _active(answers: Readings, runs: Mapping[Pod, Array], used: Used, is_kept: Flags) -> Columns | None:
    """The runs under way at the end of each interval, of pods whose runs are counted; None where a track has none."""
    known = by_pod(answers.series("now.active"), len(used.moments))
    if not set(Track) <= {track for track, _ in known}:
        return None
    return used.columns({pod: used.level(runs[pod], rows) for pod, rows in known.items() if pod in runs}, is_kept)


def _past(
    answers: Readings,
    within: Readings | None,
    beginning: Beginning,
    clock: Clock,
    slow: Mapping[str, float],
    own: Collection[str],
) -> TrialPast:
    """Both tracks before, by the minute. What was not answered is missing, which makes the judge more careful."""
    moments = clock.moments
    total, bad = _by_name(answers, within, "past", len(moments), slow)
    used = Used(beginning, clock, moments, np.ones(len(moments) - 1, dtype=bool))
    totals: dict[str, PastColumns] = {}
    bads: dict[str, PastColumns] = {}
    for metric, rows_of in bad.items():
        if metric in _BAD and answers.series(f"past.bad.{metric}").doubts:
            continue
        what = TOTALS.get(metric, "runs")
        counted = {
            pod: used.increases(rows, rows_of.get(pod), is_missing_none=metric in TOTALS, are_of_own=metric in own)
            for pod, rows in total[what].items()
        }
        if not counted or (metric not in TOTALS and not rows_of):
            continue
        columns = used.tracks({pod: both[0] for pod, both in counted.items()})
        if totals.setdefault(what, columns) != columns:
            totals[metric] = columns
        bads[metric] = used.tracks({pod: both[1] for pod, both in counted.items()})
    return TrialPast(window_seconds=clock.step, total_events=totals, bad_events=bads)
