"""A query that a person typed as a clause of an Elasticsearch query. Pure.

Names of concepts mean what they mean in filters, whatever fields carry them here; any other name is a field's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from dashboard.catalog.fields import FIELDS
from dashboard.model.blue_green import BlueGreen
from dashboard.model.log import LogPlace
from dashboard.model.log_query import (
    AllOf,
    AnyOf,
    Condition,
    FieldCompared,
    FieldExists,
    FieldIs,
    NoneOf,
    SaysWords,
)
from dashboard.model.words import LogLevel, Words
from dashboard.queries import clauses
from dashboard.queries.clauses import LEVEL, Clause
from dashboard.queries.resolution import FieldKind, Resolution

# Words that a person may write for a concept.
_MEANT = {"level": LEVEL, "severity": LEVEL, "trace": "trace_id", "span": "span_id"}
_WITHIN_A_WORD = re.compile(r"\w[^\w\s]+\w")


def names(stream: str) -> tuple[str, ...]:
    """The concepts that a query may name."""
    return tuple(dict.fromkeys((*_MEANT, *FIELDS[stream])))


def fields_named(condition: Condition) -> tuple[str, ...]:
    """The names of fields in a query, each once."""
    match condition:
        case FieldIs() | FieldExists() | FieldCompared():
            return (condition.field,)
        case AllOf() | AnyOf():
            return tuple(dict.fromkeys(name for part in condition.parts for name in fields_named(part)))
        case NoneOf():
            return fields_named(condition.part)
        case SaysWords():
            return ()
        case _:
            assert_never(condition)


def clause(
    condition: Condition, fields: Resolution, words: Words, places: Sequence[LogPlace], tracks: BlueGreen
) -> Clause:
    """The clause that finds what was asked for."""

    def of(one: Condition) -> Clause:
        return clause(one, fields, words, places, tracks)

    match condition:
        case SaysWords():
            return _said(condition, fields)
        case FieldIs():
            return _is(condition, fields, words, places, tracks)
        case FieldExists():
            return clauses.either([{"exists": {"field": name}} for name in _fields(condition.field, fields)])
        case FieldCompared():
            limit = {condition.sign: condition.number}
            return clauses.either([{"range": {name: limit}} for name in _fields(condition.field, fields)])
        case AllOf():
            return (
                {"bool": {"filter": [of(part) for part in condition.parts]}} if condition.parts else {"match_all": {}}
            )
        case AnyOf():
            return clauses.either([of(part) for part in condition.parts])
        case NoneOf():
            return {"bool": {"must_not": [of(condition.part)]}}
        case _:
            assert_never(condition)


def _said(condition: SaysWords, fields: Resolution) -> Clause:
    lines, text = clauses.line_fields(fields), condition.text
    if condition.is_prefix:
        # A prefix is not taken apart as the line was: its words are in lower case.
        return clauses.either([{"prefix": {name: {"value": text.lower()}}} for name in lines])
    if condition.is_phrase or _WITHIN_A_WORD.search(text):
        return clauses.either([{"match_phrase": {name: text}} for name in lines])
    return clauses.either([{"match": {name: {"query": text, "operator": "and"}}} for name in lines])


def _is(condition: FieldIs, fields: Resolution, words: Words, places: Sequence[LogPlace], tracks: BlueGreen) -> Clause:
    concept = _MEANT.get(condition.field, condition.field)
    if concept == "message":
        return _said(SaysWords(condition.value, is_phrase=True, is_prefix=condition.is_prefix), fields)
    if condition.is_prefix:
        return _begins("severity" if concept == LEVEL else concept, condition.value, fields)
    if concept == LEVEL:
        return _level(condition.value, fields, words)
    if concept not in FIELDS[fields.stream]:
        # A field's own name: of words, text or numbers, which this kind of clause takes alike.
        return {"match": {concept: {"query": condition.value, "operator": "and", "lenient": True}}}
    value: str | tuple[str, ...] = condition.value
    if concept == "track":
        value = tuple(dict.fromkeys((condition.value, *tracks.spellings(condition.value, ""))))
    return clauses.filters({concept: value}, fields, words, places)[0] if value else {"match_none": {}}


def _level(word: str, fields: Resolution, words: Words) -> Clause:
    """By meaning; a word that is not understood as it is written."""
    meaning = words.level.meaning(word)
    if meaning is None:
        return clauses.filters({"severity": word}, fields, words)[0] if word else {"match_none": {}}
    return clauses.filters({LEVEL: LogLevel(meaning)}, fields, words)[0]


def _begins(concept: str, value: str, fields: Resolution) -> Clause:
    if concept not in FIELDS[fields.stream]:
        return {"prefix": {concept: {"value": value}}}
    uses = [use for use in fields.uses(concept) if use.kind is not FieldKind.NUMBER]
    found: list[Clause] = []
    for use in uses:
        begin: Clause = {"prefix": {use.name: {"value": value.lower() if use.kind is FieldKind.TEXT else value}}}
        found.append(begin if use.indices is None else clauses.every([clauses.within(use.indices), begin]))
    return clauses.either(found)


def _fields(name: str, fields: Resolution) -> tuple[str, ...]:
    concept = _MEANT.get(name, name)
    concept = "severity" if concept == LEVEL else concept
    return fields.fields(concept) if concept in FIELDS[fields.stream] else (name,)
