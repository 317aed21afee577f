"""Matchers of bad events, as the catalogue writes them and in the words of an environment. Pure data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dashboard.model import words


def denied(known: words.Words = words.WORDS) -> str:
    """The matcher of a denial, in every word that means one."""
    return f'decision=~"{_any_of(known.decision, words.PolicyDecision.DENIED)}"'


def violated(known: words.Words = words.WORDS) -> str:
    """The matcher of an evaluation that found a violation, in every word that means one."""
    return f'outcome=~"{_any_of(known.evaluation, words.EvaluationOutcome.VIOLATED)}"'


def broken(known: words.Words = words.WORDS) -> str:
    """The matcher of an evaluation that did not pass: it found a violation, or ended in an error."""
    return f'outcome=~"{_any_of(known.evaluation, *_BROKEN)}"'


def judged(known: words.Words = words.WORDS) -> str:
    """The matcher of an evaluation that says whether the contract was kept.

    One that was skipped, or whose word nobody understands, is neither kept nor broken: the recorded SLO leaves it out
    as well.
    """
    return f'outcome=~"{_any_of(known.evaluation, words.EvaluationOutcome.PASSED, *_BROKEN)}"'


_BROKEN = (words.EvaluationOutcome.VIOLATED, words.EvaluationOutcome.ERRORED)


def _any_of(table: words.Vocabulary[Any], *meanings: Any) -> str:
    """The words with one of these meanings in any case, as a regular expression within quotes."""
    patterns = (re.sub(r"([^\w ])", r"\\\1", word) for word in table.words_for(*meanings))
    spelled = (pattern.replace("\\", "\\\\").replace('"', '\\"') for pattern in patterns)
    return f"(?i:{'|'.join(spelled)})"


# What a label for errors holds where there was no error: nothing, or a word that says so, as Micrometer writes it.
NO_ERROR = (
    r"(?i:|-+|n/?a|none|null|nil|no|false|0|no_?error|ok|success|succeeded|successful|completed?|done|finished|pass"
    r"|passed)"
)
ANY_ERROR = f'error_type!~"{NO_ERROR}"'
DENIED, VIOLATED, BROKEN, JUDGED = denied(), violated(), broken(), judged()
# By the matcher that the catalogue has: what it is in the words of an environment.
IN_WORDS: Mapping[str, Callable[[words.Words], str]] = {
    DENIED: denied,
    VIOLATED: violated,
    BROKEN: broken,
    JUDGED: judged,
}
