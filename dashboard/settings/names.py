"""The part of the settings that says in which names a team's telemetry comes: presets, labels, metrics.

A preset is a file of `dashboard/presets/` with the same tables. Later presets win over earlier ones, and the
environment's own lines win over all of them, each label and each concept as a whole.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingOf
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from dashboard.model.bad_events import Condition
from dashboard.model.concepts import CONCEPTS, Concept
from dashboard.model.mapping import LABELS, Label, Mapping, MetricNames
from dashboard.model.metric_units import UNITS
from dashboard.model.release import Track
from dashboard.model.words import DECISIONS, EVALUATIONS, TASKS
from dashboard.settings.base import Section, not_allowed
from dashboard.settings.fields import FieldSettings

PRESETS = Path(__file__).parent.parent / "presets"
_CONCEPTS = {concept.key: concept for concept in CONCEPTS}
_STRING = r'"(?:[^"\\]|\\.)*"'
_MATCHERS = re.compile(rf"\s*(?:[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*{_STRING}\s*(?:,\s*|$))*")

_MATCHER = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_LISTED = re.compile(r"[\w -]+(\|[\w -]+)*")
_PATTERNS = re.compile(r'[=!]~\s*"((?:[^"\\]|\\.)*)"')
# The deck's words for the values of a label, where it asks for some of them.
_TRACKS = {track.value for track in Track}
_WORDS: MappingOf[str, Callable[[str], bool]] = {
    "track": _TRACKS.__contains__,
    "decision": lambda word: DECISIONS.meaning(word) is not None,
    "outcome": lambda word: EVALUATIONS.meaning(word) is not None or TASKS.meaning(word) is not None,
}
_EXAMPLES = {"decision": "allow and deny", "outcome": "passed and violation"}

MetricName = Annotated[str, StringConstraints(pattern=r"^([a-zA-Z_:][a-zA-Z0-9_:]*)?$")]
LabelNameText = Annotated[str, StringConstraints(pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$")]


def _matchers(text: str) -> str:
    if not _MATCHERS.fullmatch(text):
        raise not_allowed(repr(text), 'matchers as PromQL writes them, for example: status="error", env!="test"')
    for pattern in _PATTERNS.findall(text):
        _compiled(pattern)
    return text


def _compiled(pattern: str) -> None:
    """Refuses what is no regular expression that Python reads too: the deck compares values that it sees with it."""
    try:
        re.compile(_unquoted(pattern))
    except re.error as error:
        raise not_allowed(repr(pattern), f"a regular expression ({error})") from None


def _unquoted(text: str) -> str:
    """The text of a quoted string of PromQL without its escapes."""
    return re.sub(r"\\(.)", r"\1", text)


def _pattern(text: str) -> str:
    if text.count("{}") != 1:
        raise not_allowed(repr(text), "a regular expression with {} once, where the value stands")
    try:
        compiled = re.compile(text.replace("{}", "(x)"))
    except re.error as error:
        raise not_allowed(repr(text), f"a regular expression with {{}} once ({error})") from None
    if compiled.groups != 1:
        raise not_allowed(repr(text), "a regular expression whose groups do not capture: (?:...)")
    return text


Matchers = Annotated[str, AfterValidator(_matchers)]


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


class LabelSettings(Section):
    """What carries one label. A string in its place is the label's name."""

    name: LabelNameText = Field(description="The label's name. Empty: these metrics have no such label.")
    pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        default="{}", description="Where the value stands within the label's value: support-agent-{}-.* on a pod."
    )
    values: dict[str, Annotated[tuple[str, ...], BeforeValidator(_several)]] = Field(
        default={}, description="The deck's word and the team's: { deny = ['blocked', 'held'], allow = 'ok' }."
    )

    def label(self) -> Label:
        """The same for the catalogue."""
        return Label(name=self.name, pattern=self.pattern, values=self.values)


