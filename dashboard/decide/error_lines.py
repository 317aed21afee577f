"""The kinds of errors that both tracks log, side by side. What makes two lines one kind is `likeness.py`'s. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dashboard.decide import lines
from dashboard.decide.likeness import kind
from dashboard.model.conditions import ErrorLines, ErrorPattern
from dashboard.model.log import LogEntry


def error_lines(
    candidate: Iterable[str], other: Iterable[str], *, is_whole: bool, is_candidate_whole: bool = True
) -> ErrorLines:
    """The messages of both tracks as kinds.

    Args:
        is_whole, is_candidate_whole: every error line of the other track, or of the candidate, is among them.
    """
    ours, theirs = Counter(map(kind, candidate)), Counter(map(kind, other))
    silent = ours.pop("", 0)
    found = [ErrorPattern(template=name, candidate=count, other=theirs[name]) for name, count in ours.items()]
    found.sort(key=lambda pattern: (-pattern.candidate, pattern.template))
    return ErrorLines(
        patterns=tuple(found), is_whole=is_whole, is_candidate_whole=is_candidate_whole, without_text=silent
    )


def said(entry: LogEntry) -> str:
    """What an error line says, with the error that its shipper put into fields of their own: type, message, stack."""
    known = lines.read(entry.message).text
    beside = dict.fromkeys(
        text
        for name, value in sorted(entry.fields.items())
        if lines.tells_error(name) and (text := lines.error_in(name, str(value))) and text not in known
    )
    return ": ".join((known, *beside)) if beside else entry.message
