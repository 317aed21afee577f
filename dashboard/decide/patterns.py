"""The patterns of many log lines: their kinds, each with its count and the time it was seen.

A kind depends on its line alone (`likeness.py`), so the order of lines does not change the patterns. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.decide.error_lines import said
from dashboard.decide.likeness import kind
from dashboard.model.log import LogEntry, Pattern


def patterns(entries: Iterable[LogEntry]) -> tuple[Pattern, ...]:
    """The patterns of the messages, the most frequent first; of equal ones, the one that was seen last."""
    kinds: dict[str, list[LogEntry]] = {}
    for entry in entries:
        kinds.setdefault(kind(said(entry)), []).append(entry)
    total = sum(map(len, kinds.values()))
    found = [_pattern(template, alike, total) for template, alike in kinds.items()]
    return tuple(sorted(found, key=lambda one: (-one.count, -one.last.at.timestamp(), one.template)))


def _pattern(template: str, entries: list[LogEntry], total: int) -> Pattern:
    in_order = sorted(entries, key=lambda entry: (entry.at, str(entry.document)))
    return Pattern(
        template=template,
        count=len(entries),
        share_ratio=len(entries) / total,
        first=in_order[0],
        last=in_order[-1],
    )
