"""Tiles of the Contracts page, and where its rows lead: a contract to itself, a rule to the lines of its violations."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from dashboard.model.figures import FigureRow
from dashboard.model.view import View
from dashboard.ui import url
from dashboard.ui.measures import TileSpec

_PLATFORM = "whole namespace"
FACES = {
    "compliance": TileSpec(
        name="Kept",
        good="up",
        help="Of the evaluations that passed, found a violation or ended in an error, the share that passed. Skipped "
        "ones and words that nobody understands count on neither side, as in the error budget.",
    ),
    "violations": TileSpec(name="Violations", good="down", help="Violations each second."),
    "budget": TileSpec(name="Budget left", good="up", limit=0.0, help="Of the error budget over 3 days."),
    "burn": TileSpec(
        name="Burn rate (1 h)",
        good="down",
        help="1 spends the budget of 3 days in 3 days, 14.4 in 5 hours.",
    ),
    "evaluations": TileSpec(name="Evaluations", help="Contract clauses evaluated each second."),
    "drift": TileSpec(name="Most drift", good="down", help="How far behaviour has moved from the contract's baseline."),
    "denials": TileSpec(name="Policy denials", good="down", note=_PLATFORM, help="Policy decisions that said no."),
    "approvals": TileSpec(
        name="Waiting for people", good="down", note=_PLATFORM, help="Approvals that are pending now."
    ),
    "waivers": TileSpec(name="Waivers", good="down", help="Exceptions from contracts that are granted now."),
}


def contract_link(view: View) -> Callable[[FigureRow], str]:
    """The same page for one contract; nowhere where that is what the view shows."""

    def link(row: FigureRow) -> str:
        name = row.labels[0]
        return "" if name in ("", view.contract) else f"contracts?{urlencode(url.link(view, contract=name))}"

    return link


def rule_link(view: View) -> Callable[[FigureRow], str]:
    """The newest log lines of one rule of one contract; each leads to its span. Rows are (rule, contract)."""

    def link(row: FigureRow) -> str:
        rule, contract = row.labels[:2]
        if not rule:
            return ""
        quoted = rule.replace("\\", "\\\\").replace('"', '\\"')
        found = url.link(view, contract=contract, q=f'clause:"{quoted}"')
        return f"logs?{urlencode(found)}"

    return link
