"""Contracts: are contracts kept?"""

from __future__ import annotations

import streamlit as st

from dashboard.model.reading import Unit
from dashboard.model.view import View
from dashboard.queries.agents import agent_names
from dashboard.queries.contracts import ContractsAnswer, contract_names, contracts
from dashboard.ui import session
from dashboard.ui.charts import time_chart
from dashboard.ui.contracts import FACES, contract_link, rule_link
from dashboard.ui.filters import TRACKS, choose
from dashboard.ui.lead import section
from dashboard.ui.measures import columns, covered, entry_columns, line_name, specs
from dashboard.ui.page import begin, live
from dashboard.ui.spans import line_link, trace_link
from dashboard.ui.tables import table
from dashboard.ui.tiles import tiles

_CONTRACT = {
    "evaluations": Unit.COUNT,
    "compliance": Unit.RATIO,
    "evaluated ago": Unit.SECONDS,
    "drift": Unit.RATIO,
}
_COUNT = {"count": Unit.COUNT}


def page() -> None:
    """Draw the page."""
    view = begin("Contracts", "Are contracts kept?")
    ask, now = session.ask_for(view), session.now()
    choose(view, track=TRACKS, contract=contract_names(ask, view, now), agent=agent_names(ask, view, now))

    def draw() -> None:
        _draw(session.answer(contracts, view), view)

    live(draw, key="contracts.live")


def _draw(answer: ContractsAnswer, view: View) -> None:
    tiles(specs("contracts", answer.measures, FACES, answer.limits), columns=5, key="contracts")
    st.caption(covered(answer.period))
    with st.grid(2, min_column_width=300, gap="small", key="contracts-charts"):
        time_chart(
            "Broken, by track",
            answer.broken,
            unit=Unit.RATIO,
            name=line_name("track"),
            key="contracts.chart.broken",
            limit=answer.limits.get("broken"),
            markers=answer.changes,
            tz=view.tz,
        )
        time_chart(
            "Violations each second, by rule",
            answer.rules,
            unit=Unit.PER_SECOND,
            name=line_name("rule"),
            key="contracts.chart.rules",
            markers=answer.changes,
            tz=view.tz,
        )
    section("By contract")
    table(
        answer.contracts,
        columns(("contract",), _CONTRACT),
        key="contracts.contracts",
        csv_name="contracts",
        link=contract_link(view),
    )
    section("Violations by rule")
    rule = columns(("rule", "contract", "severity", "enforcement"), _COUNT)
    table(answer.violations, rule, key="contracts.violations", csv_name="violations", link=rule_link(view))
    section("Newest violations")
    newest = answer.newest.map(lambda found: found.entries or None, empty="no violation was logged in this period")
    to_trace = trace_link(view)
    lines = entry_columns(line_link(view))
    table(newest, lines, key="contracts.newest", csv_name="newest-violations", tz=view.tz, link=to_trace)
    section("By kind of clause")
    table(answer.clauses, columns(("clause", "outcome"), _COUNT), key="contracts.clauses", csv_name="clauses")
    section("Policy decisions")
    decisions = columns(("policy", "stage", "decision"), _COUNT)
    table(answer.decisions, decisions, key="contracts.decisions", csv_name="policy-decisions")
