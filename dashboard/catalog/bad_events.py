"""Which questions count bad events, and how each is told from the others in the names of one environment. Pure text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dashboard.catalog.escaping import label_value
from dashboard.catalog.translation import (
    GROUPING,
    LabelMatcher,
    NotMeasuredError,
    bad_matchers,
    matchers,
    own_matchers,
    series_of,
    with_our_labels,
)
from dashboard.model.bad_events import BadEvents, Condition
from dashboard.model.concepts import CONCEPT_OF, Concept
from dashboard.model.event_matchers import ANY_ERROR
from dashboard.model.mapping import LABELS, Mapping, MetricNames

# Of metrics that no settings can rename: requests between components, model calls of another generation.
REQUESTS = "agentgov_component_requests_total"
_ELSEWHERE = ('code=~"5.."', ANY_ERROR)
_PLACES = ("service_name", "track")
_OVER = "1h"
# Periods over which words are looked for, in seconds. Beyond the longest a metric counts as never measured.
_LENGTHS = {_OVER: 3600.0, "2h": 7200.0, "6h": 21600.0, "1d": 86400.0, "7d": 604800.0}
_LONGEST = "14d"
# What tells processes, targets and kinds of work apart, and never how an event ended.
_BESIDE = [
    "pod",
    "instance",
    "job",
    "le",
    "container",
    "endpoint",
    "node",
    "prometheus",
    "prometheus_replica",
    "replica",
    "cluster",
    "region",
    "zone",
    "version",
    "exported_job",
    "exported_instance",
    "exported_pod",
    "otel_scope_name",
    "otel_scope_version",
    "service_instance_id",
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_response_model",
    "server_address",
    "server_port",
]
_LOGICAL_BESIDE = ("pod", "agent", "model", "tool", "contract", "rule", "severity", "clause", "policy", "scope")
_ESCAPE = re.compile(r"\\(.)")


def bad_events(promql: str, mapping: Mapping) -> tuple[BadEvents, ...]:
    """How a finished question of the catalogue tells bad events, once for each metric that it tells them of."""
    grouped = {name.strip() for group in GROUPING.findall(promql) for name in group.split(",")}
    found: list[BadEvents] = []
    for name, matched in series_of(promql):
        concept = CONCEPT_OF.get(name)
        marks = concept.bad if concept else _ELSEWHERE
        if ":" not in name and any(str(matcher) in marks for matcher in matched):
            found += (one for one in _of_leaf(name, matched, concept, mapping, grouped) if one not in found)
    return tuple(found)


def looked_over(told: BadEvents, seconds: float) -> str:
    """The question about words over at least so long, in one of a few lengths, so that many questions share one.

    Over more than an hour one sample in five minutes is looked at: that finds each series, at a cost that a long
    retention can bear.
    """
    over = next((name for name, length in _LENGTHS.items() if seconds <= length), _LONGEST)
    return told.lookup if over == _OVER else told.lookup.replace(f"[{_OVER}]", f"[{over}:5m]")


def of_concept(concept: Concept, namespace: str, mapping: Mapping) -> tuple[BadEvents, ...]:
    """How a concept tells bad events; nothing where it has none, or where the mapping names no label that tells."""
    if not concept.bad:
        return ()
    name = f"{concept.series}_count" if concept.is_histogram else concept.series
    return bad_events(_counted(name, namespace, (*concept.scope, concept.bad[0])), mapping)


def of_requests(namespace: str, mapping: Mapping) -> tuple[BadEvents, ...]:
    """How requests between components tell that they failed. No settings can rename their metric."""
    return bad_events(_counted(REQUESTS, namespace, _ELSEWHERE[:1]), mapping)


def _counted(name: str, namespace: str, conditions: Iterable[str]) -> str:
    inner = ", ".join((f'namespace="{label_value(namespace)}"', *conditions))
    return f"sum by (service_name, track) (increase({name}{{{inner}}}[{_OVER}]))"


def _of_leaf(
    name: str, matched: tuple[LabelMatcher, ...], concept: Concept | None, mapping: Mapping, grouped: set[str]
) -> Iterator[BadEvents]:
    metric = mapping.metrics.get(concept.key) if concept else None
    marks = concept.bad if concept else _ELSEWHERE
    ours = tuple(matcher for matcher in matched if str(matcher) in marks)
    own_name, bad = _told_by(name, ours, concept, metric, mapping)
    if not own_name:
        return
    kept = [m for m in matched if m.label == "namespace" or (metric is None and concept and str(m) in concept.scope)]
    where = [*own_matchers(kept, mapping, metric, own_name), *(matchers(metric.match) if metric else ())]
    service = mapping.label("service", metric)
    asked = tuple(Condition(m.label, m.operator, _plain(m.value)) for m in matched if m.label in _PLACES)
    label = mapping.label(_logical(ours[0].label), metric) if _logical(ours[0].label) else None
    yield BadEvents(
        key=concept.key if concept else "",
        metric=own_name,
        conditions=tuple(Condition(m.label, m.operator, _plain(m.value)) for m in bad),
        is_own=bool(metric and (metric.bad or metric.bad_series)) or bool(label and label.name != ours[0].label),
        table=concept.table if concept else "outcome",
        words={theirs: word for word, own in label.values.items() for theirs in own}
        if label and not (metric and metric.bad)
        else {},
        lookup=_lookup(own_name, where, bad, mapping, metric),
        retained=f"{own_name}{{{', '.join(map(str, (*where, *bad)))}}}",
        service_label=service.name,
        service_pattern=service.pattern,
        asked=asked,
        needs=tuple(label for label in _PLACES if label in grouped or any(_picks(one, label) for one in asked)),
    )


def _told_by(
    name: str, ours: tuple[LabelMatcher, ...], concept: Concept | None, metric: MetricNames | None, mapping: Mapping
) -> tuple[str, tuple[LabelMatcher, ...]]:
    """The metric that tells, and the matchers of its bad events; "" where nothing tells, which the question says."""
    own_name = metric.name(name.removeprefix(concept.series)) if concept and metric else name
    if metric and metric.bad_series:
        return metric.bad_series, ()
    if metric and metric.bad:
        return own_name, bad_matchers(metric)
    try:
        return own_name, own_matchers(ours, mapping, metric, own_name)
    except NotMeasuredError:
        return "", ()


def _lookup(
    name: str,
    where: Iterable[LabelMatcher],
    bad: Iterable[LabelMatcher],
    mapping: Mapping,
    metric: MetricNames | None,
) -> str:
    read = f"last_over_time({name}{{{', '.join(map(str, where))}}}[{_OVER}])"
    known = {label for label in _PLACES if mapping.label(_logical(label), metric).name}
    read = with_our_labels(read, mapping, metric, known, name) if known else read
    telling = {matcher.label for matcher in bad}
    own = {mapping.label(logical, metric).name for logical in _LOGICAL_BESIDE}
    left_out = sorted({*_BESIDE, *own, *(LABELS[logical] for logical in _LOGICAL_BESIDE)} - telling - {"", *_PLACES})
    return f"sum without ({', '.join(left_out)}) ({read})"


def _logical(label: str) -> str:
    return next((logical for logical, ours in LABELS.items() if ours == label), "")


def _picks(condition: Condition, label: str) -> bool:
    return condition.label == label and not (condition.operator == "=~" and condition.value == ".*")


def _plain(value: str) -> str:
    """The text of a quoted string without its escapes; those of control signs do not occur in names and words."""
    return _ESCAPE.sub(r"\1", value)
