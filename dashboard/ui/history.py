"""The history of switches, and whether the records behind it are safe."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.model.action import HistoryEntry
from dashboard.model.audit import AuditStatus
from dashboard.model.view import View
from dashboard.ui.format import DASH
from dashboard.ui.lead import section
from dashboard.ui.tables import Column, table
from dashboard.ui.text import plain

_COLUMNS: list[Column[HistoryEntry]] = [
    Column(name="action", cell=lambda e: f"{e.kind} {e.source} to {e.target} {e.version}", essential=True),
    Column(name="at", cell=lambda e: e.at, essential=True),
    Column(name="by", cell=lambda e: e.actor, essential=True),
    Column(name="outcome", cell=lambda e: _outcome(e), essential=True),
    Column(name="reason", cell=lambda e: e.reason or DASH),
    Column(name="what happened", cell=lambda e: e.sentence),
]


def history(past: Sequence[HistoryEntry], audit: AuditStatus, view: View) -> None:
    """Who switched what, when, why, and how it ended; refused actions too."""
    section("History of switches")
    for trouble in (*audit_troubles(audit), *chain_troubles(past)):
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
            f"Nothing is lost: the file {audit.file} has them all, and shipping is retried."
        )
    if audit.refused:
        said.append(
            f"The log store refused {_records(audit.refused)}: {audit.refusal}. The file {audit.file} keeps them. "
            "They are sent again every 10 minutes, or now with “python -m dashboard audit ship”."
        )
    return tuple(said)


def chain_troubles(past: Sequence[HistoryEntry]) -> tuple[str, ...]:
    """Which of the records shown do not fit the audit's chain, in words; nothing when all do. Pure."""
    doubtful = [entry for entry in past if entry.misfit]
    if not doubtful:
        return ()
    newest = doubtful[0]
    which = f"The record of the {newest.kind} to {newest.target} at {newest.at:%Y-%m-%d %H:%M:%S} UTC"
    others = f" So it is with {_records(len(doubtful) - 1)} more." if len(doubtful) > 1 else ""
    return (
        f"{which} does not fit its chain: {newest.misfit}.{others} The history may have been changed: "
        "“python -m dashboard audit verify” names the first fault.",
    )


def _outcome(entry: HistoryEntry) -> str:
    return f"{entry.outcome}; this record does not fit its chain" if entry.misfit else entry.outcome.value


def _records(count: int) -> str:
    return "1 audit record" if count == 1 else f"{count} audit records"
