"""An incident's card on Triage: one headline, the sick track beside the other one, what to do, and where it leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from dashboard.decide.incidents import RESPONSE_TARGET
from dashboard.model.incident import CauseFamily, Incident, IncidentEvidence
from dashboard.model.reading import State, Unit
from dashboard.model.view import View
from dashboard.model.words import Severity
from dashboard.model.written import number
from dashboard.queries.incident import COURSE
from dashboard.ui import page, runbook
from dashboard.ui.alerts import OPEN, severity_badge
from dashboard.ui.format import ago, clock, duration, span
from dashboard.ui.log_lines import message
from dashboard.ui.text import plain
from dashboard.ui.tiles import Tile, TileColour, tiles

MEASURES: Final = {"errors": "Failed runs", "p95": "Slow runs (p95)", "violations": "Violations"}
UNITS: Final = {"errors": Unit.RATIO, "violations": Unit.RATIO, "p95": Unit.SECONDS, "runs": Unit.PER_SECOND}
_MOST_REASONS: Final = 4
_AGENTS: Final = ("agents", "Agents", ":material/smart_toy:")
_RESOURCES: Final = ("resources", "Resources", ":material/memory:")
_CONTRACTS: Final = ("contracts", "Contracts", ":material/contract:")
_DETAILS: Final = {  # where a family's details are
    CauseFamily.CONTRACTS: _CONTRACTS,
    CauseFamily.STOPPED: _CONTRACTS,
    CauseFamily.PODS: _RESOURCES,
    CauseFamily.UNSERVED: _RESOURCES,
    CauseFamily.LOGS: ("logs", "Logs", ":material/notes:"),
    CauseFamily.CPU: _RESOURCES,
    CauseFamily.BLIND: _RESOURCES,
}
_TRACES: Final = {  # what the trace of a family's card is
    CauseFamily.ERRORS: "Longest failed run",
    CauseFamily.LATENCY: "Slowest run",
    CauseFamily.CONTRACTS: "Newest violation",
    CauseFamily.COST: "Dearest call",
}


def card(
    incident: Incident,
    evidence: IncidentEvidence | None,
    view: View,
    now: datetime,
    *,
    no_owner: str = "no owner named",
) -> None:
    """Draw one incident: what it is, what proves it, what to do about it, and where it leads.

    `no_owner` is said where the incident names none.
    """
    with st.container(border=True, key=f"incident-{incident.key}", gap="xsmall"):
        _badges(incident, view, now)
        st.markdown(f"##### {plain(incident.headline)}")
        for reason in incident.reasons[:_MOST_REASONS]:
            st.markdown(plain(reason, limit=400))
        if evidence is not None:
            if words := _words(incident, evidence, view, now):
                st.markdown(" ".join(words))
            _proof(incident, evidence)
        _doors(incident, evidence, replace(view, alert=""))
        owner = plain(incident.owner) if incident.owner else no_owner
        alerts = f" Alerts: {plain(', '.join(incident.alerts))}." if incident.alerts else ""
        st.caption(f"Owner: {owner}.{alerts}")


def _doors(incident: Incident, evidence: IncidentEvidence | None, view: View) -> None:
    """What to do, and where the details, the newest line and the worst trace are."""
    filters = {"service": incident.service, "track": incident.track}
    log, worst = (evidence.log, evidence.trace) if evidence is not None else (None, None)
    with st.grid(3, min_column_width=130, gap="small", vertical_alignment="center", key=f"act-{incident.key}"):
        page.go("release", "Release", view, icon=":material/swap_horiz:", **filters)
        path, label, icon = _DETAILS.get(incident.family, _AGENTS)
        page.go(path, label, view, icon=icon, **filters)
        if log is not None and log.value is not None:
            page.go("logs", "Log line", view, icon=":material/notes:", line=str(log.value.document), **filters)
        if worst is not None and worst.value is not None and worst.value.trace_id:
            at = {"trace": worst.value.trace_id, "span": worst.value.span_id}
            page.go("traces", _worst(incident), view, icon=":material/account_tree:", **at)
        _acknowledge(incident)
        known = evidence.situations if evidence is not None else ()
        runbook.button(incident.runbook, known, key=incident.key)


def _worst(incident: Incident) -> str:
    return _TRACES.get(incident.family, "Failed span")


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
        severity_badge(incident.severity, incident.severity_word)
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
    if evidence.trace is not None and evidence.trace.value is not None:
        worst = evidence.trace.value
        took = "" if worst.duration_seconds is None else f", {number(worst.duration_seconds, Unit.SECONDS)}"
        said.append(f"{_worst(incident)} ({ago(worst.at, now)}{took}): *{plain(worst.message, limit=120)}*")
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
                name=f"{MEASURES[evidence.measure]}, {track}" if track else MEASURES[evidence.measure],
                value=measured.value,
                unit=UNITS[evidence.measure],
                key=f"{incident.key}-{track or 'all'}",
                spark=measured.course,
                good="down",
                limit=limit,
                scale=top,
                colour=colour(track),
                note=f"last {duration(evidence.window_seconds)}; line: last {span(COURSE)}",
            )
            for track, measured in evidence.pair
        ],
        columns=4,
        key=incident.key,
    )


def colour(track: str) -> TileColour:
    """A track's own colour; the brand's where there is none."""
    if track == "blue":
        return "blue"
    return "green" if track == "green" else "brand"
