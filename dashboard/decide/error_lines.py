"""Log lines that are alike: what differs in each is masked, so that a kind of error counts as one.

Simple on purpose: numbers, ids and quoted text are masked. Two kinds that differ in a plain word stay two. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from dashboard.model.conditions import ErrorLines, ErrorPattern

MASK = "…"
# Quoted text, and words with a digit in them: numbers, ids, names of pods.
_DIFFERS = re.compile(r"""\"[^"]*"|'[^']*'|\b(?=[\w.-]*\d)\w+(?:[.-]\w+)*""")


def template(message: str) -> str:
    """The line with what differs masked; only its first line, since a traceback differs in all others."""
    first = message.strip().split("\n", 1)[0]
    return _DIFFERS.sub(MASK, first)[:200]


def error_lines(candidate: Iterable[str], other: Iterable[str], *, is_whole: bool) -> ErrorLines:
    """The messages of both tracks as patterns."""
    ours, theirs = Counter(map(template, candidate)), Counter(map(template, other))
    found = [ErrorPattern(template=name, candidate=count, other=theirs[name]) for name, count in ours.items()]
    found.sort(key=lambda pattern: (-pattern.candidate, pattern.template))
    return ErrorLines(patterns=tuple(found), is_whole=is_whole)
