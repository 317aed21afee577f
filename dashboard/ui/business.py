"""Pieces of the Business page: its sentence, spending against the budget, figures with their definitions, reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from dashboard.decide.spending import CONFIDENCE
from dashboard.model.business import Account, Outcomes
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.view import View
from dashboard.queries.business import BusinessAnswer
from dashboard.ui import business_report, chart_html, session, states, theme, url
from dashboard.ui.chart_html import Chart
from dashboard.ui.folds import folded_table
from dashboard.ui.format import number, span, stamp
from dashboard.ui.lead import Tone, lead
from dashboard.ui.lines import ChartLine
from dashboard.ui.measures import TileSpec, columns, specs
from dashboard.ui.text import in_html, plain
from dashboard.ui.tiles import tiles

FIGURES: Final[Mapping[str, TileSpec]] = {
    "tasks": TileSpec(name="Tasks", help="Tasks that ended in the period, however they ended."),
    "success": TileSpec(
        name="Done without a person", good="up", help="Tasks that succeeded, of all tasks that ended in the period."
    ),
    "handover": TileSpec(
        name="Handed to people", good="down", help="Tasks that a person had to take over, of all that ended."
    ),
    "satisfaction": TileSpec(
        name="Satisfaction",
        good="up",
        help="How content people are: the mean over the period of each kind of task, weighted by its tasks.",
    ),
    "cost": TileSpec(
        name="Cost",
        good="down",
        help="What all agents of the namespace cost in the period in US dollars, runs of a preview track included.",
    ),
    "cost_success": TileSpec(
        name="Cost per successful task",
        good="down",
        help="The cost of the period over its tasks that succeeded, which pay for all others too.",
    ),
    "value": TileSpec(
        name="Value", good="up", help="What the tasks of the period are worth in US dollars, as counted."
    ),
    "return": TileSpec(name="Value per dollar", good="up", help="The value of the period over its cost."),
    "p95": TileSpec(name="Slow tasks (p95)", good="down", help="One task in 20 of the period takes longer."),
}
FORECAST: Final = (
    "The forecast: an hour to come costs what the same hour of the week has cost on average over the last two to six "
    "whole weeks, times their trend. The interval holds the end of the period in 9 of 10 cases; it is wider where days "
    "or weeks differ more, and where fewer are known. It needs two whole weeks."
)


def sentence(answer: BusinessAnswer) -> tuple[str, Tone, str]:
    """The page's answer, how it is meant, and what it does not cover. Plain text. Pure."""
    tasks, tone_of_tasks = _tasks_in_words(answer)
    spending, tone_of_budget = _budget_in_words(answer)
    tones: tuple[Tone, ...] = ("sick", "warn", "quiet", "well")
    tone = next(tone for tone in tones if tone in (tone_of_tasks, tone_of_budget))
    return f"{tasks}; {spending}" if spending else tasks, tone, " ".join(_not_covered(answer))


def _tasks_in_words(answer: BusinessAnswer) -> tuple[str, Tone]:
    found = answer.outcomes
    if found.value is None:
        return _without(found, "Tasks", "No task ended in this period"), "quiet"
    share, cost = answer.figures["success"].value.value, answer.figures["cost_success"].value
    if share is None:
        return "No task ended in this period", "quiet"
    of = f"{found.value.total:,.0f} {'task' if round(found.value.total) == 1 else 'tasks'}"
    least = "At least " if found.value.unclear else ""
    said = f"{least}{number(share, Unit.RATIO)} of {of} done without a person"
    if cost.value is not None:
        said += f", at {number(cost.value, Unit.USD)} each"
    elif cost.state in (State.UNMEASURED, State.MISSING):
        said += f"; what they cost is {'not measured here' if cost.state is State.UNMEASURED else 'missing'}"
    is_whole = found.state is State.FRESH
    return said if is_whole else f"{said} ({found.state})", "well" if is_whole else "warn"


def _without(found: Reading[Outcomes], what: str, empty: str) -> str:
    return {
        State.UNMEASURED: f"{what} are not measured here",
        State.EMPTY: empty,
    }.get(found.state, f"How many {what.lower()} ended is missing")


def _budget_in_words(answer: BusinessAnswer) -> tuple[str, Tone]:
    account, budget, name = answer.account.value, answer.budget.value, answer.budget_period.name
    if account is None:
        return "", "quiet"
    spent = number(account.spent, Unit.USD)
    known = "" if account.unknown_hours < 1 else "what is known of "
    if not budget:
        return f"{known}{name} has cost {spent} so far, with no budget to hold it against", "quiet"
    used = f"{known}{name} has used {number(account.spent / budget, Unit.RATIO)} of the budget"
    if account.spent > budget:
        return used, "sick"
    end = account.at_end
    if end is None:
        return used, "quiet"
    low, high = (round(100 * value / budget) for value in (end.low, end.high))
    between = f"{low} to {high} %" if low < high else f"{low} %"
    tone: Tone = "sick" if end.low > budget else "warn" if end.high > budget else "well"
    return f"at this pace {known}{name} ends at {between} of the budget", tone