def _named(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


def _known_label(name: str) -> str:
    if name not in LABELS:
        raise not_allowed(repr(name), ", ".join(LABELS))
    return name


def _known_concept(key: str) -> str:
    if key not in _CONCEPTS:
        raise not_allowed(repr(key), ", ".join(_CONCEPTS))
    return key


LabelTable = Annotated[LabelSettings, BeforeValidator(_named)]


def _one_meaning(labels: dict[str, LabelSettings]) -> dict[str, LabelSettings]:
    """Refuses values that mean two things, and words of ours that nothing asks for: figures would be of others."""
    for name, label in labels.items():
        theirs = [value for values in label.values.values() for value in values]
        if twice := [value for value in theirs if theirs.count(value) > 1]:
            raise not_allowed(f"{name}.values with {twice[0]!r} twice", "each value of the team once")
        is_known = _WORDS.get(name)
        if is_known and (odd := [word for word in label.values if not is_known(word)]):
            allowed = "blue and green" if name == "track" else f"words such as {_EXAMPLES[name]}"
            raise not_allowed(f"{name}.values.{odd[0]}", f"{allowed} before =, the team's own behind it")
    return labels


Labels = Annotated[dict[Annotated[str, AfterValidator(_known_label)], LabelTable], AfterValidator(_one_meaning)]


def _matched(text: str) -> tuple[Condition, ...]:
    return tuple(Condition(label, sign, _unquoted(value)) for label, sign, value in _MATCHER.findall(text))


def _overlap(one: Condition, two: Condition) -> bool:
    """Whether a value may match both, as far as one of them lists its values."""
    for listing, other in ((one, two), (two, one)):
        if listing.operator == "=":
            return other.holds({other.label: listing.value})
        if listing.operator == "=~" and _LISTED.fullmatch(listing.value):
            return any(other.holds({other.label: value}) for value in listing.value.split("|"))
    return True


class MetricSettings(Section):
    """What carries one concept. A string in its place is the metric's name."""

    series: MetricName = Field(
        default="", description="The metric; of a histogram without _count, _sum, _bucket. Empty: not measured."
    )
    count: MetricName = Field(default="", description="A counter of the events, where no histogram counts them.")
    total: MetricName = Field(default="", description="A counter of what they add up to: tokens, seconds.")
    unit: str = Field(
        default="",
        description="s, ms, us, ns, min or h; token, thousand or million; USD, cent, milli, micro, nano or millicent. "
        "Empty: as its name, its declaration or its bounds say; a duration that none of them tells is not shown.",
    )
    match: Matchers = Field(default="", description='Matchers that always go with it: kind="agent".')
    bad: Matchers = Field(default="", description='Matchers that mean a bad event: status="error".')
    bad_series: MetricName = Field(
        default="", description="A counter of the bad events, where it is a metric of its own."
    )
    labels: Labels = Field(default={}, description="Its own labels, where they differ from the environment's.")

    def metric(self) -> MetricNames:
        """The same for the catalogue."""
        own = {name: label.label() for name, label in self.labels.items()}
        return MetricNames(**{**self.model_dump(exclude={"labels"}), "labels": own})

    def check(self, concept: Concept) -> None:
        """Refuses what cannot be said of this concept."""
        if self.unit and self.unit not in UNITS[concept.unit]:
            units = ", ".join(UNITS[concept.unit]) if concept.unit else "no unit: it counts events"
            raise not_allowed(f"{concept.key}.unit {self.unit!r}", units)
        if (self.bad or self.bad_series) and not concept.bad:
            raise not_allowed(f"{concept.key}.bad", "nothing here: the deck does not tell good from bad of it")
        if self.bad and self.bad_series:
            raise not_allowed(f"{concept.key} with bad and bad_series", "one of the two")
        for one in _matched(self.match):
            if any(two.label == one.label and not _overlap(one, two) for two in _matched(self.bad)):
                raise not_allowed(f"{concept.key}.match {one}", f"a matcher that lets bad events through: {self.bad}")
        if (self.count or self.total) and not concept.is_histogram:
            raise not_allowed(f"{concept.key}.count or .total", "series alone: it is one metric")


def _named_series(given: Any) -> Any:
    return {"series": given} if isinstance(given, str) else given


Metrics = dict[
    Annotated[str, AfterValidator(_known_concept)], Annotated[MetricSettings, BeforeValidator(_named_series)]
]


def check(metrics: Metrics) -> None:
    """Refuses what cannot be said of a concept."""
    for key, metric in metrics.items():
        metric.check(_CONCEPTS[key])


class Preset(Section):
    """A file of `dashboard/presets/`."""

    about: str = Field(description="Whose telemetry this is, in one sentence.")
    labels: Labels = Field(default={})
    metrics: Metrics = Field(default={})
    fields: FieldSettings = FieldSettings()


@cache
def preset_names() -> tuple[str, ...]:
    """The presets that the product keeps."""
    return tuple(sorted(file.stem for file in PRESETS.glob("*.toml")))


@cache
def preset(name: str) -> Preset:
    """One of them."""
    return Preset.model_validate(tomllib.loads((PRESETS / f"{name}.toml").read_text(encoding="utf-8")))


@cache
def preset_mapping(name: str) -> Mapping:
    """What one of them says, alone; "" is our own names."""
    found = preset(name) if name else None
    return _mapping(found.labels, found.metrics) if found else Mapping()


def _known_preset(name: str) -> str:
    if name not in preset_names():
        raise not_allowed(repr(name), ", ".join(preset_names()))
    return name


PresetName = Annotated[str, AfterValidator(_known_preset)]


def mapping_of(presets: Iterable[str], labels: Labels, metrics: Metrics) -> Mapping:
    """What presets say, the later over the earlier, and the own lines over all of them."""
    tables = [*map(preset_mapping, presets), _mapping(labels, metrics)]
    return Mapping(
        labels={name: label for table in tables for name, label in table.labels.items()},
        metrics={key: metric for table in tables for key, metric in table.metrics.items()},
    )


def _mapping(labels: Labels, metrics: Metrics) -> Mapping:
    return Mapping(
        labels={name: label.label() for name, label in labels.items()},
        metrics={key: metric.metric() for key, metric in metrics.items()},
    )
