"""The gates of a verdict: what fails or waits as cards, what passes in one line; each with its figures and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from dashboard.model.reading import Unit
from dashboard.model.verdict import ANYBODY, GateAnswer, Result, Verdict
from dashboard.model.view import View
from dashboard.ui import session, url
from dashboard.ui.code import code
from dashboard.ui.format import ago, count, duration, number
from dashboard.ui.lead import section
from dashboard.ui.text import in_html, plain

_SIGNS: Final[Mapping[Result, tuple[str, str]]] = {
    Result.PASS: ("✓", "pass"),
    Result.UNKNOWN: ("?", "unknown"),
    Result.FAIL: ("✕", "fail"),
}
_LONGEST_QUERY = 4000
_MANY = 3  # gates with one reason that share a card
# The page whose charts show what a gate is about.
_CHARTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("errors", "errors_compared", "latency", "latency_compared", "tools_compared", "cost", "runs_active"), "agents"
    ),
    **dict.fromkeys(("violations", "violations_compared", "denials_compared", "slo"), "contracts"),
    **dict.fromkeys(("capacity", "restarts", "way_back"), "resources"),
    "patterns": "logs",
}


def gates(verdict: Verdict, view: View, now: datetime) -> None:
    """What fails or waits, open and in order of concern; what passes, and what does not decide, in one line each."""
    counts = [f"{sum(g.result is result for g in verdict.gates)} {_SIGNS[result][1]}" for result in _SIGNS]
    section(f"Gates: {', '.join(counts)}")
    passing = [gate for gate in verdict.gates if gate.result is Result.PASS]
    aside = [gate for gate in verdict.gates if gate.result is Result.UNKNOWN and not gate.required]
    open_ones = [gate for gate in verdict.gates if gate not in passing and gate not in aside]
    if open_ones:
        st.html(_cards(open_ones, view, now))
    if passing:
        with st.expander(
            "1 gate passes" if len(passing) == 1 else f"{len(passing)} gates pass", icon=":material/check:"
        ):
            st.html(_cards(passing, view, now))
    if aside:
        names = ", ".join(gate.title for gate in aside)
        with st.expander(f"{len(aside)} unknown, not deciding: {names}", icon=":material/question_mark:"):
            st.html(_cards(aside, view, now))
    with st.expander("The queries behind the gates", icon=":material/query_stats:"):
        for gate in verdict.gates:
            if gate.query:
                st.caption(plain(gate.title))
                code(gate.query[:_LONGEST_QUERY])


def _cards(gates: Sequence[GateAnswer], view: View, now: datetime) -> str:
    """A card for each gate; gates that wait for the same share one where they are many."""
    waiting: dict[str, list[GateAnswer]] = {}
    for gate in gates:
        if gate.result is Result.UNKNOWN:
            waiting.setdefault(gate.reason, []).append(gate)
    cards = []
    for gate in gates:
        alike = waiting.get(gate.reason, []) if gate.result is Result.UNKNOWN else []
        if len(alike) < _MANY:
            cards.append(_gate(gate, view, now))
        elif gate is alike[0]:
            cards.append(_gates_alike(alike))
    return f'<div class="td-gates">{"".join(cards)}</div>'


def _gates_alike(gates: Sequence[GateAnswer]) -> str:
    """One card for gates that wait for the same."""
    sign, decision = _SIGNS[gates[0].result]
    names = in_html(", ".join(gate.title for gate in gates), limit=1000)
    return (
        f'<div class="td-gate td-{decision}"><h3><span class="td-sign">{sign} {decision}</span> {len(gates)} gates</h3>'
        f'<p>{in_html(gates[0].reason)}</p><div class="td-note">{names}</div></div>'
    )


def _gate(gate: GateAnswer, view: View, now: datetime) -> str:
    sign, decision = _SIGNS[gate.result]
    facts = [in_html(fact) for fact in _facts(gate, now)] + _charts_behind(gate, view)
    aside = "" if gate.required else " <small>does not decide</small>"
    title = f'<span class="td-sign">{sign} {decision}</span> {in_html(gate.title)}{aside}'
    return (
        f'<div class="td-gate td-{decision}"><h3>{title}</h3>'
        f"<p>{in_html(gate.reason)}</p>"
        f'<div class="td-note">{" · ".join(facts)}</div>{_strength(gate)}</div>'
    )


def _charts_behind(gate: GateAnswer, view: View) -> list[str]:
    """A link to the page with the figures behind the gate, which keeps what is looked at; none where there is none."""
    page = _CHARTS.get(gate.gate, "")
    if page not in session.pages():
        return []
    # Beside the Release page, wherever the deck is mounted.
    filters, word = ({"track": "", "level": "error"}, "error lines") if page == "logs" else ({"track": ""}, "charts")
    asked = urlencode(url.link(view, **filters))
    return [f'<a href="{page}{in_html("?" + asked if asked else "")}" target="_self">{word}</a>']


def _strength(gate: GateAnswer) -> str:
    """How far the evidence has come towards an answer, either way; a bar ends where there is enough of it."""
    if gate.harm is None and gate.proof is None:
        is_open = gate.result is Result.UNKNOWN and _is_short(gate)
        return _bar("counted", gate.progress, "open") if is_open else ""
    # What was shown before the harm came no longer holds.
    holds = gate.proof is not None and gate.result is not Result.FAIL
    proof = _bar("shown to be fine", gate.proof or 0.0, "proof") if holds else ""
    harm = _bar("signs of harm", gate.harm, "harm") if gate.harm is not None else ""
    return proof + harm


def _is_short(gate: GateAnswer) -> bool:
    """Whether the gate needs more events than it has; with enough of them it waits for something else."""
    return bool(gate.needed) and (gate.sample or 0) < (gate.needed or 0)


def _bar(name: str, part: float, kind: str) -> str:
    return (
        f'<div class="td-strength td-{kind}" role="meter" aria-label="{name}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{part * 100:.0f}"><span>{name}</span><b><i style="width:{part:.0%}"></i></b></div>'
    )


def _facts(gate: GateAnswer, now: datetime) -> list[str]:
    """Value, limit, the other track, sample and freshness, as far as the gate has them."""
    facts = []
    # Counts stand in the sentence already, with what they count.
    if gate.unit not in (None, Unit.COUNT) and gate.value is not None:
        facts.append(f"{number(gate.value, gate.unit)}, limit {number(gate.limit, gate.unit)}")
    if gate.unit is not None and gate.baseline is not None:
        facts.append(f"other track {number(gate.baseline, gate.unit)}")
    if gate.sample is not None and gate.needed and _is_short(gate) and gate.result is Result.UNKNOWN:
        facts.append(f"{count(gate.sample)} of {count(gate.needed)} events")
    if gate.seconds_left:
        facts.append(f"about {duration(gate.seconds_left)} left")
    if gate.acceptors and gate.required and gate.result is Result.UNKNOWN:
        facts.append(f"{', '.join(gate.acceptors).replace(ANYBODY, 'anybody')} may accept this as unknown")
    if gate.as_of is not None:
        facts.append(ago(gate.as_of, now))
    return facts