def _not_covered(answer: BusinessAnswer) -> list[str]:
    """What the sentence leaves out, each as a sentence."""
    said = []
    if answer.outcomes.state is not State.FRESH and answer.outcomes.reason:
        said.append(f"Tasks: {answer.outcomes.reason}.")
    if answer.measured_from is not None:
        said.append(f"Tasks are counted since {stamp(answer.measured_from)}, not over the whole period.")
    account = answer.account.value
    if account is None:
        said.append(f"Spending against the budget: {answer.account.reason}.")
        return said
    if account.unknown_hours >= 1:
        since = "" if account.known_from is None else f", {_first_known(account)}"
        said.append(f"Of {account.period.name} the cost of {account.unknown_hours:,.0f} h is not known{since}.")
    if account.no_forecast:
        said.append(f"No forecast: {account.no_forecast}.")
    if answer.budget.value is None:
        said.append(f"Budget: {answer.budget.reason}.")
    return said


def _first_known(account: Account) -> str:
    at = datetime.fromtimestamp(account.known_from or 0.0, UTC)
    if account.known_from == account.period.start.timestamp():
        return "with gaps within the period"
    return f"most of it before {stamp(at, str(account.period.start.tzinfo))}"


def top(answer: BusinessAnswer) -> None:
    """The sentence, and what it does not cover."""
    said, tone, detail = sentence(answer)
    lead(plain(said, limit=600), tone, detail=plain(detail, limit=1500))


def budget(answer: BusinessAnswer) -> None:
    """Spending over the budget's period as a picture: what was spent, what is to come, and the budget."""
    name = answer.budget_period.name
    with st.container(border=True, key="chart-business-budget", gap="xxsmall"):
        st.markdown(f"**Spent in {plain(name)}, against the budget**")
        states.badge(answer.account, session.now())
        if answer.account.value is None:
            states.note(answer.account)
            return
        chart = budget_chart(answer, answer.account.value, theme.colours())
        st.html(chart_html.html(chart, theme.colours()) + chart_html.table(chart))
        if answer.budget.state is not State.FRESH:
            states.note(answer.budget, "Budget")
        elif answer.is_budget_set:
            st.caption("The budget is from the settings.")


def budget_chart(answer: BusinessAnswer, account: Account, colours: Mapping[str, str]) -> Chart:
    """The picture of `budget`. Pure."""
    return Chart(
        title=f"Spent in {account.period.name}",
        lines=[ChartLine(name="spent", series=account.course, colour=colours["brand"], dash="")],
        unit=Unit.USD,
        limit=answer.budget.value,
        limit_name="budget",
        band=tuple((point.at, point.low, point.high) for point in account.ahead),
        band_name=f"by the end ({CONFIDENCE:.0%} likely)",
        markers=answer.changes,
        tz=str(account.period.start.tzinfo),
    )


def figures(answer: BusinessAnswer) -> None:
    """The figures of the period."""
    length = span(answer.period.span)
    st.caption(f"Figures cover the whole {length} and are compared with the {length} before. Whole namespace.")
    tiles(specs("business", answer.figures, FIGURES, {}), columns=5, key="business")


def breakdowns(answer: BusinessAnswer, view: View) -> None:
    """The same by kind of task, and what each agent costs."""
    kinds = columns(("kind of task",), business_report.KIND_UNITS)
    folded_table("Kinds of task", answer.kinds, kinds, key="business.kinds", csv_name="task-kinds")
    folded_table(
        "Agents by cost",
        answer.agents,
        columns(("agent",), business_report.AGENT_UNITS),
        key="business.agents",
        csv_name="agent-costs",
        link=lambda row: f"agents?{urlencode(url.link(view, agent=row.name))}" if row.name else "",
    )
    st.caption("Tasks are counted where they enter, without their agent: what a kind of task costs is not known.")


def definitions() -> None:
    """What each figure means, folded."""
    terms = "".join(f"<dt>{in_html(spec.name)}</dt><dd>{in_html(spec.help)}</dd>" for spec in FIGURES.values())
    forecast = f"<dt>Forecast</dt><dd>{in_html(FORECAST, limit=600)}</dd>"
    st.html(
        f'<details class="td-data"><summary>What each figure means</summary><dl class="td-terms">{terms}{forecast}</dl>'
        "</details>"
    )


def reports(answer: BusinessAnswer, view: View) -> None:
    """The figures of the period as files."""
    said, _, detail = sentence(answer)
    account = answer.account.value
    picture = "" if account is None else chart_html.picture(budget_chart(answer, account, theme.LIGHT), theme.LIGHT)
    report = business_report.Report(
        place=f"{view.env} / {view.ns}",
        made_at=session.now(),
        sentence=said,
        detail=detail,
        picture=picture,
        terms={**{key: (spec.name, spec.help) for key, spec in FIGURES.items()}, "forecast": ("Forecast", FORECAST)},
        answer=answer,
    )
    name = f"business-{answer.period.start:%Y%m%d-%H%M}-{answer.period.end:%Y%m%d-%H%M}"
    with st.container(horizontal=True, key="business-reports", vertical_alignment="center"):
        st.download_button(
            "Report (HTML)",
            lambda: business_report.as_html(report),
            file_name=f"{name}.html",
            mime="text/html",
            icon=":material/description:",
            key="business.html",
            on_click="ignore",
        )
        st.download_button(
            "Report (CSV)",
            lambda: business_report.as_csv(report),
            file_name=f"{name}.csv",
            mime="text/csv",
            icon=":material/download:",
            key="business.csv",
            on_click="ignore",
        )
