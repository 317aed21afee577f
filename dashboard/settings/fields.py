"""The part of the settings that says in which fields a team's documents carry what the deck asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from dashboard.model.blue_green import TRACK
from dashboard.model.metric_units import UNITS
from dashboard.settings.base import Section, listed, not_allowed

# What a document's fields can be named for; the concepts of `catalog/fields.py`.
FieldConcept = Literal[
    "message", "severity", "severity_number", "service", "namespace", "pod", "workload", "track", "version",
    "trace_id", "span_id", "agent", "model", "tool", "conversation", "operation", "error_type", "contract", "clause",
    "container", "logger",
]  # fmt: skip
SpanConcept = Literal[
    "message", "status", "kind", "duration", "parent_span_id", "service", "namespace", "pod",
    "workload", "track", "version", "trace_id", "span_id", "agent", "model", "tool", "conversation", "operation",
    "error_type", "contract", "clause", "cost", "input_tokens", "output_tokens",
]  # fmt: skip
FieldPath = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\s*]+$")]


# In the place of a field: what the numbers of spans' durations are in, where the field's name does not say it.
UnitKey = Literal["duration_unit"]
FieldPaths = Annotated[tuple[FieldPath, ...], BeforeValidator(listed)]
ByStream = dict[str, dict[str, tuple[str, ...]]]


def _with_unit(concepts: dict[SpanConcept | UnitKey, FieldPaths]) -> dict[SpanConcept | UnitKey, FieldPaths]:
    told = concepts.get("duration_unit", ())
    if told and (len(told) != 1 or told[0] not in UNITS["s"]):
        raise not_allowed(f"duration_unit {', '.join(told)!r}", f"one of {', '.join(UNITS['s'])}")
    return concepts


class FieldSettings(Section):
    """Fields of your own documents, each by what it means. They are looked at before those that the deck knows."""

    logs: dict[FieldConcept, FieldPaths] = Field(
        default_factory=dict, description="A field or several of the log lines, by concept."
    )
    traces: Annotated[dict[SpanConcept | UnitKey, FieldPaths], AfterValidator(_with_unit)] = Field(
        default_factory=dict,
        description="The same of the spans. duration_unit is no field but a unit: ns, us, ms, s, min or h.",
    )

    def by_stream(self) -> ByStream:
        """By the stream that they are in."""
        tables: Mapping[str, Mapping[Any, tuple[str, ...]]] = {"logs": self.logs, "traces": self.traces}
        return {stream: dict(fields) for stream, fields in tables.items()}


def of_label(label: str) -> ByStream:
    """The fields in which shippers write the label of a pod that tells the track.

    Filebeat and Elastic Agent write `_` for the dots of its name, fluent-bit may write it for every other sign too; a
    collector has it as a resource attribute. The deck's own label is among the fields that are known anyway.
    """
    if label == TRACK:
        return {}
    spelled = dict.fromkeys((label.replace(".", "_"), label, re.sub(r"[^A-Za-z0-9]", "_", label)))
    fields = (
        *(f"kubernetes.labels.{name}" for name in spelled),
        *(f"resource.attributes.k8s.pod.{part}.{label}" for part in ("label", "labels")),
    )
    return {"logs": {"track": fields}, "traces": {"track": fields}}


def merged(tables: Iterable[ByStream]) -> ByStream:
    """One table of several, the fields of the first before those of the next."""
    found: ByStream = {}
    for table in tables:
        for stream, concepts in table.items():
            known = found.setdefault(stream, {})
            for concept, fields in concepts.items():
                known[concept] = tuple(dict.fromkeys((*known.get(concept, ()), *fields)))
    return found
