"""Which kinds of lines are new since a release: as far as the lines before it can tell. Pure.

A kind is new only where it was looked for before the release and not found. A sample alone proves nothing: a kind that
is rare may simply not be in it.
"""

from __future__ import annotations

import re

from dashboard.decide.error_lines import said
from dashboard.decide.likeness import MASK, kind
from dashboard.model.log import LogPage, Pattern, Patterns
from dashboard.model.reading import Reading, State
from dashboard.model.words import LogLevel

MOST = 6  # kinds that are looked for one by one
_MOST_WORDS = 10
# A word that stands alone, so that every way of taking a line apart keeps it whole.
_WHOLE_WORD = re.compile(r"[^\W\d_]{2,40}")
_AROUND = ".,:;!?()[]"


def candidates(after: Patterns, before: Patterns) -> tuple[Pattern, ...]:
    """The kinds that are not among the lines sampled before the release, errors first; at most MOST."""
    known = {pattern.template for pattern in before.patterns}
    unseen = [pattern for pattern in after.patterns if pattern.template and pattern.template not in known]
    unseen.sort(key=lambda pattern: pattern.last.level is not LogLevel.ERROR)
    return tuple(unseen[:MOST])


def words_of(pattern: Pattern) -> str:
    """A query that finds every line of this kind, and perhaps others; "" where its words do not suffice for one."""
    tokens = [token.strip(_AROUND) for token in pattern.template.split() if MASK not in token]
    words = [token for token in tokens if _WHOLE_WORD.fullmatch(token) and token not in ("AND", "OR", "NOT")]
    return " ".join(f'"{word}"' for word in dict.fromkeys(words[:_MOST_WORDS])) if len(words) > 1 else ""


def is_new(pattern: Pattern, before: Reading[LogPage], now: Reading[LogPage]) -> bool | None:
    """Whether a kind was never logged before; None where that is not known.

    Args:
        before: what `words_of` finds before the release.
        now: what it finds today: where that is nothing, the words cannot be searched here at all.
    """
    if before.value is None or now.value is None or before.state is not State.FRESH or not now.value.total:
        return None
    if any(kind(said(entry)) == pattern.template for entry in before.value.entries):
        return False
    is_whole = before.value.total <= len(before.value.entries) and not before.value.total_is_lower_bound
    return True if is_whole else None
