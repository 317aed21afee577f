"""How a metric tells bad events from the others, and what its series say: what a count of failures rests on. Pure data.

A failure that is told in a word, or by a label, which nobody looks for reads as no failure at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboard.model.event_matchers import NO_ERROR
from dashboard.model.series import Sample

# A service and its track, in our words; "" stands for any.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Condition:
    """A matcher of PromQL on one label; `value` is without the escapes of the quoted string."""

    label: str
    operator: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels matches. A label that is not there is empty."""
        found = labels.get(self.label, "")
        is_equal = bool(re.fullmatch(self.value, found)) if self.operator.endswith("~") else found == self.value
        return is_equal is not self.operator.startswith("!")

    @property
    def is_any_value(self) -> bool:
        """Whether every value is bad: events that went well lack the label, as OpenTelemetry's `error.type` has it."""
        return self.operator.startswith("!") and self.value in ("", NO_ERROR)

    def __str__(self) -> str:
        return f'{self.label}{self.operator}"{self.value}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEvents:
    """How one question tells bad events of a metric from the others, in the names of the environment.

    Attributes:
        key: the concept in the settings; "" where they cannot rename it.
        metric: whose series tell, a metric of the bad events alone where `conditions` is empty.
        conditions: what holds of a bad event.
        is_own: the settings or a preset say so; else it is the catalogue's way.
        table: the table of words that knows what values mean.
        words: our word by the team's own, where a label's values are mapped.
        lookup: PromQL: the events of the last hour by all labels that may tell how they ended, with the service and the
            track under our names. `catalog.bad_events.looked_over` asks the same over longer.
        retained: the selector of bad events, to ask whether there has ever been one.
        service_label, service_pattern: what tells the service in the answer about `retained`.
        asked: conditions on our labels for the service and the track that the question is about.
        needs: those of our labels for service and track by which the question tells events apart.
    """

    key: str
    metric: str
    conditions: tuple[Condition, ...]
    is_own: bool
    table: str
    words: Mapping[str, str] = field(default_factory=dict)
    lookup: str
    retained: str
    service_label: str
    service_pattern: str = "{}"
    asked: tuple[Condition, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvents:
    """What the series say: their labels and counts, and the services that have had a bad event within the retention."""

    rows: tuple[Sample, ...]
    failed_before: frozenset[str] = frozenset()
