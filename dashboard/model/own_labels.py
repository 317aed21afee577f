"""The labels of a team that say what an alert is about, where they are not called as ours. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from dashboard.model.mapping import LABELS, Label, Mapping

# The logical name of a label, and what carries it.
OwnLabel: TypeAlias = tuple[str, Label]

_PLACING = ("namespace", "service", "track", "pod")


def own_labels(mapping: Mapping) -> tuple[OwnLabel, ...]:
    """The team's labels that can place an alert and differ from ours: those of all metrics first."""
    tables = (mapping.labels, *(metric.labels for metric in mapping.metrics.values()))
    found: list[OwnLabel] = []
    for logical in _PLACING:
        named = [table[logical] for table in tables if logical in table]
        differing = [label for label in named if label.name and label != Label(name=LABELS[logical])]
        found += [(logical, label) for at, label in enumerate(differing) if label not in differing[:at]]
    return tuple(found)


def namespace_labels(own: Iterable[OwnLabel]) -> tuple[str, ...]:
    """The names of those that bind an alert to a namespace."""
    return tuple(dict.fromkeys(label.name for logical, label in own if logical == "namespace"))
