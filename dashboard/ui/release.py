"""Pieces of the Release page: the verdict, blue beside green, and the charts.

The gates are in `gates.py`, buttons and dialogs in `switching.py`.
"Good" is said by icon and word in a quiet tone, since green is a track.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.model.action import ActionKind, HistoryEntry, Outcome
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.release import GovernedService, Track
from dashboard.model.verdict import Decision, Mode, Verdict
from dashboard.model.view import Marker, View
from dashboard.queries.release import SLOW_SECONDS, ReleaseAnswer, TrackFigures
from dashboard.ui import states
from dashboard.ui.charts import time_chart
from dashboard.ui.format import ago, duration, shown
from dashboard.ui.ratios import ratio_chart
from dashboard.ui.text import in_html, plain

_ICONS: Final[Mapping[Decision, str]] = {
    Decision.GO: ":material/check_circle:",
    Decision.WAIT: ":material/hourglass_top:",
    Decision.NO_GO: ":material/block:",
}
_COLOURS: Final[Mapping[Decision, str]] = {Decision.GO: "primary", Decision.WAIT: "orange", Decision.NO_GO: "red"}


def verdict_card(verdict: Verdict, service: GovernedService | None, now: datetime) -> None:
    """The word, its sentence, and how far the weakest gate is from an answer."""
    with st.container(border=True, key=f"release-verdict-{verdict.mode}", gap="xsmall"):
        colour = _COLOURS[verdict.decision]
        st.markdown(f"## :{colour}[{_ICONS[verdict.decision]} {verdict.decision}] {plain(_about(verdict, service))}")
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
    head = f'<h3><b class="td-{track}">● {track}</b> <span>{role}</span></h3>'
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
    if status.ready_earlier:
        pairs.insert(1, ("ready, earlier release", in_html(str(status.ready_earlier))))
    if status.foreign:
        pairs.insert(1, ("other pods", in_html(", ".join(status.foreign))))
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs)
    version = in_html(" · ".join(filter(None, (status.version or "no version", service.own_name(track)))))
    return f'<div class="td-card">{head}<p class="td-version">{version}</p><dl>{rows}</dl></div>'


def _cell(reading: Reading[float], unit: Unit, now: datetime) -> str:
    """A value with what keeps it from being believed."""
    figure, why = in_html(shown(reading, unit)), in_html(reading.reason)
    if reading.state is State.EMPTY:  # the figure says so already
        return f'<span title="{why}">{figure}</span>'
    said = states.word(reading, now)
    return f'{figure} <small title="{why}">{said[0]}</small>' if said else figure


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
    # While all is well a phone shows the charts on demand: the figures stand beside each other above.
    over_time = st.expander(
        "Failed and slow runs over time",
        icon=":material/show_chart:",
        expanded=verdict.decision is not Decision.GO,
        key="fold-release-charts",
    )
    with over_time, st.grid(2, min_column_width=320, gap="small", key="release-charts"):
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
