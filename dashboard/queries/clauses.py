"""Filters of logs, spans and audit events as clauses of an Elasticsearch query. Pure.

Where a concept has several fields, a filter matches any of them. A clause on a field with different types is limited to
the indices where it can be compared. Documents without a field for service or track are found by the names of the
service's pods, documents without a level by the words of their line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dashboard.catalog import durations
from dashboard.catalog.fields import TEXT
from dashboard.model import level_numbers
from dashboard.model.log import LogPlace
from dashboard.model.words import LogLevel, SpanOutcome, Words
from dashboard.queries.resolution import FieldKind, Resolution, UsableField

Clause = dict[str, Any]

# Filters by meaning instead of value, per stream: the concept whose words are looked up.
LEVEL, OUTCOME = "level", "outcome"
# Of spans, those that a run begins with: without a parent, or the call of an agent.
BEGINNING = "beginning"
AGENT_CALLS = ("invoke_agent", "invoke_workflow")
# OpenTelemetry's numbers of levels, from and to (excluded).
_NUMBERS = {
    LogLevel.ERROR: (17, 25),
    LogLevel.WARNING: (13, 17),
    LogLevel.INFO: (9, 13),
    LogLevel.DEBUG: (1, 9),
}
# Words by which an unparsed line states its level. A word that is common in plain text (all, fine, ok) proves nothing.
_LEVEL_KEYS = ("level", "severity", "levelname", "lvl")
_KEYED = {
    LogLevel.ERROR: ("error", "err", "fatal", "critical", "panic"),
    LogLevel.WARNING: ("warn", "warning"),
}
_IN_LINES = {
    LogLevel.ERROR: (
        *("error", "err", "severe", "fatal", "critical", "crit", "alert", "emerg", "emergency"),
        *("panic", "traceback", "exception"),
    ),
    LogLevel.WARNING: ("warn", "warning"),
    LogLevel.INFO: ("info", "notice"),
    LogLevel.DEBUG: ("debug", "trace", "verbose"),
}


def either(clauses: Sequence[Clause]) -> Clause:
    """Any of the clauses."""
    if not clauses:
        return {"match_none": {}}
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def every(clauses: Sequence[Clause]) -> Clause:
    """All of the clauses."""
    return clauses[0] if len(clauses) == 1 else {"bool": {"filter": list(clauses)}}


def has(use: UsableField, values: str | tuple[str, ...]) -> Clause:
    """Documents whose field has the value, or one of several."""
    several = (values,) if isinstance(values, str) else values
    found: Clause
    match use.kind:
        case FieldKind.NUMBER:
            numbers = [number for value in several if (number := _number(value)) is not None]
            found = {"terms": {use.name: numbers}} if numbers else {"match_none": {}}
        case FieldKind.TEXT:
            found = either([{"match_phrase": {use.name: value}} for value in several])
        case FieldKind.WORD if use.indices is not None:
            # By value all the same, and no error in an index where the field holds numbers.
            found = either([{"match": {use.name: {"query": value, "lenient": True}}} for value in several])
        case FieldKind.WORD:
            found = {"term": {use.name: values}} if isinstance(values, str) else {"terms": {use.name: list(values)}}
    return found if use.indices is None else every([within(use.indices), found])


def at_least(concept: str, least: float, fields: Resolution) -> Clause:
    """Documents whose figure is not less; of a duration `least` is in seconds, and a field in no known unit is none."""
    found = [
        every([within(use.indices), one]) if use.indices is not None else one
        for use in fields.uses(concept)
        if use.kind is not FieldKind.TEXT
        for one in (_longer(use.name, least, fields) if concept == "duration" else [_not_less(use.name, least)])
    ]
    return either(found)


def without_unit(fields: Resolution) -> tuple[str, ...]:
    """The fields of spans' durations whose unit nothing tells."""
    return tuple(name for name in fields.fields("duration") if not durations.unit_of(name, fields.own))


def _longer(name: str, seconds: float, fields: Resolution) -> Iterator[Clause]:
    unit = durations.unit_of(name, fields.own)
    if not unit:
        return
    bound = _not_less(name, seconds * 1e9 / durations.NANOSECONDS[unit])
    if not durations.is_by_document(name, fields.own):
        yield bound
        return
    others: list[Clause] = [{"exists": {"field": marker}} for marker in durations.JAEGER_OR_ZIPKIN]
    yield {"bool": {"filter": [bound], "must_not": others}}
    yield every([_not_less(name, seconds * 1e6), either(others)])


def _not_less(name: str, bound: float) -> Clause:
    return {"range": {name: {"gte": bound}}}


def within(indices: Iterable[str]) -> Clause:
    """Documents of these indices."""
    return {"terms": {"_index": sorted(indices)}}


def absent(fields: Resolution, *concepts: str) -> Clause:
    """Documents that have no field for any of the concepts."""
    names = dict.fromkeys(name for concept in concepts for name in fields.fields(concept))
    return {"bool": {"must_not": [{"exists": {"field": name}} for name in names]}}


