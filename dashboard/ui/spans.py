"""Pieces that show spans."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from dashboard.model.log import LogEntry
from dashboard.model.view import View
from dashboard.model.words import SpanOutcome, shown
from dashboard.ui import url


def trace_link(view: View) -> Callable[[LogEntry], str]:
    """Where a span or a log line leads: to its trace, at its span; nowhere where it names no trace."""

    def link(entry: LogEntry) -> str:
        if not entry.trace_id:
            return ""
        return f"traces?{urlencode(url.link(view, trace=entry.trace_id, span=entry.span_id, q=''))}"

    return link


def line_link(view: View) -> Callable[[LogEntry], str]:
    """Where a log line of another page leads: to all that is known of it, with what was written around it."""
    return lambda entry: f"logs?{urlencode(url.link(view, line=str(entry.document), q=''))}"


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
