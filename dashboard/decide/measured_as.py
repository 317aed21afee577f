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
from dashboard.model.metric_units import UNIT_NOT_KNOWN, unit_declared, unit_words
from dashboard.model.telemetry import Described

_ENDINGS = ("_count", "_sum", "_bucket")
_CUMULATIVE = {"counter", "histogram", "summary"}
_LEVELS = {"gauge", "gaugehistogram", "stateset", "info"}
# Bounds of whole minutes, and of long times in seconds that nobody writes as so many minutes or milliseconds.
_MINUTES, _LONG = {60.0, 120.0}, {600.0, 900.0, 1800.0, 3600.0, 7200.0}
_SECOND = {"s": 1.0, "ms": 1000.0}
_FAR_UNDER, _TWO_MINUTES, _DAY = 0.05, 120.0, 86_400.0
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

    A declared unit that is not understood, and a help text that the bounds contradict, leave it unknown.

    Args:
        evidence: the bounds of a histogram; of a time of day, some values.
    """
    if described.unit.strip():
        return unit_declared(described.unit, concept) or UNIT_NOT_KNOWN
    if concept.unit != "s":
        return unit_words(described.about, concept) or UNIT_NOT_KNOWN
    numbers = tuple(evidence)
    shown = _of_time(numbers) if concept.is_time else _of_bounds(numbers)
    said = unit_words(described.about, concept)
    return UNIT_NOT_KNOWN if said and shown and said != shown else said or shown or UNIT_NOT_KNOWN


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
    """The unit that a histogram's bounds show; "" where they would fit several.

    Most rows fit several: OpenTelemetry gives its default row, 5 to 10,000, to instruments in seconds as well, and 0.5
    to 30 may be minutes. Nothing but bounds far under a second, or whole minutes up to long ones, shows the unit.
    """
    known = sorted(bound for bound in found if 0 < bound < float("inf"))
    if len(known) < 2:
        return ""
    least, most = known[0], known[-1]
    for unit, each in _SECOND.items():
        marks = {bound / each for bound in known}
        if _MINUTES & marks and _LONG & marks and most <= _DAY * each:
            return unit
    return "s" if least <= _FAR_UNDER and 1 <= most <= _TWO_MINUTES else ""


def _of_time(values: tuple[float, ...]) -> str:
    most = max(values, default=0.0)
    return next((name for least, name in reversed(_EPOCHS) if most >= least), "") if most > 0 else ""
