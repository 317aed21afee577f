"""Whether a team's metric is what a concept needs: a counter or a gauge, and in which unit its values are.

A metric's name proves neither. What the target declares (type, unit, help text), the bounds of a histogram and the way
its values move do. Where nothing tells, the answer is "not known", and nothing is shown as seconds or dollars. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboard.decide.latency import bound_of
from dashboard.model.concepts import CONCEPTS, Concept
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.mapping import MetricNames
from dashboard.model.metric_units import UNIT_NOT_KNOWN, unit_words
from dashboard.model.telemetry import Described

_ENDINGS = ("_count", "_sum", "_bucket")
_CUMULATIVE = {"counter", "histogram", "summary"}
_LEVELS = {"gauge", "gaugehistogram", "stateset", "info"}
# Bounds that only people who count seconds write: minutes and hours.
_OF_MINUTES = {60.0, 120.0, 180.0, 240.0, 900.0, 1800.0, 3600.0, 7200.0}
# Bounds of the decimal rows that libraries use for milliseconds.
_OF_MILLISECONDS = {25.0, 75.0, 250.0, 750.0, 2500.0}
# A time of day in seconds, milliseconds, microseconds and nanoseconds lies between neighbouring ones of these.
_EPOCHS = ((1e8, "s"), (1e11, "ms"), (1e14, "us"), (1e17, "ns"))


# Of these a number alone says nothing: milliseconds look like seconds, cents and euros like dollars.
_NEVER_PLAIN = ("s", "USD")
# One sample that arrives late may look like a fall.
_FALLS = 3


def declared_as(name: str, described: Mapping[str, Described]) -> Described:
    """What targets declare of a series: under its own name, without `_total`, or as a part of a histogram."""
    for known in (name, name.removesuffix("_total"), *(name.removesuffix(ending) for ending in _ENDINGS)):
        if known in described:
            return described[known]
    return Described()


def unfit(mapping: NameMapping, described: Mapping[str, Described]) -> Mapping[str, str]:
    """Why metrics that the settings or presets name cannot be read as what they are named for, by metric."""
    return {
        name: why
        for concept in CONCEPTS
        if (metric := mapping.metrics.get(concept.key))
        for name in metric.names(concept)
        if (why := _wrong_kind(concept, name, declared_as(name, described).kind))
    }


def undeclared(mapping: NameMapping, described: Mapping[str, Described]) -> tuple[str, ...]:
    """The metrics that are named as counts and of which no target says whether they are counters."""
    return tuple(
        name
        for concept in CONCEPTS
        if not concept.is_level and (metric := mapping.metrics.get(concept.key))
        for name in metric.names(concept)
        if not name.endswith(("_bucket", "_sum")) and declared_as(name, described).kind in ("", "unknown", "untyped")
    )


def moving(mapping: NameMapping, falls: Mapping[str, float]) -> Mapping[str, str]:
    """Why metrics that are named as counts are none, by metric.

    Args:
        falls: by metric, how often its value fell within an hour as no counter's does.
    """
    return {
        name: f"the value of {name} goes up and down (it fell {falls[name]:.0f} times within an hour without beginning "
        f"anew), so it does not count {concept.what}: metrics.{concept.key} needs a counter"
        for concept in CONCEPTS
        if (metric := mapping.metrics.get(concept.key))
        for name in metric.names(concept)
        if falls.get(name, 0.0) >= _FALLS
    }


def unsaid_units(mapping: NameMapping) -> tuple[tuple[Concept, MetricNames], ...]:
    """The concepts measured in time or money whose unit neither the settings nor the metric's name says."""
    return tuple(
        (concept, metric)
        for concept in CONCEPTS
        if concept.unit in _NEVER_PLAIN and (metric := mapping.metrics.get(concept.key))
        if (metric.series or metric.total) and not metric.unit_of(concept)
    )


def unit(concept: Concept, metric: MetricNames, described: Described, evidence: Iterable[float]) -> str:
    """The unit of a metric that nobody states: by its declaration, else by its numbers, else UNIT_NOT_KNOWN.

    Args:
        evidence: the bounds of a histogram; of a time of day, some values.
    """
    said = unit_words(described.unit, concept) or unit_words(described.about, concept)
    if said:
        return said
    if concept.unit != "s":
        return UNIT_NOT_KNOWN
    return (_of_time if concept.is_time else _of_bounds)(tuple(evidence)) or UNIT_NOT_KNOWN


def bounds(spelled: Iterable[str]) -> tuple[float, ...]:
    """The numbers among the values of the label `le`."""
    return tuple(bound for text in spelled if (bound := bound_of(text)) is not None)


def _wrong_kind(concept: Concept, name: str, kind: str) -> str:
    if not concept.is_level and kind in _LEVELS:
        return (
            f"{name} is a {kind}, whose value goes up and down, so it does not count {concept.what}: "
            f"metrics.{concept.key} needs a counter"
        )
    if concept.is_level and kind in _CUMULATIVE:
        return (
            f"{name} is a {kind}, which only grows, so it does not tell {concept.what}: "
            f"metrics.{concept.key} needs a gauge"
        )
    return ""


def _of_bounds(found: tuple[float, ...]) -> str:
    """The unit that a histogram's bounds show; "" where they would fit several."""
    known = sorted(bound for bound in found if 0 < bound < float("inf"))
    if len(known) < 2:
        return ""
    least, most = known[0], known[-1]
    if _OF_MINUTES & set(known):
        return "s" if most <= max(_OF_MINUTES) * 12 else ""
    if least >= 1 and (most >= 5000 or (most >= 1000 and _OF_MILLISECONDS & set(known))):
        return "ms" if most <= 3_600_000 else ""
    return "s" if least < 1 and most <= 600 else ""


def _of_time(values: tuple[float, ...]) -> str:
    most = max(values, default=0.0)
    return next((name for least, name in reversed(_EPOCHS) if most >= least), "") if most > 0 else ""
