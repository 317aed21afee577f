"""Pieces of the Release page: the verdict, blue beside green, the gates, and the last actions.

Buttons and dialogs are in `switching.py`. "Good" is said by icon and word in a quiet tone, since green is a track.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from dashboard.model.action import ActionKind, HistoryEntry, Outcome
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.release import GovernedService, Track
from dashboard.model.verdict import ANYBODY, Decision, GateAnswer, Mode, Result, Verdict
from dashboard.model.view import Marker, View
from dashboard.queries.release import SLOW_SECONDS, ReleaseAnswer, TrackFigures
from dashboard.ui import session, states, url
from dashboard.ui.charts import time_chart
from dashboard.ui.code import code
from dashboard.ui.format import ago, count, duration, number, shown
from dashboard.ui.ratios import ratio_chart
from dashboard.ui.text import in_html, plain

_ICONS: Final[Mapping[Decision, str]] = {
    Decision.GO: ":material/check_circle:",
    Decision.WAIT: ":material/hourglass_top:",
    Decision.NO_GO: ":material/block:",
}
_COLOURS: Final[Mapping[Decision, str]] = {Decision.GO: "primary", Decision.WAIT: "orange", Decision.NO_GO: "red"}
_SIGNS: Final[Mapping[Result, tuple[str, str]]] = {
    Result.PASS: ("✓", "pass"),
    Result.UNKNOWN: ("?", "unknown"),
    Result.FAIL: ("✕", "fail"),
}
_LONGEST_QUERY = 4000
# The page whose charts show what a gate is about.
_CHARTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("errors", "errors_compared", "latency", "latency_compared", "tools_compared", "cost"), "agents"),
    **dict.fromkeys(("violations", "violations_compared", "denials_compared", "slo"), "contracts"),
    **dict.fromkeys(("capacity", "restarts", "way_back"), "resources"),
}


def verdict_card(verdict: Verdict, service: GovernedService | None, now: datetime) -> None:
    """The word, its sentence, and how far the weakest gate is from an answer."""
    with st.container(border=True, key=f"release-verdict-{verdict.mode}", gap="xsmall"):
        colour = _COLOURS[verdict.decision]
        st.markdown(f"### :{colour}[{_ICONS[verdict.decision]} {verdict.decision}] {plain(_about(verdict, service))}")
        st.markdown(plain(verdict.sentence, limit=500))
        weakest = verdict.weakest
        if weakest is not None and verdict.decision is Decision.WAIT:
            left = f", about {duration(weakest.seconds_left)} left" if weakest.seconds_left else ""
            st.progress(weakest.progress, text=f"weakest gate: {plain(weakest.title)}{left}")
        st.caption(f"{_made_of(verdict)} Judged {ago(verdict.at, now)}.")


def _about(verdict: Verdict, service: GovernedService | None) -> str:
    """What the verdict is on."""
    if service is None:
        return ""
    release = f"{service.name} {verdict.candidate} {verdict.version}"
    return f"for switching to {release}" if verdict.mode is Mode.BEFORE else f"for staying on {release}"


def _made_of(verdict: Verdict) -> str:
    """What the evidence rests on, since synthetic runs are not users."""
    if verdict.mode is Mode.BEFORE:
        return f"Evidence on {verdict.candidate}: test runs through its preview Service, no users."
    other = verdict.candidate.other
    return (
        f"Evidence on {verdict.candidate}: runs of users, against fixed limits and what {other} did in the hour before "
        "the switch. That is weaker than both side by side."
    )


def tracks(found: ReleaseAnswer, now: datetime) -> None:
    """Blue beside green, two columns on a phone as well."""
    service = found.service.value
    if service is None:
        states.note(found.service, "Tracks")
        return
    order = (service.active, service.preview)
    cards = "".join(_track(service, track, found.figures[track], now) for track in order)
    st.html(f'<div class="td-tracks">{cards}</div>')
    st.caption(
        f"Figures cover the last {duration(SLOW_SECONDS)}. The share of users is counted from the ready pods behind "
        "the Service."
    )
    if found.service.state is not State.FRESH:
        states.note(found.service, "Tracks")


def _track(service: GovernedService, track: Track, figures: TrackFigures, now: datetime) -> str:
    status = service.tracks.get(track)
    role = "active" if track is service.active else "preview"
    head = f'<h4><b class="td-{track}">● {track}</b> <span>{role}</span></h4>'
    if status is None:
        return f'<div class="td-card">{head}<p>no Deployment of this track</p></div>'
    pairs = [
        ("pods ready", in_html(f"{status.ready} of {status.desired}")),
        ("restarts", in_html(str(status.restarts))),
        ("users", _cell(figures.share, Unit.RATIO, now)),
        ("runs", _cell(figures.rate, Unit.PER_SECOND, now)),
        ("failed", _cell(figures.error_ratio, Unit.RATIO, now)),
        ("p95", _cell(figures.p95_seconds, Unit.SECONDS, now)),
        ("violations", _cell(figures.violation_ratio, Unit.RATIO, now)),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs)
    version = in_html(" · ".join(filter(None, (status.version or "no version", service.own_name(track)))))
    return f'<div class="td-card">{head}<p class="td-version">{version}</p><dl>{rows}</dl></div>'


def _cell(reading: Reading[float], unit: Unit, now: datetime) -> str:
    """A value with what keeps it from being believed."""
    said = states.word(reading, now)
    figure = in_html(shown(reading, unit))
    return f'{figure} <small title="{in_html(reading.reason)}">{said[0]}</small>' if said else figure


def gates(verdict: Verdict, view: View, now: datetime) -> None:
    """What fails or waits, open and in order of concern; what passes, and what does not decide, in one line each."""
    counts = [f"{sum(g.result is result for g in verdict.gates)} {_SIGNS[result][1]}" for result in _SIGNS]
    st.markdown(f"##### Gates :gray[{', '.join(counts)}]")
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
    return f'<div class="td-gates">{"".join(_gate(gate, view, now) for gate in gates)}</div>'


def _gate(gate: GateAnswer, view: View, now: datetime) -> str:
    sign, decision = _SIGNS[gate.result]
    facts = [in_html(fact) for fact in _facts(gate, now)] + _charts_behind(gate, view)
    aside = "" if gate.required else " <small>does not decide</small>"
    title = f'<span class="td-sign">{sign} {decision}</span> {in_html(gate.title)}{aside}'
    return (
        f'<div class="td-gate td-{decision}"><h5>{title}</h5>'
        f"<p>{in_html(gate.reason)}</p>"
        f'<div class="td-note">{" · ".join(facts)}</div>{_strength(gate)}</div>'
    )


def _charts_behind(gate: GateAnswer, view: View) -> list[str]:
    """A link to the page with the figures behind the gate, which keeps what is looked at; none where there is none."""
    page = _CHARTS.get(gate.gate, "")
    if page not in session.pages():
        return []
    # Beside the Release page, wherever the deck is mounted.
    asked = urlencode(url.link(view, track=""))
    return [f'<a href="{page}{in_html("?" + asked if asked else "")}" target="_self">charts</a>']


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
    if gate.sample is not None and _is_short(gate) and gate.result is Result.UNKNOWN:
        facts.append(f"{count(gate.sample)} of {count(gate.needed)} events")
    if gate.seconds_left:
        facts.append(f"about {duration(gate.seconds_left)} left")
    if gate.acceptors and gate.required and gate.result is Result.UNKNOWN:
        facts.append(f"{', '.join(gate.acceptors).replace(ANYBODY, 'anybody')} may accept this as unknown")
    if gate.as_of is not None:
        facts.append(ago(gate.as_of, now))
    return facts


def charts(found: ReleaseAnswer, past: Sequence[HistoryEntry], view: View) -> None:
    """How the tracks compare, then errors and latency of both over the view's period, with what happened marked."""
    candidate, verdict = found.evidence.candidate, found.after or found.before
    with st.expander(
        f"How {candidate} compares with {candidate.other}",
        icon=":material/compare_arrows:",
        expanded=verdict.decision is not Decision.GO,
    ):
        ratio_chart(found.ratios, candidate, key="release.ratios")
    changed = [entry for entry in past if entry.outcome is not Outcome.REFUSED and entry.kind is not ActionKind.CLEAR]
    markers = [Marker(at=entry.at, label=f"{entry.kind} to {entry.target}") for entry in changed]
    if found.evidence.trial.value is not None:
        markers.append(Marker(at=found.evidence.trial.value.started_at, label="compared from here"))
    with st.grid(2, min_column_width=320, gap="small", key="release-charts"):
        time_chart(
            "Failed runs",
            found.errors,
            unit=Unit.RATIO,
            name=_name,
            key="release.errors",
            limit=found.policy.limits.error_ratio,
            markers=markers,
            tz=view.tz,
        )
        time_chart(
            "Slow runs (p95)",
            found.p95,
            unit=Unit.SECONDS,
            name=_name,
            key="release.p95",
            limit=found.policy.limits.p95_seconds,
            markers=markers,
            tz=view.tz,
        )


def _name(labels: Mapping[str, str]) -> str:
    return labels.get("track", "all")
