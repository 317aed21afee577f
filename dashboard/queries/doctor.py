"""How a team's telemetry fits the deck: concept by concept, and which settings would make it fit. Pure.

`check` looks at what the settings say now. `suggest` looks at what Prometheus has, and answers with presets and lines
with which `check` finds as much as can be found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from dashboard.catalog.index import ENTRIES
from dashboard.model.concepts import CONCEPTS, Concept
from dashboard.model.mapping import LABELS, OURS, Label, MetricNames
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.metric_units import UNIT_NOT_KNOWN, UNITS, unit_in_name
from dashboard.model.telemetry import ConceptCheck, Fit, Telemetry
from dashboard.settings import EnvironmentSettings
from dashboard.settings.names import mapping_of, preset, preset_mapping, preset_names

# Labels without which figures would be told of the wrong thing.
_PLACING = ("namespace", "service", "track")
# Who puts labels on what is scraped or pushed; "" is our own rules.
_STACKS = ("", "kube-prometheus-stack", "otlp")
_HTTP = "http-server"
_TRACK_VALUES = frozenset(("blue", "green"))
# Labels of these names are meant to tell tracks, whatever the pods are called.
_TRACK_NAMES = frozenset(("track", "color", "colour", "slot", "lane"))
_POD_TRACK = re.compile(r"-(blue|green)-")
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Settings that fit what was seen. `remarks` explain a line, by its key."""

    presets: tuple[str, ...] = ()
    labels: Mapping[str, Label] = field(default_factory=dict)
    metrics: Mapping[str, MetricNames] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)

    def mapping(self) -> NameMapping:
        """The same for the catalogue."""
        below = mapping_of(self.presets, {}, {})
        return NameMapping(labels={**below.labels, **self.labels}, metrics={**below.metrics, **self.metrics})


def candidates() -> frozenset[str]:
    """Every metric that a concept may be read from: ours and those of all presets."""
    mappings = [OURS, *(preset_mapping(name) for name in preset_names())]
    return frozenset(name for mapping in mappings for name in carriers(mapping))


def carriers(mapping: NameMapping) -> frozenset[str]:
    """The metric of each concept under `mapping`."""
    return frozenset(name for concept in CONCEPTS if (name := _carrier(concept, mapping)))


def check(mapping: NameMapping, telemetry: Telemetry) -> tuple[ConceptCheck, ...]:
    """How each concept stands under `mapping`."""
    return tuple(_checked(concept, mapping, telemetry) for concept in CONCEPTS)


def suggest(telemetry: Telemetry) -> Suggestion:
    """The presets and labels that find most of what is there."""
    presets = tuple(_metric_presets(telemetry))
    found = _series(presets, telemetry)
    labels: dict[str, Label] = {}
    remarks = {name: preset(name).about for name in presets}
    stack = max(_STACKS, key=lambda name: _placed(name, found)) if found else ""
    if stack:
        presets, remarks = (*presets, stack), remarks | {stack: preset(stack).about}
    told = _track_label(found)
    if told is not None and told != mapping_of(presets, {}, {}).label("track"):
        labels["track"] = told
        remarks["track"] = "the label whose values are blue and green"
    return Suggestion(presets=presets, labels=labels, metrics=_overridden(presets, telemetry), remarks=remarks)


def suggest_more(environment: EnvironmentSettings, telemetry: Telemetry) -> Suggestion:
    """What the environment's settings lack: nothing that they say already, and nothing that makes a concept worse.

    A second look at the settings with these lines suggests nothing.
    """
    whole = suggest(telemetry)
    presets = tuple(name for name in whole.presets if name not in environment.presets)
    labels = {name: label for name, label in whole.labels.items() if name not in environment.labels}
    alone = tuple(name for name in presets if name not in _STACKS)
    offered = [
        Suggestion(presets=names, labels=own, remarks=whole.remarks)
        for names, own in ((presets, labels), (presets, {}), (alone, labels), (alone, {}))
    ]
    found = next((one for one in offered if _is_better(environment, one, telemetry)), Suggestion())
    mapping = with_lines(environment, found)
    hidden = _overridden((*found.presets, *environment.presets), telemetry, mapping)
    return replace(found, metrics={key: one for key, one in hidden.items() if key not in environment.metrics})


