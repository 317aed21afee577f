"""Which fields of a backend stand for the deck's concepts, for one format of telemetry or several. Pure.

A field may have different types in different indices: keyword, text or number. Each index is asked in the way its type
allows, so that none spoils the answer of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from connectors.elasticsearch import FieldTypes, Unavailable
from dashboard.catalog.fields import FIELDS, OwnFields, all_names, names

_NONE: OwnFields = {}
# What dynamic mapping adds to text, so that it can be counted by value.
BY_VALUE = ".keyword"
_NUMBERS = frozenset(
    (
        *("long", "integer", "short", "byte", "unsigned_long", "counted_long"),
        *("double", "float", "half_float", "scaled_float", "date", "date_nanos"),
    )
)
_TEXTS = frozenset(("text", "match_only_text", "annotated_text", "search_as_you_type", "pattern_text"))
# These are containers: the fields below them have values.
_TREES = frozenset(("object", "nested", "passthrough"))
_DATED = re.compile(r"(?P<year>20\d\d)[.-](?P<month>[01]\d)(?:[.-](?P<day>[0-3]\d))?$")
_BACKING = re.compile(r"(?:^|(?<=:))(?:partial-|restored-|shrink-\w+-)?\.ds-(?P<stream>.+)-\d{4}\.\d\d\.\d\d-\d{6}$")


class FieldKind(StrEnum):
    """How a field is compared."""

    WORD = "word"  # by value
    NUMBER = "number"  # by value, and only with numbers
    TEXT = "text"  # by the words in it; it cannot be counted


@dataclass(frozen=True, slots=True)
class UsableField:
    """A field that stands for a concept. `indices` are those where it is of this kind; None: wherever it is."""

    name: str
    kind: FieldKind = FieldKind.WORD
    indices: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The fields of one stream as far as they are known.

    Attributes:
        found: per concept the fewest fields that together reach every index with one of its names, the standard one
            first.
        lacking: the concepts that no index has a field for; empty where nothing is known.
        reached: per concept the indices that have a field for it.
        indices: all that were looked at; empty where nothing is known.
        text: the fields of a line whose words can be searched.
        unavailable: the indices that are meant and cannot be searched.
        own: names of the environment's own, by concept.
    """

    stream: str
    found: Mapping[str, tuple[UsableField, ...]] = field(default_factory=dict)
    lacking: frozenset[str] = frozenset()
    reached: Mapping[str, frozenset[str]] = field(default_factory=dict)
    indices: frozenset[str] = frozenset()
    text: tuple[str, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    own: OwnFields = field(default_factory=dict)

    def uses(self, concept: str) -> tuple[UsableField, ...]:
        """What to filter, count and sort by; the standard name where there is no field or nothing is known.

        With several, a document may carry more than one of them: only the first counts.
        """
        return self.found.get(concept) or tuple(map(UsableField, names(self.stream, concept, self.own)[:1]))

    def fields(self, concept: str) -> tuple[str, ...]:
        """The names of `uses`."""
        return tuple(dict.fromkeys(use.name for use in self.uses(concept)))

    def lacks(self, concepts: Iterable[str]) -> tuple[str, ...]:
        """Those of `concepts` that no document has."""
        return tuple(sorted(self.lacking.intersection(concepts)))

    def lacked_by(self, index: str, concepts: Iterable[str]) -> tuple[str, ...]:
        """Those of `concepts` that `index` has no field for."""
        return tuple(concept for concept in concepts if index not in self.reached.get(concept, frozenset()))

    def is_everywhere(self, concepts: Iterable[str]) -> bool:
        """Whether each of `concepts` has a field in every index; also where nothing is known."""
        return all(self.indices <= self.reached.get(concept, self.indices) for concept in concepts)


def wanted(stream: str, own: OwnFields = _NONE) -> tuple[str, ...]:
    """The names to ask a backend for."""
    return tuple(name + ending for name in all_names(stream, own) for ending in ("", BY_VALUE))


def resolve(
    stream: str, types: FieldTypes, unavailable: tuple[Unavailable, ...] = (), own: OwnFields = _NONE
) -> Resolution:
    """What the fields of a backend are to the concepts of `stream`."""
    found, reached = {}, {}
    for concept in FIELDS[stream]:
        found[concept], reached[concept] = _covering(names(stream, concept, own), types)
    lacking = frozenset(concept for concept, fields in found.items() if not fields)
    return Resolution(
        stream=stream,
        found={concept: fields for concept, fields in found.items() if fields},
        lacking=lacking if types.indices else frozenset(),
        reached=reached,
        indices=types.indices,
        text=tuple(name for name in names(stream, "message", own) if FieldKind.TEXT in _kinds(name, types)),
        unavailable=unavailable,
        own=own,
    )


def stream_of(index: str) -> str:
    """The data stream that a backing index is of; any other index is its own name."""
    found = _BACKING.search(index)
    return index[: found.start()] + found["stream"] if found else index


def left_out(unavailable: Iterable[Unavailable], start: datetime) -> tuple[str, ...]:
    """What cannot be searched from `start` on, in words. An index of a day or a month that is over matters no more."""
    return tuple(f"{one.index} {one.why}" for one in unavailable if not _is_older(one.index, start))


def _is_older(index: str, start: datetime) -> bool:
    found = None if _BACKING.search(index) else _DATED.search(index)
    if found is None:
        return False
    try:
        day = datetime(int(found["year"]), int(found["month"]), int(found["day"] or 28), tzinfo=UTC)
    except ValueError:
        return False
    return day + (timedelta(days=2) if found["day"] else timedelta(days=5)) < start


def _covering(candidates: tuple[str, ...], types: FieldTypes) -> tuple[tuple[UsableField, ...], frozenset[str]]:
    """The candidates that reach an index which those before them do not; text only where nothing better is there."""
    by_value = [name + ending for name in candidates for ending in ("", BY_VALUE)]
    chosen: list[UsableField] = []
    reached = frozenset[str]()
    for wanted_kinds, several in (((FieldKind.WORD, FieldKind.NUMBER), by_value), ((FieldKind.TEXT,), candidates)):
        for name in several:
            kinds = _kinds(name, types)
            for kind, there in kinds.items():
                if kind in wanted_kinds and there - reached:
                    chosen.append(UsableField(name, kind, there if len(kinds) > 1 else None))
                    reached |= there
    return tuple(chosen), reached


def _kinds(name: str, types: FieldTypes) -> dict[FieldKind, frozenset[str]]:
    """The indices by how the field is compared in them."""
    found: dict[FieldKind, frozenset[str]] = {}
    for one in types.by_name.get(name, ()):
        if one.type in _TREES:
            continue
        kind = FieldKind.NUMBER if one.type in _NUMBERS else FieldKind.WORD
        if one.type in _TEXTS or not one.aggregatable:
            kind = FieldKind.TEXT
        found[kind] = found.get(kind, frozenset()) | one.indices
    return found
