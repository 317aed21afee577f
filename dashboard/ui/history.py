"""The history of switches, and whether the records behind it are safe."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.model.action import HistoryEntry
from dashboard.model.audit import AuditStatus
from dashboard.model.view import View
from dashboard.ui.format import DASH
from dashboard.ui.tables import Column, table
from dashboard.ui.text import plain

_COLUMNS: list[Column[HistoryEntry]] = [
    Column(name="action", cell=lambda e: f"{e.kind} {e.source} to {e.target} {e.version}", essential=True),
    Column(name="at", cell=lambda e: e.at, essential=True),
    Column(name="by", cell=lambda e: e.actor, essential=True),
    Column(name="outcome", cell=lambda e: e.outcome.value, essential=True),
    Column(name="reason", cell=lambda e: e.reason or DASH),
    Column(name="what happened", cell=lambda e: e.sentence),
]


def history(past: Sequence[HistoryEntry], audit: AuditStatus, view: View) -> None:
    """Who switched what, when, why, and how it ended; refused actions too."""
    st.markdown("##### History of switches")
    for trouble in audit_troubles(audit):
        st.warning(plain(trouble, limit=600), icon=":material/history_edu:")
    table(past, _COLUMNS, key="release.history", csv_name="switches", tz=view.tz)


def audit_troubles(audit: AuditStatus) -> tuple[str, ...]:
    """What is wrong with the audit, in words; nothing when every record is safe or on its way. Pure."""
    said = []
    if audit.unreadable:
        said.append(f"The audit file {audit.file} cannot be read: {audit.unreadable}. The history may be incomplete.")
    if audit.unwritable:
        said.append(
            f"The audit file {audit.file} cannot be written: {audit.unwritable}. "
            "Nothing can be switched or rolled back until it can."
        )
    if audit.trouble and audit.waiting:
        said.append(
            f"{_records(audit.waiting)} not in the log store yet, since shipping fails: {audit.trouble}. "
            f"Nothing is lost: the file {audit.file} has all, and shipping is tried again."
        )
    if audit.refused:
        said.append(
            f"The log store refused {_records(audit.refused)}: {audit.refusal}. The file {audit.file} keeps all; what "
            "was refused is offered again every 10 minutes, or now with “python -m dashboard audit ship”."
        )
    return tuple(said)


def _records(count: int) -> str:
    return "1 audit record" if count == 1 else f"{count} audit records"
