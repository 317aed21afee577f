"""Pieces that show spans."""

from __future__ import annotations

from dashboard.model.log import LogEntry
from dashboard.model.words import SpanOutcome, shown


def ended(span: LogEntry) -> str:
    """How a span ended by its own account. One that says nothing of it says nothing; a word not understood is shown."""
    match span.outcome:
        case SpanOutcome.FAILED:
            return "✖ failed"
        case SpanOutcome.SUCCEEDED:
            return "✔ well"
        case SpanOutcome.UNSAID:
            return ""
        case None:
            return f"not understood: {shown(span.severity)}"
