"""How failures are told, concept by concept: what the series of the last day say, and the settings that would mend it.

A concept whose failures may not all be counted is not present: its 0 % means nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dashboard.catalog.bad_events import REQUESTS, of_concept, of_requests
from dashboard.decide.telling import Telling, telling
from dashboard.model.bad_events import BadEvents, SeenEvents
from dashboard.model.concepts import CONCEPTS, Concept
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.mapping import MetricNames
from dashboard.model.reading import Reading, State
from dashboard.model.telemetry import ConceptCheck, Fit, Telemetry
from dashboard.model.words import LONGEST_WORD, Words
from dashboard.queries.ask import Ask
from dashboard.queries.doctor import check
from dashboard.queries.presence import EVER
from dashboard.queries.suggestion import metric_table

_CONCEPTS = {concept.key: concept for concept in CONCEPTS}
# By table, what a word may mean in the settings, the bad one first.
_MEANINGS = {
    "outcome": ("failed", "succeeded"),
    "evaluation": ("violated", "passed", "errored", "skipped"),
    "decision": ("denied", "allowed", "changed", "escalated", "noted"),
}
_MOST_LINES = 6


def checks(ask: Ask, telemetry: Telemetry) -> tuple[ConceptCheck, ...]:
    """How each concept stands, those with bad events by what their series say, and requests where there are any."""
    mapping, words = ask.environment.mapping, ask.environment.words.tables()
    found = (*check(mapping, telemetry), *_requests(telemetry))
    told = {one.key: _told(one, ask.environment.namespaces, mapping) for one in found}
    asked = [each for several in told.values() for each in several]
    seen = dict(zip(map(id, asked), ask.seen_events(asked), strict=True))
    return tuple(
        with_telling(one, [(each, seen[id(each)]) for each in told[one.key]], telemetry, mapping, words)
        for one in found
    )


def with_telling(
    one: ConceptCheck,
    looks: Iterable[tuple[BadEvents, Reading[SeenEvents]]],
    telemetry: Telemetry,
    mapping: NameMapping,
    words: Words,
) -> ConceptCheck:
    """The check of a concept with what its series say of failures, in each namespace. Pure."""
    said, lines, values = dict[str, None](), dict[str, None](), dict.fromkeys(one.told)
    remarks = dict[str, None]()
    for told, reading in looks:
        known = _known(told, reading, telemetry, words)
        said |= dict.fromkeys(known.doubts)
        values |= dict.fromkeys(known.values)
        lines |= dict.fromkeys(_lines(told, known, mapping))
        if known.never_matched and told.is_own and not known.doubts:
            remarks[f"{', '.join(map(str, told.conditions))} matched nothing in {EVER.days} days"] = None
    says = "; ".join(filter(None, (one.says, *said, *remarks)))
    standing = Fit.DOUBTED if said and one.standing is Fit.PRESENT else one.standing
    return replace(one, standing=standing, says=says, lines=(*one.lines, *lines), told=tuple(values))


def _requests(telemetry: Telemetry) -> Iterator[ConceptCheck]:
    if REQUESTS in telemetry.recent:
        yield ConceptCheck(key="requests", what="requests between components", standing=Fit.PRESENT, metric=REQUESTS)


def _told(one: ConceptCheck, namespaces: Iterable[str], mapping: NameMapping) -> tuple[BadEvents, ...]:
    if one.standing not in (Fit.PRESENT, Fit.UNLABELLED):
        return ()
    concept = _CONCEPTS.get(one.key)
    return tuple(
        told
        for namespace in namespaces
        for told in (of_concept(concept, namespace, mapping) if concept else of_requests(namespace, mapping))
    )


def _known(told: BadEvents, reading: Reading[SeenEvents], telemetry: Telemetry, words: Words) -> Telling:
    if not told.conditions and told.metric not in telemetry.ever:
        return Telling(
            doubts=(
                f"there was no {told.metric} in {EVER.days} days, which should count its bad events "
                f"(metrics.{told.key}.bad_series)",
            )
        )
    if reading.value is not None:
        return telling(told, reading.value, words)
    if reading.state is State.EMPTY:
        return Telling()
    return Telling(doubts=(f"which events of {told.metric} are bad is not known: {reading.reason}",))


def _lines(told: BadEvents, known: Telling, mapping: NameMapping) -> Iterator[str]:
    """What to write into the environment's table. A metric's line is whole, since it replaces the one of a preset."""
    concept = _CONCEPTS.get(told.key)
    if not known.doubts:
        return
    if known.bad and concept and _can_be_written(known.bad):
        yield f"metrics.{told.key} = {metric_table(replace(_names(concept, mapping), bad=known.bad, bad_series=''))}"
    first, *others = _MEANINGS[told.table]
    for word in known.strange[:_MOST_LINES]:
        if len(word) <= LONGEST_WORD and _can_be_written(word):
            yield f'words.{told.table}.{json.dumps(word)} = "{first}"  # or {", ".join(others)}'
    is_without = bool(known.labels) or not (known.bad or known.strange)
    if is_without and told.key:
        key = "bad" if told.conditions else "bad_series"
        has = f"; its labels: {', '.join(known.labels)}" if known.labels else ""
        yield f'metrics.{told.key}.{key} = "..."  # what only failures have{has}'


def _names(concept: Concept, mapping: NameMapping) -> MetricNames:
    """The metric of a concept as the settings would name it: without a line, ours with its scope."""
    return mapping.metrics.get(concept.key) or MetricNames(series=concept.series, match=", ".join(concept.scope))


def _can_be_written(text: str) -> bool:
    """Whether a line of the settings can hold it as it is. Outside text may have line breaks and control signs."""
    return text.isascii() and text.isprintable()
