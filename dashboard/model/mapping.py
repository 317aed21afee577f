"""How a team's telemetry maps to the catalogue: names of labels and metrics, units, values.

The catalogue is written in the names of deploy/monitoring/telemetry.md. A `Mapping` says what stands for each of them
in one environment; `translation.py` rewrites a question with it. The default mapping changes nothing. Pure data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.model import words

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
class Concept:
    """Something that can be measured, as the catalogue writes it.

    Attributes:
        key: its name in settings and presets.
        series: its metric in the catalogue; of a histogram the name without `_count`, `_sum`, `_bucket`.
        what: what it counts or measures, for people.
        is_histogram: whether it has those three series.
        unit: of the values (of a histogram: of what is observed); "" counts events.
        scope: matchers that belong to our telemetry alone and go where a team names its own metric.
        bad: matchers that mean a bad event, in every form the catalogue has.
        table: the table of words that says what the values behind `bad` mean.
        placing: labels without which a figure would be shown for the wrong thing, by logical name.
        is_level: whether it is a value that goes up and down (a gauge) instead of a count of events.
        is_time: whether its values are moments, in seconds since 1970.
    """

    key: str
    series: str
    what: str
    is_histogram: bool = False
    unit: str = ""
    scope: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    table: str = "outcome"
    placing: tuple[str, ...] = ("namespace", "service", "track")
    is_level: bool = False
    is_time: bool = False


def denied(known: words.Words = words.WORDS) -> str:
    """The matcher of a denial, in every word that means one."""
    return f'decision=~"{_any_of(known.decision, words.PolicyDecision.DENIED)}"'


def violated(known: words.Words = words.WORDS) -> str:
    """The matcher of an evaluation that found a violation, in every word that means one."""
    return f'outcome=~"{_any_of(known.evaluation, words.EvaluationOutcome.VIOLATED)}"'


def broken(known: words.Words = words.WORDS) -> str:
    """The matcher of an evaluation that did not pass: it found a violation, or ended in an error."""
    return f'outcome=~"{_any_of(known.evaluation, *_BROKEN)}"'


def judged(known: words.Words = words.WORDS) -> str:
    """The matcher of an evaluation that says whether the contract was kept.

    One that was skipped, or whose word nobody understands, is neither kept nor broken: the recorded SLO leaves it out
    as well.
    """
    return f'outcome=~"{_any_of(known.evaluation, words.EvaluationOutcome.PASSED, *_BROKEN)}"'


_BROKEN = (words.EvaluationOutcome.VIOLATED, words.EvaluationOutcome.ERRORED)


def _any_of(table: words.Vocabulary[Any], *meanings: Any) -> str:
    """The words with one of these meanings in any case, as a regular expression within quotes."""
    patterns = (re.sub(r"([^\w ])", r"\\\1", word) for word in table.words_for(*meanings))
    spelled = (pattern.replace("\\", "\\\\").replace('"', '\\"') for pattern in patterns)
    return f"(?i:{'|'.join(spelled)})"


# What a label for errors holds where there was no error: nothing, or a word that says so, as Micrometer writes it.
NO_ERROR = (
    r"(?i:|-+|n/?a|none|null|nil|no|false|0|no_?error|ok|success|succeeded|successful|completed?|done|finished|pass"
    r"|passed)"
)
ANY_ERROR = f'error_type!~"{NO_ERROR}"'
DENIED, VIOLATED, BROKEN, JUDGED = denied(), violated(), broken(), judged()
# By the matcher that the catalogue has: what it is in the words of an environment.
IN_WORDS: MappingOf[str, Callable[[words.Words], str]] = {
    DENIED: denied,
    VIOLATED: violated,
    BROKEN: broken,
    JUDGED: judged,
}
_ERROR = (ANY_ERROR,)
CONCEPTS: tuple[Concept, ...] = (
    Concept(
        key="agent_runs",
        series="gen_ai_invoke_agent_duration_seconds",
        what="runs of agents and how long they take",
        is_histogram=True,
        unit="s",
        scope=('gen_ai_operation_name="invoke_agent"',),
        bad=_ERROR,
    ),
    Concept(
        key="agent_tool_calls",
        series="gen_ai_invoke_agent_tool_calls",
        what="tool calls of each run",
        is_histogram=True,
    ),
    Concept(
        key="tool_calls",
        series="gen_ai_execute_tool_duration_seconds",
        what="tool calls and how long they take",
        is_histogram=True,
        unit="s",
        bad=_ERROR,
    ),
    Concept(
        key="model_calls",
        series="gen_ai_client_operation_duration_seconds",
        what="calls of models and how long they take",
        is_histogram=True,
        unit="s",
        bad=_ERROR,
    ),
    Concept(
        key="tokens",
        series="gen_ai_client_token_usage",
        what="tokens that models read and write",
        is_histogram=True,
        unit="token",
    ),
    Concept(
        key="first_token",
        series="gen_ai_client_operation_time_to_first_chunk_seconds",
        what="time to the first token",
        is_histogram=True,
        unit="s",
    ),
    Concept(key="cost", series="agentgov_agent_cost_usd_total", what="what the agents cost", unit="USD"),
    Concept(key="runs_active", series="agentgov_agent_runs_active", what="runs under way", is_level=True),
    Concept(key="queue_depth", series="agentgov_agent_queue_depth", what="tasks that wait", is_level=True),
    Concept(
        key="queue_age",
        series="agentgov_agent_queue_oldest_age_seconds",
        what="how long the oldest task has waited",
        unit="s",
        is_level=True,
    ),
    Concept(key="retries", series="agentgov_agent_retries_total", what="steps that an agent tried again"),
    Concept(
        key="contract_evaluations",
        series="agentgov_contract_evaluations_total",
        what="evaluations of contracts",
        bad=(VIOLATED, BROKEN),
        table="evaluation",
    ),
    Concept(key="violations", series="agentgov_contract_violations_total", what="violations of contracts"),
    Concept(
        key="contract_evaluated_at",
        series="agentgov_contract_last_evaluation_timestamp_seconds",
        what="when a contract was last evaluated",
        unit="s",
        is_level=True,
        is_time=True,
    ),
    Concept(
        key="contract_drift",
        series="agentgov_contract_drift_score_ratio",
        what="drift from the contract's baseline",
        is_level=True,
    ),
    Concept(
        key="waivers", series="agentgov_contract_exceptions_active", what="exceptions from contracts", is_level=True
    ),
    Concept(
        key="policy_decisions",
        series="agentgov_policy_decisions_total",
        what="decisions of policies",
        bad=(DENIED,),
        table="decision",
    ),
    Concept(
        key="approvals",
        series="agentgov_approvals_pending",
        what="approvals that wait for a person",
        placing=("namespace",),
        is_level=True,
    ),
    Concept(
        key="kill_switch",
        series="agentgov_kill_switch_engaged",
        what="the kill switch",
        placing=("namespace",),
        is_level=True,
    ),
    Concept(
        key="tasks",
        series="agentgov_business_tasks_total",
        what="tasks and how they ended",
        placing=("namespace",),
    ),
    Concept(
        key="task_time",
        series="agentgov_business_task_duration_seconds",
        what="how long tasks take",
        is_histogram=True,
        unit="s",
        placing=("namespace",),
    ),
    Concept(
        key="task_value",
        series="agentgov_business_value_usd_total",
        what="what finished tasks are worth",
        unit="USD",
        placing=("namespace",),
    ),
    Concept(
        key="satisfaction",
        series="agentgov_business_satisfaction_ratio",
        what="how content people are",
        unit="ratio",
        placing=("namespace",),
        is_level=True,
    ),
    Concept(
        key="budget",
        series="agentgov_business_budget_usd",
        what="what may be spent in a period",
        unit="USD",
        placing=("namespace",),
        is_level=True,
    ),
)
# By the series that the catalogue writes, the three of a histogram included.
CONCEPT_OF: MappingOf[str, Concept] = {
    f"{concept.series}{suffix}": concept
    for concept in CONCEPTS
    for suffix in (("_count", "_sum", "_bucket") if concept.is_histogram else ("",))
}

# The factor from their unit to ours.
UNITS: MappingOf[str, MappingOf[str, float]] = {
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0},
    "token": {"token": 1.0, "thousand": 1e3, "million": 1e6},
    "ratio": {"ratio": 1.0, "percent": 0.01},
    "USD": {"USD": 1.0, "cent": 0.01, "micro": 1e-6},
    "": {"": 1.0},
}
# Words in the names of metrics that say their unit.
_UNIT_WORDS: MappingOf[str, str] = {
    "s": "seconds second secs sec",
    "ms": "milliseconds millisecond millis msecs msec ms",
    "us": "microseconds microsecond micros usecs usec us",
    "ns": "nanoseconds nanosecond nanos nsecs nsec ns",
    "min": "minutes minute",
    "ratio": "ratio",
    "percent": "percent percentage pct",
    "USD": "usd dollars dollar",
    "cent": "cents cent",
    "micro": "microusd microdollars micros",
    "thousand": "kilotokens ktokens",
    "million": "megatokens mtokens",
}
_SHORT = 2
# In the place of a unit that nothing tells: values of such a metric are not read.
UNIT_NOT_KNOWN = "not known"


def unit_in_name(name: str, concept: Concept) -> str:
    """The unit of a concept's values that the name of a metric says; "" where it says none, or several."""
    parts = [part for part in name.casefold().split("_") if part not in ("total", "sum", "count", "bucket")]
    # Short ones may be a region or a namespace, but not at the end.
    said = {part for at, part in enumerate(parts, start=1) if len(part) > _SHORT or at == len(parts)}
    found = {unit for unit in UNITS[concept.unit] if said & set(_UNIT_WORDS.get(unit, "").split())}
    return found.pop() if len(found) == 1 else ""


def unit_words(text: str, concept: Concept) -> str:
    """The unit that a declared unit or a help text says; "" where it says none, or several.

    Short words count where they stand alone, in parentheses or behind "in": "(ms)" is a unit, "s" in "agent's" is not.
    """
    plain = text.casefold().strip()
    said = {word for word in re.findall(r"[a-z]+", plain) if len(word) > len("min")}
    said |= {
        plain,
        *re.findall(r"[(\[]\s*([a-z]+)\s*[)\]]", plain),
        *re.findall(r"\bin ([a-z]+)\s*(?:[.,;:)]|$)", plain),
    }
    found = {unit for unit in UNITS[concept.unit] if said & {unit.casefold(), *_UNIT_WORDS.get(unit, "").split()}}
    return found.pop() if len(found) == 1 else ""


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
        return own or self.labels.get(logical) or Label(name=LABELS[logical])


OURS = Mapping()
