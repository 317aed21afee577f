"""Where rows of the Contracts page lead: a contract to itself, a rule to the lines that tell of its violations."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from dashboard.model.figures import FigureRow
from dashboard.model.view import View
from dashboard.ui import url


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
