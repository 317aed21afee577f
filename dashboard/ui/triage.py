"""Pieces of the Triage page: the sentence on top, the incidents, the services with their tracks, the budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import streamlit as st

from dashboard.model.incident import CauseFamily, Measured, Standing
from dashboard.model.reading import State, Unit
from dashboard.model.view import View
from dashboard.model.words import Severity
from dashboard.model.workload import SICK, Health
from dashboard.queries.measures import period
from dashboard.queries.triage import Budget, ServiceLine, Triage
from dashboard.ui import page, session, states, unfinished
from dashboard.ui.format import clock, span
from dashboard.ui.incident_card import MEASURES, UNITS, card, colour
from dashboard.ui.tables import Column, table
from dashboard.ui.text import plain
from dashboard.ui.tiles import Tile, tiles


def audit_card(troubles: Sequence[str], view: View) -> None:
    """What is wrong with the audit: without it nothing can be switched or rolled back, or proved afterwards."""
    if not troubles:
        return
    with st.container(border=True, key="audit-trouble", gap="xsmall"):
        st.markdown("##### :material/history_edu: The audit is not in order")
        for trouble in troubles:
            st.markdown(plain(trouble, limit=600))
        page.go("release", "Release", view, icon=":material/swap_horiz:")


def headline(found: Triage, view: View, now: datetime, *, is_audit_well: bool = True) -> None:
    """What was looked at and found quiet, what is not measured here and what is not known; details on demand.

    "No problem found" is said of what was measured, and not at all while something else on the page is not in order.
    """
    open_ones = [i for i in found.incidents if i.standing is not Standing.SUPPRESSED]
    if untold := _untold(found):
        missing = "; ".join(f"{plain(_listed(what))} ({plain(why)})" for why, what in untold.items())
        st.warning(
            f"**Not known whether all is well.** Not answered, or not understood: {missing}.",
            icon=":material/visibility_off:",
        )
    elif found.unknown:
        pass  # the cards of the sources that do not answer say what is not known
    elif not open_ones and (not is_audit_well or any(line.unfinished for line in found.services.value or ())):
        pass  # `audit_card` and `unfinished_actions` say what is not in order
    elif not open_ones and not found.has_traffic:
        _quiet(
            ":material/do_not_disturb_on: **No agent run was measured.** Without runs, errors, latency and contracts "
            f"are not known. No problem found in the rest: {_listed(_without_runs(found))}. "
            f"Checked {clock(now, view.tz)}."
        )
    elif not open_ones:
        _quiet(
            f":material/check_circle: **No problem found in what is measured here:** "
            f"{_listed(found.coverage.looked_at)}. {_gaps(found)}Checked {clock(now, view.tz)}."
        )
    if not view.range:
        st.caption("Incidents are those of now. Only the figures of the services cover the chosen period.")


def _untold(found: Triage) -> Mapping[str, Sequence[str]]:
    """What is not known and what no card of a source tells, by the reason."""
    told = {what for awaited in found.coverage.awaited.values() for what in awaited}
    rest = {why: [one for one in what if one not in told] for why, what in found.unknown.items()}
    return {why: what for why, what in rest.items() if what}


_NEED_RUNS = ("runs", "error ratios", "latency", "contract violations", "cost of a run")


def _without_runs(found: Triage) -> tuple[str, ...]:
    return tuple(what for what in found.coverage.looked_at if what not in _NEED_RUNS)


def _listed(what: Sequence[str], *, most: int = 5) -> str:
    """The first few by name and the rest by number: the details are one tap away."""
    if not what:
        return "nothing"
    rest = len(what) - most
    return ", ".join(what[:most]) + (f" and {rest} more" if rest > 0 else "")


def _gaps(found: Triage) -> str:
    """What the good news does not cover."""
    coverage = found.coverage
    said = ""
    if coverage.unmeasured:
        said += f"Not measured here: {_listed(tuple(coverage.unmeasured))}. "
    if coverage.silent:
        said += f"Without data now: {plain(_listed(tuple(coverage.silent)))}. "
    return said


def looked_at(found: Triage) -> None:
    """Everything that was looked at, and what was not and why: one tap away, below what is wrong."""
    coverage = found.coverage
    with st.popover("What was looked at", icon=":material/visibility:", key="coverage"):
        st.markdown(f"**Looked at:** {plain(', '.join(coverage.looked_at), limit=2000) or 'nothing was answered'}.")
        for title, gaps in (("Not measured here", coverage.unmeasured), ("Without data now", coverage.silent)):
            if gaps:
                st.markdown(
                    f"**{title}:**\n" + "\n".join(f"- {plain(what)}: {plain(why)}" for what, why in gaps.items())
                )
        _unknown(coverage.unknown)


def _unknown(unknown: Mapping[str, Sequence[str]]) -> None:
    if unknown:
        rows = (f"- {plain(', '.join(what), limit=600)}: {plain(why)}" for why, what in unknown.items())
        st.markdown("**Not known now:**\n" + "\n".join(rows))


def unfinished_actions(found: Triage, view: View) -> None:
    """Actions that have not ended. One whose process died waits for a person, on Release."""
    for line in found.services.value or ():
        if line.unfinished is None:
            continue
        with st.container(border=True, key=f"unfinished-{line.name}", gap="xsmall"):
            title = "left unfinished" if line.unfinished.is_left_behind else "under way"
            st.markdown(
                f"##### :material/running_with_errors: {plain(line.name)}: {line.unfinished.intent.kind} {title}"
            )
            st.markdown(unfinished.sentence(line.unfinished, view))
            page.go("release", "Release", view, icon=":material/swap_horiz:", service=line.name)


def _living(found: Triage) -> int:
    """How many pods there are; those that are over are none any more."""
    return sum(pod.health is not Health.OVER for pod in found.pods.value or ())


def _quiet(words: str) -> None:
    """Good news without colour: green is a track."""
    with st.container(border=True, key="calm"):
        st.markdown(words)


def cards(found: Triage, view: View, now: datetime) -> None:
    """Incidents that are open, then the suppressed ones in one closed section; that of a link stands first."""
    suppressed = [i for i in found.incidents if i.standing is Standing.SUPPRESSED]
    no_owner = "not known" if found.services.value is None else "no owner named"
    if view.alert:
        _linked(found, view)
    for incident in found.incidents:
        if incident.standing is not Standing.SUPPRESSED:
            card(incident, found.evidence.get(incident.key), view, now, no_owner=no_owner)
    if suppressed:
        title = f"{len(suppressed)} acknowledged, silenced, inhibited or muted"
        is_linked = any(view.alert in one.fingerprints for one in suppressed)
        with st.expander(title, icon=":material/notifications_off:", expanded=is_linked):
            for incident in suppressed:
                st.markdown(f"{plain(incident.headline)} :gray[since {clock(incident.since, view.tz)}]")


def _linked(found: Triage, view: View) -> None:
    """What became of the alert that the link names, and the way back to the usual order."""
    mine = [incident for incident in found.incidents if view.alert in incident.fingerprints]
    if found.alerts.value is None:
        said = f"whether the alert of this link still fires is not known: {plain(found.alerts.reason)}"
    elif not mine:
        said = "the alert of this link no longer fires"
    elif mine[0].standing is Standing.SUPPRESSED:
        said = "nobody is told of the alert of this link now: it is acknowledged, silenced or inhibited"
    else:
        said = "first the incident of the alert that you came from"
    with st.container(horizontal=True, key="triage-linked", gap="small", vertical_alignment="center"):
        st.caption(f":material/link: {said[0].upper()}{said[1:]}.", width="content")
        page.link("triage", "Usual order", replace(view, alert=""), icon=":material/sort:", width="content")


def services(found: Triage, view: View) -> None:
    """Each governed service with the figures of the track that users get."""
    st.markdown("##### Services")
    states.note(found.services, "Which track is active")
    if any(one.family is CauseFamily.STOPPED and one.severity is Severity.CRITICAL for one in found.incidents):
        st.caption(
            ":material/front_hand: Agents are stopped by policy. Denied runs count as neither failed nor in breach, so "
            "these figures do not show them."
        )
    for line in found.services.value or ():
        _service(line, found, view)


def _service(line: ServiceLine, found: Triage, view: View) -> None:
    tracks = " · ".join(
        f"{w.track} {plain(w.version)}, {w.ready} of {w.desired} ready" + (", **active**" * (w.track == line.active))
        for w in line.tracks
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"service-{line.name}"):
        st.markdown(f"**{plain(line.name)}** :gray[{plain(line.owner)}] {tracks}", width="content")
    figures = found.figures.get((line.name, line.active), {})
    _tiles_of(line, figures, found.limits, view)


def _tiles_of(line: ServiceLine, figures: Mapping[str, Measured], limits: Mapping[str, float], view: View) -> None:
    named = {**MEASURES, "runs": "Runs"}
    length = period(view, session.now()).span
    tiles(
        [
            Tile(
                name=f"{label}, {line.active}" if line.active else label,
                value=figures[name].value,
                unit=UNITS[name],
                key=f"{line.name}-{name}",
                previous=figures[name].previous,
                spark=figures[name].course,
                good="neutral" if name == "runs" else "down",
                limit=limits.get(name),
                colour=colour(line.active),
                note=f"over {span(length)}",
                help=f"Of {line.name}{f' on {line.active}, the track that users get' if line.active else ''}.",
            )
            for name, label in named.items()
            if name in figures
        ],
        key=f"service-{line.name}",
    )


def budgets(found: Triage, view: View) -> None:
    """What is left of each objective's error budget."""
    st.markdown("##### Error budgets")
    columns: Sequence[Column[Budget]] = (
        Column(name="Objective", cell=lambda b: f"{b.service} {b.track}, {b.slo}", essential=True),
        Column(name="Left of 3 days", cell=lambda b: b.remaining, unit=Unit.LEFT, essential=True),
        Column(name="Burn rate", cell=lambda b: b.burn_rate, unit=Unit.TIMES, essential=True),
    )
    table(found.budgets, columns, key="triage.budgets", csv_name="error-budgets", tz=view.tz)


