"""In which unit the durations of spans are: by the field's name, by the settings, by the format of the document. Pure.

OpenTelemetry writes `duration` in nanoseconds, Jaeger and Zipkin in microseconds, the collector's exporter for
Elasticsearch `Duration` in microseconds outside its own format. What none of these tells is not taken for a duration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.catalog.fields import OwnFields
from dashboard.model.metric_units import unit_named

# Where the settings say the unit of spans' durations, among the own fields of traces.
UNIT_KEY = "duration_unit"
NANOSECONDS: Mapping[str, float] = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}
_KNOWN = {"duration": "ns", "event.duration": "ns", "Duration": "us"}
_STANDARD = "duration"
# Only documents of Jaeger and of Zipkin have these, and only those of OpenTelemetry begin like that.
JAEGER_OR_ZIPKIN = ("operationName", "startTimeMillis", "localEndpoint.serviceName", "timestamp_millis")
_OPENTELEMETRY = ("resource.attributes.", "attributes.", "status.code")
# When a span ended.
ENDS = ("EndTimestamp", "end_timestamp", "end_time", "endTime", "endTimeUnixNano", "event.end")
# What a document is looked at for beside its duration.
BESIDE = (*JAEGER_OR_ZIPKIN, *ENDS)
_TOLERANCE, _LEAST_SECONDS = 0.05, 0.002


def unit_of(field: str, own: OwnFields) -> str:
    """The unit that a field's name, the settings or the known formats say; "" where none does."""
    told = own.get(UNIT_KEY, ())
    return unit_named(field, "s") or (told[0] if told else "") or _KNOWN.get(field, "")


def is_by_document(field: str, own: OwnFields) -> bool:
    """Whether only the document around a field tells whose unit it has."""
    return field == _STANDARD and not own.get(UNIT_KEY)


def unit_in(field: str, value: float, flat: Mapping[str, Any], own: OwnFields, seconds: float | None) -> str:
    """The unit of one document's duration; "" where nothing tells it, or where what tells it is wrong.

    Args:
        flat: the document by dotted names.
        seconds: from its begin to its end, where it says both.
    """
    if unit_named(field, "s") or own.get(UNIT_KEY):
        return unit_of(field, own)
    if seconds is not None:
        return next((unit for unit in ("ns", "us", "ms", "s") if _is_near(value * NANOSECONDS[unit], seconds)), "")
    if field != _STANDARD:
        return unit_of(field, own)
    if any(name in flat for name in JAEGER_OR_ZIPKIN):
        return "us"
    return unit_of(field, own) if any(name.startswith(_OPENTELEMETRY) for name in flat) else ""


def _is_near(nanoseconds: float, seconds: float) -> bool:
    return abs(nanoseconds / 1e9 - seconds) <= max(_LEAST_SECONDS, _TOLERANCE * seconds) and nanoseconds > 0
