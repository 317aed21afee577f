"""What a team's own labels on an alert mean under our names, as the settings' mapping reads them from metrics.

An alert carries the labels of the metrics that its rule reads, so one mapping serves both. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import re2

from dashboard.decide.alerts import SERVICE_LABELS
from dashboard.model.mapping import LABELS, Label
from dashboard.model.own_labels import OwnLabel


def in_our_names(labels: Mapping[str, str], own: Sequence[OwnLabel]) -> Mapping[str, str]:
    """Labels under our names, as the settings read them from these; empty where they say nothing of them.

    A service keeps the name of a label that rules often put the exporter in: other labels go before it then.
    """
    found: dict[str, str] = {}
    for logical, label in own:
        if value := _value(label, labels.get(label.name, "")):
            is_loose = logical == "service" and label.name in SERVICE_LABELS
            found.setdefault(label.name if is_loose else LABELS[logical], value)
    return found


def _value(label: Label, written: str) -> str:
    """The value in the deck's word. Of a label that holds more than the value, only the values that are named."""
    before, _, after = label.pattern.partition("{}")
    for word, theirs in label.values.items():
        if any(re2.fullmatch(f"{before}{re2.escape(value)}{after}", written) for value in theirs):
            return word
    found = re2.fullmatch(f"{before}(.+?){after}", written) if label.pattern == "{}" or not label.values else None
    return str(found[1]) if found else ""
