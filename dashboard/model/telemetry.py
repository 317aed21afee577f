"""Which metrics a Prometheus has, and how each concept is measured: for the check of the sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What targets declare of a metric: its type (counter, gauge ...), unit and help text; "" where they do not."""

    kind: str = ""
    unit: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFacts:
    """What is known of the metrics that settings and presets name.

    Attributes:
        unfit: by metric, why it cannot be read as what it is named for.
        units: by concept, the unit that neither the settings nor the name says; UNIT_NOT_KNOWN where nothing does.
    """

    unfit: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What Prometheus has.

    Attributes:
        recent: names of the metrics of the last hour.
        ever: names of the metrics of the last 14 days.
        labels: by metric, the labels of some of its series. Only of those that a concept may be read from.
        elsewhere: metrics of which only other namespaces have series, with those namespaces.
        namespaces: to which all of this is narrowed; empty where it is not.
        facts: what is known of the metrics that settings and presets name.
    """

    recent: frozenset[str]
    ever: frozenset[str]
    labels: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    facts: MetricFacts = field(default_factory=MetricFacts)
    elsewhere: Mapping[str, frozenset[str]] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()


class Fit(StrEnum):
    """Whether one concept is measured, best first."""

    PRESENT = "present"
    DOUBTED = "present, failures in doubt"  # some may not be counted as such
    UNLABELLED = "present without a label"
    UNFIT = "present, cannot be read"  # a gauge in the place of a counter, or a unit that is not known
    RENAMED = "present under another name"
    SILENT = "silent"  # it was there within 14 days, and not in the last hour
    UNMEASURED = "not measured"


class Understood(StrEnum):
    """What the deck takes a value of an outcome label for."""

    GOOD = "good"
    FAILED = "failed"
    NOT_UNDERSTOOD = "not understood"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldValue:
    """A value of a label that tells how events ended, as seen in the last day. `value` "" is a series without it."""

    label: str
    value: str
    understood: Understood


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptCheck:
    """The check of one concept.

    Attributes:
        key, what: of the concept.
        metric: what carries it, or could; "" where nothing does.
        says: one sentence on what is wrong; "" where nothing is.
        lines: what to write into the environment's table of the settings.
        blinds: what nobody sees without it.
        told: how its series say that events ended; empty where the deck does not tell good from bad of it.
    """

    key: str
    what: str
    standing: Fit
    metric: str = ""
    says: str = ""
    lines: tuple[str, ...] = ()
    blinds: tuple[str, ...] = ()
    told: tuple[ToldValue, ...] = ()