def filters(
    wanted: Mapping[str, str | tuple[str, ...]],
    fields: Resolution,
    words: Words,
    places: Sequence[LogPlace] = (),
) -> list[Clause]:
    """A clause for each filter that has a value."""
    return [_filter(concept, value, fields, words, places) for concept, value in wanted.items() if value]


def of_pods(
    concept: str, values: str | tuple[str, ...], fields: Resolution, places: Sequence[LogPlace]
) -> Clause | None:
    """Documents without a field for a service or track, on pods that are known to belong to it; None without such."""
    several = (values,) if isinstance(values, str) else values
    mine = [place for place in places if place.workload and place.of(concept) in several]
    if not mine:
        return None
    return every([absent(fields, concept), either([_pods(place.workload, fields, places) for place in mine])])


def in_line(levels: Iterable[LogLevel], fields: Resolution, words: Words) -> Clause:
    """Documents without a level in whose line stands a word, or a number behind the word level, for one of these."""
    several = tuple(levels)
    text = " ".join(word for level in several for word in _IN_LINES[level])
    numbers = [word for word in words.level.spellings(*several) if word.isdecimal()]
    said = [
        clause
        for name in line_fields(fields)
        for clause in (
            {"match": {name: text}},
            *(_numbered_line(name, number) for number in numbers),
            *_of_families_in_line(name, several, words),
        )
    ]
    return every([without_level(fields), either(said)])


def harmless_in_line(wanted: Iterable[LogLevel], fields: Resolution, words: Words) -> list[Clause]:
    """Documents in whose line stands a number for a level that means none of the wanted ones, whoever wrote it."""
    numbers = level_numbers.harmless(words, wanted)
    return [_numbered_line(name, number) for name in line_fields(fields) for number in numbers]


def settled_numbers(wanted: Iterable[LogLevel], fields: Resolution, words: Words) -> list[Clause]:
    """Documents with a number for their level that families read differently, where it is clear all the same.

    Either the document shows the family, or the number means none of the wanted levels in any family.
    """
    numbers = level_numbers.harmless(words, wanted)
    shown = [clause for use in _level_fields(fields) for clause in _of_families(use, tuple(LogLevel), words)]
    return [*shown, *(has(use, numbers) for use in _level_fields(fields) if numbers)]


def _numbered_line(name: str, number: str) -> Clause:
    return {"match_phrase": {name: f"level {number}"}}


def _level_fields(fields: Resolution) -> tuple[UsableField, ...]:
    return tuple(fields.uses("severity"))


def _of_families(use: UsableField, levels: Sequence[LogLevel], words: Words) -> Iterator[Clause]:
    """Documents whose number means one of the levels in the family that the fields beside it show."""
    beside = use.name[: use.name.rfind(".") + 1]

    def there(family: level_numbers.Family) -> list[Clause]:
        return [every([{"exists": {"field": f"{beside}{key}"}} for key in sorted(keys)]) for keys in family.together]

    owner = next((family for family in level_numbers.FAMILIES if family.owns(use.name)), None)
    for family in level_numbers.FAMILIES:
        numbers = _numbers(family, levels, words)
        if not numbers or (owner is not None and owner is not family and owner in level_numbers.rivals(family)):
            continue
        if family is owner:
            yield has(use, numbers)
            continue
        others = [clause for rival in level_numbers.rivals(family) for clause in there(rival)]
        yield {"bool": {"filter": [has(use, numbers), either(there(family))], "must_not": others}}


def _of_families_in_line(name: str, levels: Sequence[LogLevel], words: Words) -> Iterator[Clause]:
    """The same of a line that nobody parsed, by the keys that stand in it."""

    def stands(family: level_numbers.Family) -> list[Clause]:
        return [every([{"match": {name: key}} for key in sorted(keys)]) for keys in family.together]

    for family in level_numbers.FAMILIES:
        said = [_numbered_line(name, number) for number in _numbers(family, levels, words)]
        if said:
            others = [clause for rival in level_numbers.rivals(family) for clause in stands(rival)]
            yield {"bool": {"filter": [either(said), either(stands(family))], "must_not": others}}


def _numbers(family: level_numbers.Family, levels: Sequence[LogLevel], words: Words) -> tuple[str, ...]:
    return tuple(number for number in level_numbers.unsettled(words) if family.numbers.get(number) in levels)


def without_level(fields: Resolution) -> Clause:
    """Documents that have no field for their level; OpenTelemetry's number 0 says that there is none."""
    return {"bool": {"filter": [absent(fields, "severity")], "must_not": [numbered(fields)]}}


