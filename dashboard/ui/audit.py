"""Pieces of the Audit page: whether the chain holds, what was done by whom, and the evidence of one action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import streamlit as st

from dashboard.act.audit import Record
from dashboard.act.trail import AuditTrail, Checked, Trail, as_json
from dashboard.model.audit import AuditStatus, Deed, TrailEntry
from dashboard.model.view import View
from dashboard.ui import page, session
from dashboard.ui.format import DASH, clock, stamp
from dashboard.ui.history import audit_troubles
from dashboard.ui.lead import Tone, fact, facts, lead, section
from dashboard.ui.tables import Column, table, to_csv
from dashboard.ui.text import plain

A_PAGE: Final = 20
MOST_EXPORTED: Final = 10_000
_PLACE: Final = "audit.place"
_COLUMNS: Final[Sequence[Column[TrailEntry]]] = (
    Column(name="record", cell=lambda e: float(e.seq)),
    Column(name="time", cell=lambda e: e.at),
    Column(name="actor", cell=lambda e: e.actor),
    Column(name="action", cell=lambda e: e.action),
    Column(name="phase", cell=lambda e: e.phase),
    Column(name="namespace", cell=lambda e: e.namespace),
    Column(name="service", cell=lambda e: e.service),
    Column(name="effect", cell=lambda e: e.effect),
    Column(name="outcome", cell=lambda e: e.outcome),
    Column(name="reason", cell=lambda e: e.reason),
    Column(name="what happened", cell=lambda e: e.message),
    Column(name="action id", cell=lambda e: e.deed),
)
_GATES: Final[Sequence[Column[Mapping[str, Any]]]] = (
    Column(name="gate", cell=lambda g: _said(g.get("gate")), essential=True),
    Column(name="answer", cell=lambda g: _said(g.get("result")), essential=True),
    Column(name="value", cell=lambda g: _said(g.get("value")), essential=True),
    Column(name="limit", cell=lambda g: _said(g.get("limit")), essential=True),
    Column(name="sample", cell=lambda g: _said(g.get("sample"))),
    Column(name="why", cell=lambda g: _said(g.get("reason"))),
)


def verdict(found: Checked | None, trail: Trail, view: View) -> tuple[str, Tone, str]:
    """Whether the chain holds: the sentence, how it is meant, and what it rests on. Pure."""
    if trail.unreadable:
        return f"The audit file cannot be read: {plain(trail.unreadable)}", "sick", ""
    if found is None:
        return "The file is large and was not verified yet", "quiet", "Verify it now: it takes some seconds."
    answer = found.verification
    at = f"Verified {clock(found.at, view.tz)}."
    torn = _torn(answer.torn_lines)
    if answer.finding is not None:
        finding = answer.finding
        where = f"Line {finding.line}: {plain(finding.reason)}. What follows it is not verified."
        return f"The chain is broken: record {finding.seq} was {finding.fault}", "sick", f"{where} {at}"
    if not answer.records:
        return "There is no record yet", "quiet", at
    held = f"The chain holds: none of the {answer.records:,} records was edited, dropped, reordered or forked"
    if not found.is_shipped:
        cut = "Whether records were cut off at its end is not known, since none was shipped to the log store from here."
        return held, "well", f"{cut} {torn}{at}"
    return held, "well", f"{torn}Held against the newest record in the log store. {at}"


def _torn(lines: Sequence[int]) -> str:
    if not lines:
        return ""
    which = ", ".join(map(str, lines[:5])) + (" and more" if len(lines) > 5 else "")
    return f"A crash cut {'line' if len(lines) == 1 else 'lines'} {which} short; no record is missing there. "


def chain(trail: AuditTrail, known: Trail, status: AuditStatus, view: View, now: datetime) -> None:
    """The answer, what else is wrong with the audit, and the button that verifies anew."""
    top = st.container(key="audit-answer")
    with st.container(horizontal=True, vertical_alignment="center", key="audit-chain"):
        anew = st.button("Verify now", icon=":material/verified_user:", key="audit.verify")
        st.caption(f"File {plain(status.file)}")
    found = None
    if not known.unreadable:
        try:
            found = trail.checked(now, anew=anew)
        except OSError as error:
            known = replace(known, unreadable=error.strerror or str(error))
    sentence, tone, detail = verdict(found, known, view)
    with top:
        lead(sentence, tone, detail=detail)
        told = replace(status, unreadable="") if known.unreadable else status
        if troubles := audit_troubles(told):
            st.html(facts(fact("Audit", trouble, tone="sick") for trouble in troubles))


def results(found: Sequence[Deed], trail: Trail, matched: Sequence[TrailEntry], view: View) -> None:
    """The actions that fit, the newest first, each leading to its evidence."""
    people = {entry.actor for entry in matched if entry.actor}
    left_out = f" {trail.left_out:,} older records are in the file alone." if trail.left_out else ""
    if not matched:
        _nothing(trail, view, left_out)
        return
    by = f", by {len(people)} {'actor' if len(people) == 1 else 'actors'}" if people else ""
    actions = f"{len(found):,} {'action' if len(found) == 1 else 'actions'}"
    records = f"{len(matched):,} {'record' if len(matched) == 1 else 'records'}"
    st.markdown(f"**{actions}** in {records}{by}.{left_out}")
    pages = -(-len(found) // A_PAGE)
    place = 1
    if pages > 1:
        place = st.pagination(pages, key=_PLACE)
    for deed in found[(place - 1) * A_PAGE : place * A_PAGE]:
        _deed(deed, view)


def _nothing(trail: Trail, view: View, left_out: str) -> None:
    newest = next((entry.at for entry in reversed(trail.entries) if entry.at is not None), None)
    oldest = next((entry.at for entry in trail.entries if entry.at is not None), None)
    if newest is None or oldest is None:
        st.caption(f":material/do_not_disturb_on: Nothing was done yet, as far as the file says.{left_out}")
        return
    st.markdown(
        f":material/do_not_disturb_on: Nothing in this period fits. The newest record is of {stamp(newest, view.tz)}, "
        f"the oldest of {stamp(oldest, view.tz)}.{left_out}"
    )
    all_of_it = replace(view, range="", start=oldest, end=max(session.now(), newest + timedelta(minutes=1)))
    page.link("audit", "Show all records", all_of_it, icon=":material/date_range:", width="content")


def _deed(deed: Deed, view: View) -> None:
    last = deed.last
    tone: Tone = "warn" if last.outcome in ("refused", "failed", "failure") else "well"
    what = " ".join(filter(None, (last.action, last.service, last.effect)))
    how = f"by {last.actor or 'nobody named'}, {stamp(last.at, view.tz)}: {last.outcome or 'no outcome'}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"deed-{last.line}"):
        st.html(facts([fact(what or deed.id, how, last.reason or last.message, tone=tone)]), width="stretch")
        shown = replace(view, record=deed.id)
        page.link("audit", "Evidence", shown, icon=":material/fact_check:", width="content")


def evidence(deed: Deed | None, trail: AuditTrail, view: View) -> None:
    """Everything that is on record about one action."""
    section("Evidence of one action")
    page.link("audit", "Close", replace(view, record=""), icon=":material/close:", width="content")
    if deed is None:
        st.warning(f"No record of an action {plain(view.record)} is in the file.", icon=":material/search_off:")
        return
    try:
        records = trail.evidence(deed.entries)
    except OSError as error:
        st.error(f"The audit file cannot be read: {plain(error.strerror or str(error))}", icon=":material/error:")
        return
    if len(records) < len(deed.entries):
        gone = len(deed.entries) - len(records)
        st.warning(f"{gone} of its records are no longer where they were in the file.", icon=":material/warning:")
    st.html(facts(_step(record) for record in records))
    judged = next((one for record in reversed(records) if (one := _audit(record).get("verdict"))), None)
    if isinstance(judged, Mapping):
        _judged(judged)
    st.download_button(
        "Evidence as JSON",
        as_json(records),
        file_name=f"evidence-{_file(deed.id)}.json",
        mime="application/json",
        icon=":material/data_object:",
        key="audit.evidence",
        on_click="ignore",
    )


def _step(record: Record) -> str:
    audit = _audit(record)
    what = f"{_said(record.get('@timestamp'))} · record {audit['seq']} · {_said(audit.get('phase'))}"
    more = [f"{name}: {said}" for name in ("break_glass", "accepted", "facts") if (said := _said(audit.get(name)))]
    hashes = f"hash {audit['hash'][:16]}…, follows {audit['prev_hash'][:16]}…"
    return fact(what, _said(record.get("message")), "; ".join((*more, hashes)), tone="well")


def _judged(judged: Mapping[str, Any]) -> None:
    st.markdown(f"**Verdict then: {plain(_said(judged.get('decision')))}.** {plain(_said(judged.get('sentence')))}")
    gates = judged.get("gates")
    rows = [gate for gate in gates if isinstance(gate, Mapping)] if isinstance(gates, list) else []
    table(rows, _GATES, key="audit.gates", csv_name="gates")


def exports(matched: Sequence[TrailEntry], trail: AuditTrail) -> None:
    """What was found as a table, and as the records themselves, byte for byte."""
    newest = matched[-MOST_EXPORTED:]
    if not newest:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="audit-exports"):
        st.download_button(
            "CSV",
            lambda: to_csv(newest, _COLUMNS),
            file_name="audit.csv",
            mime="text/csv",
            icon=":material/download:",
            key="audit.csv",
            on_click="ignore",
        )
        st.download_button(
            "Records (JSON lines)",
            lambda: trail.lines(newest),
            file_name="audit.jsonl",
            mime="application/x-ndjson",
            icon=":material/data_object:",
            key="audit.jsonl",
            on_click="ignore",
        )
        if len(matched) > MOST_EXPORTED:
            st.caption(f"The newest {MOST_EXPORTED:,} of {len(matched):,}: choose a shorter period for older ones.")


def _audit(record: Record) -> Mapping[str, Any]:
    found: Mapping[str, Any] = record["agentgov"]["audit"]
    return found


def _said(value: Any) -> str:
    """A value of a record in words; "" for nothing."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(item) or DASH}" for name, item in value.items())
    return ", ".join(map(_said, value)) if isinstance(value, list) else str(value)


def _file(name: str) -> str:
    """A name that is safe as part of a file's."""
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in name)[:60]