def pods(found: Triage, view: View) -> None:
    """Pods that are not what they should be."""
    st.markdown("##### Pods not ready")
    sick = found.pods.map(lambda all_of: tuple(p for p in all_of if p.health in (*SICK, Health.UNKNOWN)))
    if sick.value == ():
        _no_sick_pod(found)
        return
    table(
        sick,
        (
            Column(name="Pod", cell=lambda p: p.name, essential=True),
            Column(name="State", cell=lambda p: p.trouble or p.health.value, essential=True),
            Column(name="Restarts", cell=lambda p: float(p.restarts), unit=Unit.COUNT, essential=True),
            Column(name="Version", cell=lambda p: f"{p.track} {p.version}".strip()),
        ),
        key="triage.pods",
        csv_name="pods-not-ready",
        tz=view.tz,
    )


def _no_sick_pod(found: Triage) -> None:
    """What can be said where no pod is sick: of a part or of an old answer only that."""
    living = _living(found)
    if found.pods.state is not State.FRESH:
        states.note(found.pods, f"None of the {living} that are known")
    elif living:
        st.caption(f":material/check_circle: none of {living}")
    else:
        st.caption(":material/do_not_disturb_on: there is no pod in this namespace")


def sources(view: View) -> None:
    """Each source: whether it answers, how fast, and when it last did."""
    st.markdown("##### Sources")
    states.source_badges(session.ask_for(view).health(), session.now(), view.tz)