def contradicted(wanted: Iterable[LogLevel], fields: Resolution, words: Words) -> Clause:
    """Documents whose field says another level than a key of their line: a shipper's `info` beside `"level":"error"`.

    Only lines with a key count, as a word for a level may stand in any sentence; and only errors and warnings.
    """
    several = tuple(wanted)
    said = [
        {"match_phrase": {name: f"{key} {word}"}}
        for name in line_fields(fields)
        for key in _LEVEL_KEYS
        for level in several
        for word in _KEYED.get(level, ())
    ]
    stated = either([{"exists": {"field": name}} for name in fields.fields("severity")])
    return {"bool": {"filter": [stated, either(said)], "must_not": [_level(several, fields, words)]}}


def known_level(wanted: Iterable[LogLevel], fields: Resolution, words: Words) -> Clause:
    """Documents with a word or number for their level that is understood, or is none of the wanted levels."""
    known = [has(use, words.level.spellings(*LogLevel)) for use in _level_fields(fields)]
    return either([*known, *settled_numbers(wanted, fields, words)])


def numbered(fields: Resolution, level: LogLevel | None = None) -> Clause:
    """Documents with OpenTelemetry's number of a level, or of any."""
    low, high = _NUMBERS[level] if level else (1, 25)
    return either([{"range": {use.name: {"gte": low, "lt": high}}} for use in _number_fields(fields)])


def _filter(
    concept: str,
    value: str | tuple[str, ...],
    fields: Resolution,
    words: Words,
    places: Sequence[LogPlace],
) -> Clause:
    several = (value,) if isinstance(value, str) else value
    if concept == LEVEL and fields.stream == "logs":
        return _level([LogLevel(one) for one in several], fields, words)
    if concept == OUTCOME and fields.stream == "traces":
        return _outcome([SpanOutcome(one) for one in several], fields, words)
    if concept == BEGINNING and fields.stream == "traces":
        called = [has(use, AGENT_CALLS) for use in fields.uses("operation")]
        empty = [has(use, "") for use in fields.uses("parent_span_id") if use.kind is FieldKind.WORD]
        return either([absent(fields, "parent_span_id"), *empty, *called])
    clauses = [has(use, value) for use in fields.uses(concept)]
    by_pod = of_pods(concept, value, fields, places)
    return either([*clauses, by_pod] if by_pod else clauses)


def _level(levels: Sequence[LogLevel], fields: Resolution, words: Words) -> Clause:
    spelled = words.level.spellings(*levels)
    clauses = [has(use, spelled) for use in fields.uses("severity")]
    clauses += [clause for use in _level_fields(fields) for clause in _of_families(use, levels, words)]
    clauses += [numbered(fields, level) for level in levels if _number_fields(fields)]
    return either([*clauses, in_line(levels, fields, words)])


def _outcome(outcomes: Sequence[SpanOutcome], fields: Resolution, words: Words) -> Clause:
    clauses = [has(use, words.outcome.spellings(*outcomes)) for use in fields.uses("status")]
    if SpanOutcome.FAILED in outcomes:
        clauses += with_error(fields, words)
    if SpanOutcome.UNSAID in outcomes:
        stated = [{"exists": {"field": name}} for name in fields.fields("status")]
        clauses.append({"bool": {"must_not": [*stated, *with_error(fields, words)]}})
    return either(clauses)


def with_error(fields: Resolution, words: Words) -> list[Clause]:
    """Documents with a field that names an error; "none" and "ok" in it name none."""
    return [
        {"bool": {"filter": [{"exists": {"field": use.name}}], "must_not": [has(use, words.no_error)]}}
        for use in fields.uses("error_type")
    ]


def odd_outcome(fields: Resolution, words: Words) -> Clause:
    """Documents with a word for their outcome that nobody understands, and no error that would tell it."""
    stated = either([{"exists": {"field": name}} for name in fields.fields("status")])
    known = [has(use, words.outcome.spellings(*SpanOutcome)) for use in fields.uses("status")]
    return {"bool": {"filter": [stated], "must_not": [*known, *with_error(fields, words)]}}


def _pods(workload: str, fields: Resolution, places: Sequence[LogPlace]) -> Clause:
    """Documents of a workload's pods. Another workload's name may have this one's as a prefix."""
    longer = [place.workload for place in places if place.workload.startswith(f"{workload}-")]
    of_name = [
        {
            "bool": {
                "filter": [{"prefix": {use.name: f"{workload}-"}}],
                "must_not": [{"prefix": {use.name: f"{other}-"}} for other in longer],
            }
        }
        for use in fields.uses("pod")
        if use.kind is FieldKind.WORD
    ]
    return either([*(has(use, workload) for use in fields.uses("workload")), *of_name])


def line_fields(fields: Resolution) -> tuple[str, ...]:
    """Where the words of a line can be searched."""
    return fields.text or TEXT[fields.stream]


def _number_fields(fields: Resolution) -> tuple[UsableField, ...]:
    return tuple(use for use in fields.uses("severity_number") if use.kind is not FieldKind.TEXT)


def _number(value: str) -> int | float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number):  # "inf" and "nan" are words
        return None
    return int(number) if number.is_integer() else number
