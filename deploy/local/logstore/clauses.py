"""What a clause means for a field, by the type that each stream gives it. An unknown field matches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import tantivy
from tantivy import FieldType, Occur, Query

from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.engine import LATEST, Engine, key_of
from deploy.local.logstore.errors import StoreError, illegal, unsearchable
from deploy.local.logstore.mapping import TIME, Field, View
from deploy.local.logstore.times import instant

_LEAST, _MOST = -(1 << 62), 1 << 62


class Clauses:
    """The leaves of a query, over the streams of one request."""

    def __init__(
        self, engine: Engine, searcher: tantivy.Searcher, streams: Sequence[Stream], view: View, now: datetime
    ) -> None:
        self._engine, self._schema, self._searcher = engine, engine.schema, searcher
        self._streams, self.view, self.now = streams, view, now
        self.backing = {one.name: one.backing for one in streams}

    def in_streams(self) -> Query:
        """The documents of the request's streams."""
        names = [one.name for one in self._streams]
        if len(names) == 1:
            return Query.term_query(self._schema, "_stream", names[0])  # half the time of a set
        return Query.term_set_query(self._schema, "_stream", names)

    def equal(self, name: str, value: Any) -> Query:
        """Exactly this value; in text, exactly this word."""
        if name == "_id":
            return self.ids([value])
        if name == "_index":
            found = [one.name for one in self._streams if value in (one.name, one.backing)]
            return Query.term_set_query(self._schema, "_stream", found)
        return _either([self._equal(field, value) for field in self.view.fields(name)])

    def ids(self, values: Any) -> Query:
        keys = [key_of(stream.name, str(one)) for stream in self._streams for one in values]
        return Query.term_set_query(self._schema, "_key", keys)

    def exists(self, name: str) -> Query:
        """Documents that have the field, or any field below it."""
        below = [one for one in self.view.names() if one.startswith(f"{name}.")]
        paths = {field.path for one in (name, *below) for field in self.view.fields(one)}
        return _either([Query.exists_query(_present(path)) for path in sorted(paths)])

    def range(self, name: str, limits: Mapping[str, Any]) -> Query:
        """Values between limits; a limit that is null is no limit."""
        bounds = {key: limits[key] for key in ("gte", "gt", "lte", "lt") if limits.get(key) is not None}
        return _either([self._range(field, bounds) for field in self.view.fields(name)])

    def between(self, field: Field, lower: int | float, upper: int | float) -> Query:
        """Numbers or milliseconds from `lower` (included) to `upper` (excluded)."""
        if field.name == TIME:
            return Query.range_query(
                self._schema, "_ms", FieldType.Integer, int(lower), int(upper), include_upper=False
            )
        return self._parsed(field, f"[{lower!r} TO {upper!r}}}")

    def beyond(self, field: Field, value: Any, *, descending: bool, most: int) -> Query:
        """What comes after a value in an order; of keywords, the next `most` values."""
        if field.kind == "keyword":
            values = self.values_behind(field, str(value), descending=descending, most=most)
            return Query.term_set_query(self._schema, field.path, values) if values else Query.empty_query()
        if field.name == TIME:
            lower, upper = (_LEAST, int(value)) if descending else (int(value) + 1, _MOST)
            return self.between(field, lower, upper)
        return self._parsed(field, f"{'<' if descending else '>'}{value!r}")

    def values_behind(
        self, field: Field, value: str | None, *, descending: bool, most: int, query: Query | None = None
    ) -> list[Any]:
        """The distinct values of a field in order, keywords after `value`."""
        source = {"field": field.path, "order": "desc" if descending else "asc"}
        asked: dict[str, Any] = {"sources": [{"v": {"terms": source}}], "size": most}
        if value is not None:
            asked["after"] = {"v": f"str:{value}"}
        found = self._searcher.aggregate(query or self.in_streams(), {"c": {"composite": asked}})["c"]["buckets"]
        return [
            bucket["key"]["v"] for bucket in found if field.kind != "keyword" or isinstance(bucket["key"]["v"], str)
        ]

    def match(self, name: str, wanted: Any, *, every: bool, lenient: bool = False) -> Query:
        """Any or every word in text; the value itself in other fields."""
        if name.startswith("_"):
            return self.equal(name, wanted)
        found = []
        for field in self.view.fields(name):
            if field.kind == "text":
                words = [self._word(field, one) for one in self._engine.words(str(wanted))]
                least = len(words) if every else 1
                parts = [(Occur.Should, one) for one in words]
                found.append(
                    Query.boolean_query(parts, minimum_number_should_match=least) if words else Query.empty_query()
                )
            else:
                found += self._value(field, wanted, lenient=lenient)
        return _either(found)

    def phrase(self, name: str, text: str, slop: int = 0, *, lenient: bool = False) -> Query:
        """The words in this order, with at most `slop` moves between them."""
        found = []
        for field in self.view.fields(name):
            if field.kind != "text":
                found += self._value(field, text, lenient=lenient)
                continue
            words: list[str | tuple[int, str]] = list(self._engine.words(text))
            if len(words) < 2:
                found += [self._word(field, str(word)) for word in words]
            else:
                found.append(Query.phrase_query(self._schema, field.path, words, slop))
        return _either(found)

    def prefix(self, name: str, text: str) -> Query:
        found = []
        for field in self.view.fields(name):
            if field.kind not in ("keyword", "text"):
                known = f"not on [{name}] which is of type [{field.type}]"
                raise unsearchable(f"Can only use prefix queries on keyword, text and wildcard fields - {known}")
            found.append(Query.phrase_prefix_query(self._schema, field.path, [text]))
        return Query.const_score_query(_either(found), 1.0)

    def _equal(self, field: Field, value: Any) -> Query:
        if value is None or isinstance(value, Mapping | list):
            raise illegal(f"value cannot be null, an object or a list for the field [{field.name}]")
        if field.kind == "text":
            return self._word(field, str(value))
        if field.kind == "date":
            low, high = (instant(value, self.now, round_up=up, field=field.name) for up in (False, True))
            return self.between(field, low, high + 1)
        if field.kind == "long" and isinstance(value, float) and value != int(value):
            return Query.empty_query()
        return Query.term_query(self._schema, field.path, _fitted(field, value))

    def _value(self, field: Field, value: Any, *, lenient: bool) -> list[Query]:
        """The value in a field that is no text. Lenient: a field that cannot hold the value does not match."""
        try:
            return [self._equal(field, value)]
        except StoreError:
            if lenient:
                return []
            raise

    def _range(self, field: Field, bounds: Mapping[str, Any]) -> Query:
        if field.kind == "date":
            return self._range_of_dates(field, bounds)
        if field.kind not in ("long", "double"):
            raise unsearchable(f"Field [{field.name}] of type [{field.type}] does not support range queries")
        signs = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
        # A fraction is a valid limit of whole numbers.
        fitted = {key: one if isinstance(one, float) else _fitted(field, one) for key, one in bounds.items()}
        parts = [(Occur.Must, self._parsed(field, f"{signs[key]}{value!r}")) for key, value in fitted.items()]
        return Query.boolean_query(parts) if parts else Query.exists_query(field.path)

    def _range_of_dates(self, field: Field, bounds: Mapping[str, Any]) -> Query:
        lower, upper = _LEAST, LATEST
        for key, value in bounds.items():
            at = instant(value, self.now, round_up=key in ("gt", "lte"), field=field.name)
            if key in ("gte", "gt"):
                lower = max(lower, at + (key == "gt"))
            else:
                upper = min(upper, at + (key == "lte"))
        return self.between(field, lower, upper) if lower < upper else Query.empty_query()

    def _word(self, field: Field, word: str) -> Query:
        return Query.term_query(self._schema, field.path, word, index_option="freq")

    def _parsed(self, field: Field, comparison: str) -> Query:
        """By the engine's query language: only it has ranges on JSON paths."""
        path = re.sub(r"([^\w.])", r"\\\1", field.path)
        return self._engine.index.parse_query(f"{path}:{comparison}", [])


def fields_of(view: View, names: Iterable[str]) -> list[str]:
    """The fields that names or patterns stand for."""
    return [found for name in names for found in view.matching(name)]


def _fitted(field: Field, value: Any) -> Any:
    try:
        return field.fitted(value)
    except StoreError as error:
        raise unsearchable(f"failed to create query: {error.reason}") from error


def _present(path: str) -> str:
    """Where the engine marks a field as present: text is marked among the keywords."""
    return f"k.{path[2:]}" if path.startswith("t.") else path


def _either(queries: Sequence[Query]) -> Query:
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.disjunction_max_query(list(queries))
