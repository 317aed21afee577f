"""What a person asked of log lines, read from what was typed; `decide/log_query.py` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class SaysWords:
    """The line says this word; with `is_phrase` these words in this order, with `is_prefix` a word that begins so."""

    text: str
    is_phrase: bool = False
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class FieldIs:
    """A field has this value, or one that begins so. `field` is a concept (service, agent) or a field's own name."""

    field: str
    value: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class FieldExists:
    """The line has a field, whatever its value."""

    field: str


@dataclass(frozen=True, slots=True)
class FieldCompared:
    """A field's number is `gt`, `gte`, `lt` or `lte` another."""

    field: str
    sign: str
    number: float


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of the parts; none means every line."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Not this."""

    part: Condition


Condition: TypeAlias = SaysWords | FieldIs | FieldExists | FieldCompared | AllOf | AnyOf | NoneOf


class QueryMistakeError(ValueError):
    """A query that cannot be asked. Its text says in plain words what is wrong and what to write instead."""
