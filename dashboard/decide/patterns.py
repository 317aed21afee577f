"""What many log lines say: their patterns, by the Drain method (He and others, 2017).

Lines of as many words that begin alike are compared word by word. Those that agree in enough words are one pattern, and
where they differ it has a placeholder. Numbers and ids are placeholders from the start. The same lines in the same
order always give the same patterns.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.model.log import LogEntry, Pattern

ANY = "<*>"
# So much of the words must agree. Only lines with the same first word are compared at all.
LEAST_ALIKE = 0.5
# Beyond this many different first words they are taken for a variable part.
MOST_BEGINNINGS = 100
LONGEST_LINE = 2000

_VARIABLE = re.compile(
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # UUID
    r"|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"  # IPv4 address
    r"|\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b"  # hash, trace id
    r"|(?<![\w.])[-+]?\d+(?:[.,:]\d+)*(?:%|[a-zA-Z]{1,3}\b)?"  # number, time of day, with its unit
)


@dataclass(slots=True)
class _Group:
    """Lines of one pattern, while they are read."""

    words: list[str]
    entries: list[LogEntry]


def patterns(entries: Iterable[LogEntry]) -> tuple[Pattern, ...]:
    """The patterns of the messages, the most frequent first; of equal ones, the one that was seen last."""
    by_length: dict[int, dict[str, list[_Group]]] = defaultdict(dict)
    for entry in entries:
        words = masked(entry.message).split()
        likely = _beginning(by_length[len(words)], words)
        group = max(likely, key=lambda one: _alike(one.words, words), default=None)
        if group is None or _alike(group.words, words) < LEAST_ALIKE:
            group = _Group(words, [])
            likely.append(group)
        group.words = [old if old == new else ANY for old, new in zip(group.words, words, strict=True)]
        group.entries.append(entry)
    groups = [group for beginnings in by_length.values() for likely in beginnings.values() for group in likely]
    total = sum(len(group.entries) for group in groups)
    found = [_pattern(group, total) for group in groups]
    return tuple(sorted(found, key=lambda one: (-one.count, -one.last.at.timestamp(), one.template)))


def masked(message: str) -> str:
    """A message with placeholders for its numbers and ids; of a very long one, its beginning."""
    return _VARIABLE.sub(ANY, message[:LONGEST_LINE])


def _beginning(beginnings: dict[str, list[_Group]], words: list[str]) -> list[_Group]:
    """The groups of lines that begin with the same word."""
    first = words[0] if words else ""
    is_variable = ANY in first or (first not in beginnings and len(beginnings) >= MOST_BEGINNINGS)
    return beginnings.setdefault(ANY if is_variable else first, [])


def _alike(one: list[str], other: list[str]) -> float:
    """The share of the words that agree; a placeholder agrees with a placeholder alone."""
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one) if one else 1.0


def _pattern(group: _Group, total: int) -> Pattern:
    return Pattern(
        template=" ".join(group.words),
        count=len(group.entries),
        share_ratio=len(group.entries) / total,
        first=min(group.entries, key=lambda entry: entry.at),
        last=max(group.entries, key=lambda entry: entry.at),
    )
