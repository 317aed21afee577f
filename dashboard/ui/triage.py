"""Pieces of the Triage page: the sentence on top, an incident's card, the services with their tracks, the budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import streamlit as st

from dashboard.decide.incidents import RESPONSE_TARGET
from dashboard.model.incident import CauseFamily, Incident, IncidentEvidence, Measured, Standing
from dashboard.model.reading import State, Unit
from dashboard.model.view import View
from dashboard.model.words import Severity
from dashboard.model.workload import SICK, Health
from dashboard.queries.incident import COURSE
from dashboard.queries.measures import period
from dashboard.queries.triage import Budget, ServiceLine, Triage
from dashboard.ui import page, session, states, unfinished
from dashboard.ui.alerts import OPEN
from dashboard.ui.format import ago, clock, duration, span
from dashboard.ui.log_lines import message
from dashboard.ui.tables import Column, table
from dashboard.ui.text import plain
from dashboard.ui.tiles import Tile, TileColour, tiles

# An alert may link to anywhere on the web, and to nothing that a browser would run.
_URL: Final = re.compile(r"https?://[^\s<>\"]{1,1000}")
RUNBOOKS: Final = Path(__file__).resolve().parents[2] / "deploy" / "runbooks"
_MOST_REASONS = 4
_NAMES = {"errors": "Failed runs", "violations": "Violations", "p95": "Slow runs (p95)"}
_UNITS = {"errors": Unit.RATIO, "violations": Unit.RATIO, "p95": Unit.SECONDS, "runs": Unit.PER_SECOND}
_AGENTS = ("agents", "Agents", ":material/smart_toy:")
_RESOURCES = ("resources", "Resources", ":material/memory:")
_DETAILS = {  # where a family's details are
    CauseFamily.CONTRACTS: ("contracts", "Contracts", ":material/contract:"),
    CauseFamily.STOPPED: ("contracts", "Contracts", ":material/contract:"),
    CauseFamily.PODS: _RESOURCES,
    CauseFamily.UNSERVED: _RESOURCES,
    CauseFamily.LOGS: ("logs", "Logs", ":material/notes:"),
    CauseFamily.CPU: _RESOURCES,
    CauseFamily.BLIND: _RESOURCES,
}


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
    if found.unknown:
        missing = "; ".join(f"{plain(_listed(what))} ({plain(why)})" for why, what in found.unknown.items())
        st.warning(
            f"**Not known whether all is well.** Not answered, or not understood: {missing}.",
            icon=":material/visibility_off:",
        )
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
    """Incidents that are open, then the suppressed ones in one closed section."""
    suppressed = [i for i in found.incidents if i.standing is Standing.SUPPRESSED]
    for incident in found.incidents:
        if incident.standing is not Standing.SUPPRESSED:
            _card(incident, found.evidence.get(incident.key), view, now)
    if suppressed:
        with st.expander(f"{len(suppressed)} acknowledged, silenced or inhibited", icon=":material/notifications_off:"):
            for incident in suppressed:
                st.markdown(f"{plain(incident.headline)} :gray[since {clock(incident.since, view.tz)}]")


def _card(incident: Incident, evidence: IncidentEvidence | None, view: View, now: datetime) -> None:
    with st.container(border=True, key=f"incident-{incident.key}", gap="xsmall"):
        _badges(incident, view, now)
        st.markdown(f"##### {plain(incident.headline)}")
        for reason in incident.reasons[:_MOST_REASONS]:
            st.markdown(plain(reason, limit=400))
        if evidence is not None:
            if words := _words(incident, evidence, view, now):
                st.markdown(" ".join(words))
            _proof(incident, evidence)
        with st.grid(3, min_column_width=130, gap="small", vertical_alignment="center", key=f"act-{incident.key}"):
            filters = {"service": incident.service, "track": incident.track}
            page.go("release", "Release", view, icon=":material/swap_horiz:", **filters)
            path, label, icon = _DETAILS.get(incident.family, _AGENTS)
            page.go(path, label, view, icon=icon, **filters)
            if evidence is not None and evidence.log is not None and evidence.log.value is not None:
                line = str(evidence.log.value.document)
                page.go("logs", "Log line", view, icon=":material/notes:", line=line, **filters)
            _acknowledge(incident)
            _runbook(incident)
        owner = plain(incident.owner) if incident.owner else "no owner named"
        alerts = f" Alerts: {plain(', '.join(incident.alerts))}." if incident.alerts else ""
        st.caption(f"Owner: {owner}.{alerts}")


def _acknowledge(incident: Incident) -> None:
    """The clock "answer within" has its button; the page opens the dialog."""
    if not incident.fingerprints or incident.severity is Severity.INFO:
        return
    if st.button(
        "Acknowledge", icon=":material/front_hand:", key=f"triage.acknowledge.{incident.key}", width="stretch"
    ):
        st.session_state[OPEN] = ("acknowledge", incident.fingerprints)
        st.rerun()


def _badges(incident: Incident, view: View, now: datetime) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        _severity_badge(incident)
        if incident.is_outage:
            st.badge("users get no service", icon=":material/person_off:", color="red")
        if incident.since is None:
            st.badge("no alert yet", icon=":material/query_stats:", color="gray")
            return
        age = now - incident.since
        st.badge(f"since {clock(incident.since, view.tz, seconds=False)}, {span(age)}", color="gray")
        left = RESPONSE_TARGET - age
        if left > timedelta(0):
            st.badge(f"answer within {span(left)}", icon=":material/timer:", color="gray")
        else:
            st.badge("unanswered for over 5 min", icon=":material/timer_off:", color="orange")


def _severity_badge(incident: Incident) -> None:
    match incident.severity:
        case Severity.CRITICAL:
            st.badge("critical", icon=":material/error:", color="red")
        case Severity.UNKNOWN:
            said = plain(incident.severity_word)
            st.badge(f"severity not understood: {said}", icon=":material/question_mark:", color="orange")
        case Severity.WARNING:
            st.badge("warning", icon=":material/warning:", color="orange")
        case Severity.INFO:
            st.badge("for information", icon=":material/info:", color="gray")


def _words(incident: Incident, evidence: IncidentEvidence, view: View, now: datetime) -> list[str]:
    """The sentences below the headline: where only, after which change, which contract, which error line."""
    said = []
    if evidence.agents:
        said.append(f"Only {', '.join(f'**{plain(agent)}**' for agent in evidence.agents)} of the track's agents.")
    if len(evidence.pair) == 2:
        other, measured = evidence.pair[1]
        limit = evidence.limit
        if measured.value.value is not None and limit is not None and measured.value.value <= limit:
            said.append(f"Only {incident.track}: {other} is within its limit.")
        elif measured.value.value is not None:
            said.append(f"{other.capitalize()} is sick too: look for a cause that both share.")
        else:
            said.append(f"{other} is not known: {plain(measured.value.reason)}.")
    if incident.alerts and evidence.pair and evidence.limit is not None:
        value = evidence.pair[0][1].value
        if value.state is State.FRESH and value.value is not None and value.value <= evidence.limit:
            said.append("**Under its limit again**, but the alert has not ended yet.")
    if evidence.ends:
        turns = ", then ".join(f"{plain(why)} from {clock(at, view.tz, seconds=False)}" for why, at in evidence.ends)
        said.append(f"**The cause has changed:** containers died of {turns}.")
    if evidence.contract:
        said.append(f"Violated most: **{plain(evidence.contract)}**.")
    if evidence.change is not None:
        at = evidence.change.at
        said.append(f"Last change: {plain(evidence.change.what)} {ago(at, now)} ({clock(at, view.tz, seconds=False)}).")
    if evidence.log is not None:
        if evidence.log.value is not None:
            line = evidence.log.value
            doubt = "" if evidence.log.state is State.FRESH else f", {evidence.log.state}: {plain(evidence.log.reason)}"
            kind = "log line" if incident.family is CauseFamily.LOGS else "error line"
            said.append(f"Newest {kind} ({ago(line.at, now)}{doubt}): *{plain(message(line), limit=160)}*")
        else:
            said.append(f"Error lines: {plain(evidence.log.reason)}.")
    return said


def _proof(incident: Incident, evidence: IncidentEvidence) -> None:
    """The sick track beside the other one, on one scale."""
    if not evidence.pair:
        return
    limit = evidence.limit
    known = [v for _, m in evidence.pair for s in m.course.value or () for v in s.values if v is not None]
    top = max([(limit or 0.0) * 1.2, *known])
    tiles(
        [
            Tile(
                name=f"{_NAMES[evidence.measure]}, {track}" if track else _NAMES[evidence.measure],
                value=measured.value,
                unit=_UNITS[evidence.measure],
                key=f"{incident.key}-{track or 'all'}",
                spark=measured.course,
                good="down",
                limit=limit,
                scale=top,
                colour=_colour(track),
                note=f"last {duration(evidence.window_seconds)}; line: last {span(COURSE)}",
            )
            for track, measured in evidence.pair
        ],
        columns=4,
        key=incident.key,
    )


_RUNBOOK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _runbook(incident: Incident) -> None:
    """The runbook's text in place: at night nobody looks for a file. One of a team's own is a link."""
    if _URL.fullmatch(incident.runbook):
        st.link_button("Runbook", incident.runbook, icon=":material/menu_book:", help=plain(incident.runbook))
        return
    # The name comes from an alert's annotation: it may name a runbook and nothing else on this machine.
    file = RUNBOOKS / f"{incident.runbook}.md"
    if not _RUNBOOK.fullmatch(incident.runbook) or not file.is_file():
        return
    with st.popover("Runbook", icon=":material/menu_book:", width="stretch", key=f"runbook-{incident.key}"):
        st.markdown(file.read_text(encoding="utf-8").replace("# ", "##### ", 1))


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
    named = {"errors": "Failed runs", "p95": "Slow runs (p95)", "violations": "Violations", "runs": "Runs"}
    length = period(view, session.now()).span
    tiles(
        [
            Tile(
                name=f"{label}, {line.active}" if line.active else label,
                value=figures[name].value,
                unit=_UNITS[name],
                key=f"{line.name}-{name}",
                previous=figures[name].previous,
                spark=figures[name].course,
                good="neutral" if name == "runs" else "down",
                limit=limits.get(name),
                colour=_colour(line.active),
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


def _colour(track: str) -> TileColour:
    if track == "blue":
        return "blue"
    return "green" if track == "green" else "brand"
