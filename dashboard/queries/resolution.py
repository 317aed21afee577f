"""Which fields of a backend stand for the deck's concepts, whichever generation of telemetry it has, or both. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.elasticsearch import FieldTypes
from dashboard.catalog.fields import FIELDS, all_names, names

# What dynamic mapping adds to text, so that it can be counted by value.
_BY_VALUE = ".keyword"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The fields of one stream as far as they are known.

    `found` has per concept the fewest fields that together reach every index with one of its names, the standard one
    first. `lacking` are the concepts that no index has a field for; empty where nothing is known.
    """

    stream: str
    found: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lacking: frozenset[str] = frozenset()

    def fields(self, concept: str) -> tuple[str, ...]:
        """What to filter, count and sort by; the standard name where there is no field or nothing is known.

        With several, a document may carry more than one of them: only the first counts.
        """
        return self.found.get(concept) or names(self.stream, concept)[:1]

    def lacks(self, concepts: Iterable[str]) -> tuple[str, ...]:
        """Those of `concepts` that no document has."""
        return tuple(sorted(self.lacking.intersection(concepts)))


def wanted(stream: str) -> tuple[str, ...]:
    """The names to ask a backend for."""
    return tuple(name + ending for name in all_names(stream) for ending in ("", _BY_VALUE))


def resolve(stream: str, types: FieldTypes) -> Resolution:
    """What the fields of a backend are to the concepts of `stream`."""
    found = {concept: _covering(candidates, types) for concept, candidates in FIELDS[stream].items()}
    lacking = frozenset(concept for concept, fields in found.items() if not fields)
    return Resolution(
        stream=stream,
        found={concept: fields for concept, fields in found.items() if fields},
        lacking=lacking if types.indices else frozenset(),
    )


def _covering(candidates: tuple[str, ...], types: FieldTypes) -> tuple[str, ...]:
    """The candidates that reach an index which those before them do not; text only where nothing better is there."""
    exact = [name + ending for name in candidates for ending in ("", _BY_VALUE)]
    return _greedy(exact, types, aggregatable=True) or _greedy(candidates, types, aggregatable=False)


def _greedy(candidates: Iterable[str], types: FieldTypes, *, aggregatable: bool) -> tuple[str, ...]:
    chosen, reached = [], frozenset[str]()
    for name in candidates:
        there = frozenset[str]().union(
            *(one.indices for one in types.by_name.get(name, ()) if one.aggregatable or not aggregatable)
        )
        if there - reached:
            chosen.append(name)
            reached |= there
    return tuple(chosen)
