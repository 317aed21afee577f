"""Searching the audit: which records fit a question, and which of them belong to one action. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.model.audit import Deed, TrailEntry, TrailQuery


def find(entries: Iterable[TrailEntry], query: TrailQuery) -> tuple[TrailEntry, ...]:
    """The records that fit, in the order of the file. A record without a time fits every period: it may be of it."""
    words = query.text.casefold().split()
    return tuple(entry for entry in entries if _fits(entry, query) and all(word in _text(entry) for word in words))


def deeds(entries: Iterable[TrailEntry]) -> tuple[Deed, ...]:
    """The records by action, the action with the newest record first."""
    found: dict[str, list[TrailEntry]] = {}
    for entry in entries:
        found.setdefault(entry.deed, []).append(entry)
    by_age = sorted(found.items(), key=lambda item: item[1][-1].line, reverse=True)
    return tuple(Deed(id=name, entries=tuple(of)) for name, of in by_age)


def _fits(entry: TrailEntry, query: TrailQuery) -> bool:
    return (
        entry.namespace in ("", query.namespace)
        and query.actor in ("", entry.actor)
        and query.action in ("", entry.action)
        and query.service in ("", entry.service)
        and (entry.at is None or query.start <= entry.at < query.end)
    )


def _text(entry: TrailEntry) -> str:
    said = (entry.actor, entry.action, entry.service, entry.effect, entry.outcome, entry.reason, entry.message)
    return " ".join((*said, entry.deed, str(entry.seq))).casefold()
