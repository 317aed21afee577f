"""What the Business page shows: what the agents bring, what they cost, and where spending ends against its budget.

Figures are over the whole period and compared with the one before it. Spending against the budget is of the budget's
own period, whatever the page looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.catalog import business as catalog
from dashboard.catalog.expression import Expression
from dashboard.decide import business as decide
from dashboard.decide.budget import account, period_at, read_from
from dashboard.model.business import Account, BudgetPeriod, Outcomes
from dashboard.model.figures import FigureRow, Measure
from dashboard.model.reading import Reading, Source, State, Unit, beside, combine, fresh, missing
from dashboard.model.series import Sample, Series
from dashboard.model.view import Marker, View
from dashboard.model.words import TaskOutcome, Vocabulary
from dashboard.queries.ask import Ask
from dashboard.queries.measures import Period, ask_changes, changes, period, rows
from dashboard.queries.readings import Readings
from dashboard.queries.request import Instant, Range, Request

AGENT = "gen_ai_agent_name"
NO_TASK = "no task ended in this period"
NO_NUMBER = "a count of tasks is no number (NaN), so shares of them are not known"
_HOUR = timedelta(hours=1)
_ASKED: Mapping[str, Expression] = {
    "tasks": catalog.TASKS,
    "value": catalog.VALUE,
    "cost": catalog.COST,
    "satisfaction": catalog.SATISFACTION,
    "p95": catalog.TASK_P95,
}
# What else the tables say, of this period alone.
_OF_ROWS: Mapping[str, Expression] = {"p95_of_kind": catalog.TASK_P95_BY_KIND, "runs": catalog.RUNS}

Samples = Reading[tuple[Sample, ...]]
Lines = Reading[tuple[Series, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessAnswer:
    """All readings of the page.

    Attributes:
        figures: each over the whole period, with the same of the period before, by its key.
        outcomes: how the tasks of the period ended.
        kinds: by kind of task.
        agents: by agent.
        budget_period: the one of now.
        budget: how much may be spent in it, in USD; `is_budget_set`: the settings say so, not a metric.
        account: what was spent in that period, and the forecast.
        measured_from: when tasks were first counted, if that was within the period.
    """

    period: Period
    figures: Mapping[str, Measure]
    outcomes: Reading[Outcomes]
    kinds: Reading[tuple[FigureRow, ...]]
    agents: Reading[tuple[FigureRow, ...]]
    budget_period: BudgetPeriod
    budget: Reading[float]
    is_budget_set: bool
    account: Reading[Account]
    measured_from: datetime | None
    changes: tuple[Marker, ...]


def business(ask: Ask, view: View, now: datetime) -> BusinessAnswer:
    """Everything that the page shows, asked at once."""
    over = period(view, now)
    settings = ask.environment.business
    spending = period_at(now, settings.period, ZoneInfo(settings.time_zone), begins_on_day=settings.begins_on_day)
    until = now.replace(minute=0, second=0, microsecond=0)
    answers = ask.gather(_requests(view, over, read_from(spending, until), until))
    table = ask.environment.words.tables().task
    tasks = answers.samples("tasks").said(NO_TASK)
    return BusinessAnswer(
        period=over,
        figures=_figures(answers, table),
        outcomes=_outcomes(tasks, table),
        kinds=_kinds(answers, table),
        agents=_agents(answers),
        budget_period=spending,
        budget=_budget(answers.samples("budget"), settings.budget, settings.period, now),
        is_budget_set=settings.budget > 0,
        account=answers.series("hours")
        .said("no hour's cost is known yet")
        .map(
            lambda lines: account(lines[0], spending, until) if lines else None,
            empty="no cost was counted since the budget's period began",
        ),
        measured_from=_measured_from(answers.series("tasks.course"), over),
        changes=changes(answers, ask.environment.blue_green.known, view.service),
    )


def _requests(view: View, over: Period, since: datetime, until: datetime) -> dict[str, Request]:
    place = {"namespace": view.ns}
    whole = {**over.values, **place, "window": over.length}
    course = {**whole, "window": over.course_window}
    at = None if over.live else over.end
    hourly = {**place, "window": "3600s", "span": f"{round((until - since).total_seconds())}s"}
    found: dict[str, Request] = {name: Instant(asked, whole, at) for name, asked in {**_ASKED, **_OF_ROWS}.items()}
    found |= {f"{name}.previous": Instant(asked, whole, over.start) for name, asked in _ASKED.items()}
    found |= {f"{name}.course": Range(asked, course, over.start, over.end) for name, asked in _ASKED.items()}
    found["budget"] = Instant(catalog.BUDGET, place)
    found["hours"] = Range(catalog.COST_BY_HOUR, hourly, since, until, step_seconds=3600)
    return found | ask_changes(view.ns)


def _figures(answers: Readings, table: Vocabulary[TaskOutcome]) -> dict[str, Measure]:
    """Each figure now, a period earlier, and over time."""

    def measure(unit: Unit, value: Callable[[str], Reading[float]], course: Lines) -> Measure:
        return Measure(unit=unit, value=value(""), previous=value(".previous"), course=course)

    def of_tasks(part: Callable[[Outcomes], float | None]) -> Callable[[str], Reading[float]]:
        def value(when: str) -> Reading[float]:
            found = _outcomes(answers.samples(f"tasks{when}").said(NO_TASK), table)
            return found.map(part, empty=found.reason or NO_TASK)

        return value

    def amount(name: str) -> Callable[[str], Reading[float]]:
        return lambda when: answers.samples(f"{name}{when}").map(_sum)

    def per_success(when: str) -> Reading[float]:
        return _over(amount("cost")(when), succeeded(when), empty="no task succeeded in this period")

    def returned(when: str) -> Reading[float]:
        return _over(amount("value")(when), amount("cost")(when), empty="nothing was spent in this period")

    succeeded = of_tasks(lambda found: found.succeeded)
    lines = {name: answers.series(f"{name}.course") for name in _ASKED}
    total = _summed(lines["tasks"], table)
    done = _summed(lines["tasks"], table, only=TaskOutcome.SUCCEEDED)
    handed = _summed(lines["tasks"], table, only=TaskOutcome.HANDED_OVER)
    cost, value = (_summed(lines[name], table) for name in ("cost", "value"))
    return {
        "tasks": measure(Unit.COUNT, of_tasks(lambda found: found.total), total),
        "success": measure(
            Unit.RATIO, of_tasks(lambda found: decide.share(found.succeeded, found.total)), _divided(done, total)
        ),
        "handover": measure(
            Unit.RATIO, of_tasks(lambda found: decide.share(found.handed_over, found.total)), _divided(handed, total)
        ),
        "satisfaction": measure(
            Unit.RATIO,
            lambda when: _satisfaction(answers, when, table),
            lines["satisfaction"].map(_mean),
        ),
        "cost": measure(Unit.USD, amount("cost"), cost),
        "cost_success": measure(Unit.USD, per_success, _divided(cost, done)),
        "value": measure(Unit.USD, amount("value"), value),
        "return": measure(Unit.TIMES, returned, _divided(value, cost)),
        "p95": measure(Unit.SECONDS, lambda when: answers.scalar(f"p95{when}"), lines["p95"]),
    }


def _outcomes(samples: Samples, table: Vocabulary[TaskOutcome]) -> Reading[Outcomes]:
    """How tasks ended. Where a word is not understood, what is known of the outcomes is not all of it."""
    found = samples.map(lambda several: decide.outcomes(several, table), empty=NO_NUMBER if samples.value else NO_TASK)
    words = decide.unclear_words(found.value) if found.value is not None else ""
    if not words or found.state not in (State.FRESH, State.PARTIAL):
        return found
    return replace(found, state=State.PARTIAL, reason="; ".join(filter(None, (found.reason, words))))


def _satisfaction(answers: Readings, when: str, table: Vocabulary[TaskOutcome]) -> Reading[float]:
    """The mean over the kinds of task, each by its tasks; a value outside 0..1 is no ratio."""
    rated, counted = answers.samples(f"satisfaction{when}"), answers.samples(f"tasks{when}")
    odd = [one.value for one in rated.value or () if one.value is not None and not 0 <= one.value <= 1]
    if odd:
        said = f"{odd[0]:g} is no ratio; metrics.satisfaction.unit says in which unit it is: ratio or percent"
        return missing(said, source=rated.source, query=rated.query)
    weights = {kind: one.total for kind, one in decide.by_kind(counted.value or (), table).items() if one is not None}
    return beside(rated, {"tasks": counted}).map(lambda found: decide.weighted(_by(found, decide.KIND), weights))


def _kinds(answers: Readings, table: Vocabulary[TaskOutcome]) -> Reading[tuple[FigureRow, ...]]:
    """A row for each kind of task, the most frequent first."""
    names = ("value", "satisfaction", "p95_of_kind")
    beside_them = {name: answers.samples(name) for name in names}
    of = {name: _by(reading.value or (), decide.KIND) for name, reading in beside_them.items()}

    def joined(samples: tuple[Sample, ...]) -> tuple[FigureRow, ...] | None:
        found = decide.by_kind(samples, table)
        ordered = sorted(found.items(), key=lambda item: (-(item[1].total if item[1] else 0.0), item[0]))
        return (
            tuple(
                FigureRow(
                    labels=(kind,),
                    figures={
                        "tasks": one.total if one else None,
                        "done": decide.share(one.succeeded, one.total) if one else None,
                        "handed over": decide.share(one.handed_over, one.total) if one else None,
                        "satisfied": of["satisfaction"].get(kind),
                        "value": of["value"].get(kind),
                        "p95": of["p95_of_kind"].get(kind),
                    },
                )
                for kind, one in ordered
            )
            or None
        )

    return beside(answers.samples("tasks").said(NO_TASK).map(joined, empty=NO_TASK), beside_them)


def _agents(answers: Readings) -> Reading[tuple[FigureRow, ...]]:
    """A row for each agent, the dearest first."""
    found = rows((AGENT,), {"cost": answers.samples("cost"), "runs": answers.samples("runs")})
    # A share of all costs needs all of them.
    total = decide.total(row.figures["cost"] for row in found.value or ())

    def more(row: FigureRow) -> FigureRow:
        cost, runs = row.figures["cost"], row.figures["runs"]
        figures = {"cost": row.figures["cost"], "of all": decide.share(cost, total), "runs": row.figures["runs"]}
        return replace(row, figures={**figures, "cost/run": decide.share(cost, runs)})

    return found.map(lambda all_of_them: tuple(map(more, all_of_them)) or None)


def _budget(said: Samples, in_settings: float, word: str, now: datetime) -> Reading[float]:
    """The budget of the settings, or else the metric's of the settings' period."""
    if in_settings > 0:
        return fresh(in_settings, source=Source.PROMETHEUS, as_of=now, query="")

    def of_period(samples: tuple[Sample, ...]) -> float | None:
        return next((one.value for one in samples if one.labels.get("period", "").casefold() == word), None)

    others = ", ".join(sorted({one.labels.get("period", "") or "no period" for one in said.value or ()}))
    return said.map(of_period, empty=f"no budget of a {word} is known, only of {others}; business.period sets it")


def _measured_from(course: Lines, over: Period) -> datetime | None:
    """When tasks were first counted, where that is well within the period."""
    known = [
        at for line in course.value or () for at, one in zip(line.times, line.values, strict=True) if one is not None
    ]
    first = datetime.fromtimestamp(min(known), UTC) if known else None
    return first if first is not None and first - over.start > max(_HOUR / 60, over.span / 20) else None


def _over(part: Reading[float], whole: Reading[float], *, empty: str) -> Reading[float]:
    return combine(part, whole).map(lambda pair: decide.share(*pair), empty=empty)


def _summed(lines: Lines, table: Vocabulary[TaskOutcome], *, only: TaskOutcome | None = None) -> Lines:
    return lines.map(lambda found: (decide.summed(found, only=only, table=table),))


def _divided(part: Lines, whole: Lines) -> Lines:
    return combine(part, whole).map(lambda pair: (decide.divided(pair[0][0], pair[1][0]),))


def _sum(samples: tuple[Sample, ...]) -> float | None:
    return decide.total(one.value for one in samples)


def _mean(lines: tuple[Series, ...]) -> tuple[Series, ...]:
    columns = [
        [value for value in values if value is not None] for values in zip(*(one.values for one in lines), strict=True)
    ]
    return (Series(times=lines[0].times, values=tuple(sum(c) / len(c) if c else None for c in columns)),)


def _by(samples: tuple[Sample, ...], label: str) -> dict[str, float | None]:
    return {sample.labels.get(label, ""): sample.value for sample in samples}