def with_lines(environment: EnvironmentSettings, found: Suggestion) -> NameMapping:
    """The names of an environment with the lines of a suggestion; its own lines win."""
    below = mapping_of((*found.presets, *environment.presets), {}, {})
    own = mapping_of((), environment.labels, environment.metrics)
    mapping = NameMapping(
        labels={**below.labels, **found.labels, **own.labels}, metrics={**below.metrics, **found.metrics, **own.metrics}
    )
    return environment.in_own_tracks(mapping, environment.blue_green.known)


def _is_better(environment: EnvironmentSettings, found: Suggestion, telemetry: Telemetry) -> bool:
    if not (found.presets or found.labels):
        return False
    before, after = (check(one, telemetry) for one in (environment.mapping, with_lines(environment, found)))
    ranked = list(Fit)
    steps = [ranked.index(now.standing) - ranked.index(then.standing) for then, now in zip(before, after, strict=True)]
    return max(steps) <= 0 and min(steps) < 0


def _placed(stack: str, sets: tuple[Mapping[str, str], ...]) -> int:
    """How many of the labels that place a figure there are under the names of a stack."""
    mapping = preset_mapping(stack)
    return sum(_has(mapping.label(logical), sets) for logical in _PLACING)


def _overridden(
    presets: tuple[str, ...], telemetry: Telemetry, mapping: NameMapping | None = None
) -> Mapping[str, MetricNames]:
    """Metrics that are there and that a later preset hides: each gets a line of its own.

    Args:
        mapping: what is in force; None: what the presets say.
    """
    chosen = mapping or mapping_of(presets, {}, {})
    below = (OURS, *(preset_mapping(name) for name in presets))
    found = {}
    for concept in CONCEPTS:
        if _carrier(concept, chosen) in telemetry.recent:
            continue
        for mapping in below:
            if _carrier(concept, mapping) in telemetry.recent:
                found[concept.key] = mapping.metrics.get(concept.key, MetricNames(series=concept.series))
                break
    return found


def _carrier(concept: Concept, mapping: NameMapping) -> str:
    """The metric whose presence shows that a concept is measured; "" where the mapping names none."""
    metric = mapping.metrics.get(concept.key)
    if metric is None:
        return f"{concept.series}_count" if concept.is_histogram else concept.series
    suffixes = ("_count", "_sum") if concept.is_histogram else ("",)
    return next((name for suffix in suffixes if (name := metric.name(suffix))), "")


@cache
def _blinds(series: str) -> tuple[str, ...]:
    """What nobody sees without these series."""
    return tuple(dict.fromkeys(one.blind for one in ENTRIES if any(name.startswith(series) for name in one.metrics())))


def _checked(concept: Concept, mapping: NameMapping, telemetry: Telemetry) -> ConceptCheck:
    name = _carrier(concept, mapping)
    blinds = _blinds(concept.series)

    def answer(standing: Fit, says: str = "", lines: Iterable[str] = (), metric: str = name) -> ConceptCheck:
        return ConceptCheck(
            key=concept.key,
            what=concept.what,
            standing=standing,
            metric=metric,
            says=says,
            lines=tuple(lines),
            blinds=() if standing is Fit.PRESENT else blinds,
        )

    other = _elsewhere(concept, mapping, telemetry)
    if name not in telemetry.recent or not _in_scope(concept, mapping, telemetry):
        if other is not None:
            found, by = other
            return answer(Fit.RENAMED, f"{found} carries it", (f'presets = ["{by}"]',), metric=found)
        if name in telemetry.ever:
            return answer(Fit.SILENT, f"{name} was there within 14 days and not in the last hour")
        reason = _absence(name, telemetry) if name else "the settings name no metric for it"
        return answer(Fit.UNMEASURED, f"{reason}; if another metric carries it: metrics.{concept.key}")
    lacking = [
        logical
        for logical in concept.placing
        if not _tells(logical, _label(logical, concept, mapping), _sets(name, telemetry), telemetry)
    ]
    if lacking:
        labels = ", ".join(f"{_label(each, concept, mapping).name or each} (the {each})" for each in lacking)
        return answer(Fit.UNLABELLED, f"{name} has no {labels}", _label_lines(lacking, name, telemetry))
    return answer(*_read_as(concept, name, mapping, telemetry))


