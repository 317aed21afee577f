"""The kinds of errors that both tracks log, side by side. What makes two lines one kind is `likeness.py`'s. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dashboard.decide.likeness import kind
from dashboard.model.conditions import ErrorLines, ErrorPattern


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
