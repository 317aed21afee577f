"""How a team's telemetry maps to the catalogue: names of labels and metrics, units, values of labels.

The catalogue is written in the names of deploy/monitoring/telemetry.md. A `Mapping` says what stands for each of them
in one environment; `translation.py` rewrites a question with it. The default mapping changes nothing. Pure data.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace

from dashboard.model import words
from dashboard.model.concepts import Concept
from dashboard.model.label_names import NO, YES, spelled, yes_is_well
from dashboard.model.metric_units import unit_in_name

# Logical names of labels, as settings and presets write them, and the label that carries each in the catalogue.
LABELS: MappingOf[str, str] = {
    "namespace": "namespace",
    "service": "service_name",
    "track": "track",
    "pod": "pod",
    "agent": "gen_ai_agent_name",
    "model": "gen_ai_request_model",
    "tool": "gen_ai_tool_name",
    "error": "error_type",
    "token_type": "gen_ai_token_type",
    "contract": "contract",
    "rule": "rule",
    "severity": "severity",
    "enforcement": "enforcement",
    "clause": "clause_type",
    "outcome": "outcome",
    "policy": "policy",
    "stage": "stage",
    "decision": "decision",
    "scope": "scope",
    "task": "task_type",
    "period": "period",
}
# Our words for a yes and a no to whether it went well, by the logical label that asks it.
_ANSWERS: MappingOf[str, tuple[str, str]] = {"outcome": ("success", "failure"), "decision": ("allow", "deny")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What carries one logical label on a team's metrics.

    Attributes:
        name: the label's own name. Empty: these metrics have no such label.
        pattern: where the value stands within the label's value, `{}` in RE2: `support-agent-{}-.*` on a pod's name.
        values: our word for a value (blue, deny) and the team's own, one or several. Any other value stays as it is.
    """

    name: str
    pattern: str = "{}"
    values: MappingOf[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def renames(self) -> bool:
        """Whether some value has another word than ours."""
        return any(theirs != (ours,) for ours, theirs in self.values.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNames:
    """What carries one concept in a team's telemetry.

    Attributes:
        series: the metric; of a histogram the name without its three endings. Empty: not measured.
        count: a counter of the events, where there is no histogram or it is called otherwise.
        total: a counter of what the events add up to (tokens, seconds), likewise.
        unit: theirs, one of UNITS; "" is what the name says, or else ours. UNIT_NOT_KNOWN: its values are not read.
        match: matchers that always go with it, as PromQL writes them: `kind="agent", env!="test"`.
        bad: matchers that mean a bad event. Empty: as the catalogue has it.
        bad_series: a counter of the bad events, where they are another metric.
        labels: its own labels by logical name, where they differ from the environment's.
    """

    series: str = ""
    count: str = ""
    total: str = ""
    unit: str = ""
    match: str = ""
    bad: str = ""
    bad_series: str = ""
    labels: MappingOf[str, Label] = field(default_factory=dict)

    def name(self, suffix: str) -> str:
        """The metric for one series of the concept: `_count`, `_sum`, `_bucket`, or "" where it is no histogram."""
        own = {"_count": self.count, "_sum": self.total}.get(suffix, "")
        return own or (f"{self.series}{suffix}" if self.series else "")

    def names(self, concept: Concept) -> tuple[str, ...]:
        """All series that this concept is read from."""
        suffixes = ("_count", "_sum", "_bucket") if concept.is_histogram else ("",)
        return tuple(filter(None, (*map(self.name, suffixes), self.bad_series)))

    def unit_of(self, concept: Concept) -> str:
        """The unit of the values: the one that is set, or else the one that the name says; "" is ours."""
        return self.unit or unit_in_name(self.series or self.total, concept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """All of it for one environment: labels by logical name, metrics by the concept's key. What is left out is ours.

    `words` say which words of outcomes and decisions mean a bad event, where no metric's own line says it.
    """

    labels: MappingOf[str, Label] = field(default_factory=dict)
    metrics: MappingOf[str, MetricNames] = field(default_factory=dict)
    words: words.Words = words.WORDS

    def with_units(self, units: MappingOf[str, str]) -> Mapping:
        """The same where the metrics of these concepts, by key, are in these units."""
        known = {key: replace(self.metrics[key], unit=unit) for key, unit in units.items()}
        return replace(self, metrics={**self.metrics, **known}) if known else self

    def with_tracks(self, values: MappingOf[str, tuple[str, ...]]) -> Mapping:
        """The same where tracks have these values on metrics. A label whose own line gives it other words keeps them.

        Args:
            values: by the deck's word for a track.
        """
        if not any(theirs != (ours,) for ours, theirs in values.items()):
            return self

        def own(label: Label) -> Label:
            return label if label.renames else replace(label, values=values)

        metrics = {
            key: replace(metric, labels={**metric.labels, "track": own(metric.labels["track"])})
            if "track" in metric.labels
            else metric
            for key, metric in self.metrics.items()
        }
        return replace(self, labels={**self.labels, "track": own(self.label("track"))}, metrics=metrics)

    def label(self, logical: str, metric: MetricNames | None = None) -> Label:
        """What carries a label, on `metric` where it has its own."""
        own = metric.labels.get(logical) if metric else None
        return _with_answers(logical, own or self.labels.get(logical) or Label(name=LABELS[logical]))


def _with_answers(logical: str, label: Label) -> Label:
    """The same with what yes and no mean under a label such as `violated` or `allowed`, where no line says it."""
    known = _ANSWERS.get(logical)
    if known is None or label.values or label.pattern != "{}" or (is_well := yes_is_well(label.name)) is None:
        return label
    yes, no = spelled(YES), spelled(NO)
    return replace(label, values=dict(zip(known, (yes, no) if is_well else (no, yes), strict=True)))


OURS = Mapping()