def _read_as(
    concept: Concept, name: str, mapping: NameMapping, telemetry: Telemetry
) -> tuple[Fit, str, tuple[str, ...]]:
    """Whether the metric can be read as what it is named for, why not, and the line that tells its unit."""
    metric = mapping.metrics.get(concept.key)
    named = metric.names(concept) if metric else ()
    if why := next((telemetry.facts.unfit[one] for one in named if one in telemetry.facts.unfit), ""):
        return Fit.UNFIT, why, ()
    if telemetry.facts.units.get(concept.key) == UNIT_NOT_KNOWN:
        return (
            Fit.UNFIT,
            f"unit not known: nothing says in which unit {name} is",
            (f'metrics.{concept.key}.unit = "..."  # one of {", ".join(UNITS[concept.unit])}',),
        )
    return Fit.PRESENT, _two_units(concept, mapping), ()


def _two_units(concept: Concept, mapping: NameMapping) -> str:
    """Where the settings say another unit than the metric's name does: figures that are a thousand times off."""
    metric = mapping.metrics.get(concept.key)
    named = unit_in_name(metric.series or metric.total, concept) if metric else ""
    if not metric or not metric.unit or not named or metric.unit == named:
        return ""
    name = metric.series or metric.total
    return f"read in {metric.unit} (metrics.{concept.key}.unit), while the name {name} says {named}"


def _label(logical: str, concept: Concept, mapping: NameMapping) -> Label:
    return mapping.label(logical, mapping.metrics.get(concept.key))


def _absence(name: str, telemetry: Telemetry) -> str:
    others = sorted(telemetry.elsewhere.get(name, ()))
    if not others:
        return f"there is no {name}"
    return f"{name} has series of other namespaces alone ({', '.join(others[:_MOST_NAMED])})"


def _tells(logical: str, label: Label, sets: Iterable[Mapping[str, str]], telemetry: Telemetry) -> bool:
    """Whether series tell what they are of. A namespace that is not one of ours does not: an exporter's own, say."""
    if logical == "namespace" and telemetry.namespaces:
        label = replace(label, values={"ours": telemetry.namespaces})
    return _has(label, sets)


def _sets(name: str, telemetry: Telemetry) -> tuple[Mapping[str, str], ...]:
    return telemetry.labels.get(name, ())


def _has(label: Label, sets: Iterable[Mapping[str, str]]) -> bool:
    """Whether some series carry a label, with a value where its pattern wants one."""
    known = [value for theirs in label.values.values() for value in theirs]
    pattern = re.compile(label.pattern.replace("{}", f"(?:{'|'.join(map(re.escape, known)) or '.+'})"))
    return any(label.name in each and pattern.fullmatch(each[label.name]) for each in sets)


def _in_scope(concept: Concept, mapping: NameMapping, telemetry: Telemetry) -> bool:
    """Whether a series has what our own telemetry has beside the name, where the mapping leaves that in place."""
    if concept.key in mapping.metrics or not concept.scope:
        return True
    wanted = [matcher.split("=", 1) for matcher in concept.scope]
    return any(
        all(each.get(label) == value.strip('"') for label, value in wanted)
        for each in _sets(_carrier(concept, mapping), telemetry)
    )


def _elsewhere(concept: Concept, mapping: NameMapping, telemetry: Telemetry) -> tuple[str, str] | None:
    """A metric that carries a concept under the names of a preset, and that preset."""
    for name in preset_names():
        metrics = preset_mapping(name).metrics
        if concept.key in metrics and metrics[concept.key] != mapping.metrics.get(concept.key):
            found = _carrier(concept, NameMapping(metrics=metrics))
            if found in telemetry.recent:
                return found, name
    return None


def _metric_presets(telemetry: Telemetry) -> Iterator[str]:
    """The fewest presets that find every concept that any of them finds, those that find most first."""
    open_ones = {check.key for check in check(OURS, telemetry) if check.standing is Fit.RENAMED}
    # Plain HTTP requests stand for runs only where nothing tells of agents.
    agents = [name for name in preset_names() if name != _HTTP]
    is_agentic = any(name.startswith(("gen_ai_", "agent")) for name in telemetry.recent)
    while open_ones:
        offered = agents if is_agentic else preset_names()
        finds = {name: {key for key in open_ones if _found_by(name, key, telemetry)} for name in offered}
        best = max(finds, key=lambda name: (len(finds[name]), name))
        if not finds[best]:
            return
        yield best
        open_ones -= finds[best]


def _found_by(name: str, key: str, telemetry: Telemetry) -> bool:
    metrics = preset_mapping(name).metrics
    concept = next(each for each in CONCEPTS if each.key == key)
    return key in metrics and _carrier(concept, NameMapping(metrics=metrics)) in telemetry.recent


def _series(presets: tuple[str, ...], telemetry: Telemetry) -> tuple[Mapping[str, str], ...]:
    """The labels of what is found with these presets."""
    mapping = mapping_of(presets, {}, {})
    names = {name for concept in CONCEPTS if (name := _carrier(concept, mapping)) in telemetry.recent}
    return tuple(each for name in sorted(names) for each in _sets(name, telemetry))


def _track_label(sets: tuple[Mapping[str, str], ...]) -> Label | None:
    """The label whose values are blue and green alone. Other pairs are not guessed: no metric says which is blue."""
    values: dict[str, set[str]] = {}
    for each in sets:
        for name, value in each.items():
            values.setdefault(name, set()).add(value)
    found = (name for name, seen in sorted(values.items()) if seen == _TRACK_VALUES)
    usable = (name for name in found if name in _TRACK_NAMES or not _contradicts_pods(name, sets))
    return next((Label(name=name) for name in usable), None)


def _contradicts_pods(name: str, sets: Iterable[Mapping[str, str]]) -> bool:
    """Whether a pod that is named after one track has the other one under a label: it colours something else."""
    return any((told := _POD_TRACK.search(each.get("pod", ""))) and each.get(name, told[1]) != told[1] for each in sets)


def _label_lines(lacking: Iterable[str], name: str, telemetry: Telemetry) -> Iterator[str]:
    """What would tell the labels that lack, from what the series do have."""
    sets = _sets(name, telemetry)
    for stack in _STACKS[1:]:
        mapping = preset_mapping(stack)
        if all(_tells(logical, mapping.label(logical), sets, telemetry) for logical in lacking):
            yield f'presets = ["{stack}"]'
            return
    have = ", ".join(sorted({label for each in sets for label in each} - {"__name__"})) or "none"
    for logical in lacking:
        if logical == "namespace" and (ours := _own_namespace(sets, telemetry)):
            yield f'labels.namespace = "{ours}"'
            continue
        yield f'labels.{logical} = "..."  # {LABELS[logical]} by default; it has: {have}'


def _own_namespace(sets: Iterable[Mapping[str, str]], telemetry: Telemetry) -> str:
    """The label that holds one of our namespaces; "" where none or several do."""
    ours = telemetry.namespaces
    found = {name for each in sets for name, value in each.items() if value in ours and "namespace" in name}
    return found.pop() if len(found) == 1 else ""
