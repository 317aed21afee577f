"""The order of hits: sort keys with a tie-breaker, pages, and `search_after`.

The engine sorts by its own columns only, of which time and arrival are one. For any other key its distinct values are
walked in order, and within each of them the remaining keys. No more is read than the page needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import tantivy
from tantivy import FieldType, Occur, Order, Query

from deploy.local.logstore.clauses import Clauses
from deploy.local.logstore.engine import Engine, time_of
from deploy.local.logstore.errors import StoreError, illegal, parsing, unsearchable
from deploy.local.logstore.mapping import TIME, Field, View
from deploy.local.logstore.query import both
from deploy.local.logstore.times import instant

_TIES = ("_shard_doc", "_doc")
_OPTIONS = ("order", "unmapped_type")
_FAR = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a sort. Without a field it is a tie-breaker, the score, or a field that nothing has."""

    name: str
    field: Field | None
    descending: bool

    @property
    def is_tie(self) -> bool:
        return self.name in _TIES

    def shown(self, value: Any) -> Any:
        """A value as the hit's sort has it."""
        if value is None and self.field is not None and self.field.kind in ("long", "date", "double"):
            far = -_FAR - 1 if self.descending else _FAR
            return far if self.field.kind != "double" else "Infinity" if far > 0 else "-Infinity"
        return value


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document in its place."""

    address: tantivy.DocAddress
    sort: tuple[Any, ...] = ()
    score: float | None = None


def keys_of(asked: Any, view: View, *, with_tie: bool) -> list[Key]:
    """The keys of a sort; none means by score. A point in time adds a tie-breaker."""
    keys = [_key(one, view) for one in (asked if isinstance(asked, list) else [asked] if asked else [])]
    if any(key.is_tie for key in keys[:-1]):
        raise illegal("a tie-breaker can only be the last key of a sort")
    if any(key.name == "_score" for key in keys):
        if len([key for key in keys if not key.is_tie]) > 1:
            raise illegal("this store sorts by [_score] alone or not at all")
        return []
    if with_tie and keys and not keys[-1].is_tie:
        keys.append(Key("_shard_doc", None, descending=False))
    return keys


class Orderer:
    """Brings the documents of a query into the order of its keys."""

    def __init__(self, engine: Engine, searcher: tantivy.Searcher, leaf: Clauses) -> None:
        self._searcher, self._schema, self._leaf = searcher, engine.schema, leaf

    def page(self, query: Query, keys: Sequence[Key], after: Any, start: int, size: int) -> list[Ranked]:
        """The hits from `start` on, behind the sort values `after`."""
        if after is not None:
            query = both(query, self._behind(keys, after, start + size))
        if not size:
            return []
        if not keys:
            found = self._searcher.search(query, limit=size, offset=start, count=False).hits
            return [Ranked(address, (), score) for score, address in found]
        return list(islice(self._walk(query, keys, (), start + size, self._is_down(keys)), start, start + size))

    def _walk(
        self, query: Query, keys: Sequence[Key], above: tuple[Any, ...], need: int, down: bool
    ) -> Iterator[Ranked]:
        key = keys[0] if keys else None
        if key is None or key.is_tie:
            yield from self._by_time(query, above, need, down, with_time=False, with_tie=key is not None)
        elif key.field is None:
            yield from self._walk(query, keys[1:], (*above, key.shown(None)), need, down)
        else:
            count = 0
            for count, hit in enumerate(self._with(query, keys, above, need, down), 1):  # noqa: B007
                yield hit
            if count < need:
                yield from self._without(query, keys, above, need - count, down)

    def _without(
        self, query: Query, keys: Sequence[Key], above: tuple[Any, ...], need: int, down: bool
    ) -> Iterator[Ranked]:
        key, *rest = keys
        lacking = Query.boolean_query([(Occur.Must, query), (Occur.MustNot, self._leaf.exists(key.name))])
        yield from self._walk(lacking, rest, (*above, key.shown(None)), need, down)

    def _with(
        self, query: Query, keys: Sequence[Key], above: tuple[Any, ...], need: int, down: bool
    ) -> Iterator[Ranked]:
        key, *rest = keys
        field = _known(key)
        there = both(query, self._leaf.exists(key.name))
        if field.name == TIME and all(one.is_tie for one in rest):
            yield from self._by_time(there, above, need, key.descending, with_time=True, with_tie=bool(rest), key=key)
            return
        seen: set[tuple[int, int]] = set()
        for value in self._leaf.values_behind(field, None, descending=key.descending, most=need, query=there):
            one = both(query, self._leaf.equal(key.name, value))
            for hit in self._walk(one, rest, (*above, key.shown(value)), need - len(seen), down):
                place = (hit.address.segment_ord, hit.address.doc)
                if place not in seen:  # a list of values would come once for each of them
                    seen.add(place)
                    yield hit
            if len(seen) >= need:
                return

    def _by_time(
        self, query: Query, above: tuple[Any, ...], need: int, down: bool, *, with_time: bool, with_tie: bool,
        key: Key | None = None,
    ) -> Iterator[Ranked]:  # fmt: skip
        direction = Order.Desc if down else Order.Asc
        found = self._searcher.search(query, limit=need, count=False, order_by_field="_order", order=direction)
        for order, address in found.hits:
            at = (key.shown(time_of(int(order))),) if with_time and key else ()
            yield Ranked(address, (*above, *at, *((int(order),) if with_tie else ())))

    def _behind(self, keys: Sequence[Key], after: Any, need: int) -> Query:
        """What comes after these sort values: the first key that differs decides."""
        if not isinstance(after, list) or len(after) != len(keys):
            raise illegal(
                f"search_after has {len(after) if isinstance(after, list) else 'no'} value(s) but sort has {len(keys)}."
            )
        choices, same = [], []
        for key, value in zip(keys, after, strict=True):
            found = self._beyond(key, value, need, down=self._is_down(keys))
            choices.append(Query.boolean_query([(Occur.Must, one) for one in (*same, found)]))
            same.append(self._same(key, value))
        return Query.boolean_query([(Occur.Should, one) for one in choices])

    def _beyond(self, key: Key, value: Any, need: int, *, down: bool) -> Query:
        if key.is_tie:
            lower, upper = (0, max(0, int(value) - 1)) if down else (int(value) + 1, _FAR)
            return Query.range_query(self._schema, "_order", FieldType.Unsigned, lower, upper)
        if key.field is None:
            return Query.empty_query()
        lacking = Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, self._leaf.exists(key.name))])
        if self._is_missing(key, value):
            return Query.empty_query()
        found = self._leaf.beyond(key.field, self._read(key, value), descending=key.descending, most=need)
        return Query.boolean_query([(Occur.Should, found), (Occur.Should, lacking)])

    def _same(self, key: Key, value: Any) -> Query:
        if key.is_tie or key.field is None:
            return Query.all_query()
        if self._is_missing(key, value):
            return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, self._leaf.exists(key.name))])
        return self._leaf.equal(key.name, self._read(key, value))

    def _read(self, key: Key, value: Any) -> Any:
        field = _known(key)
        return instant(value, self._leaf.now, field=key.name) if field.kind == "date" else field.fitted(value)

    @staticmethod
    def _is_missing(key: Key, value: Any) -> bool:
        return value is None or value == key.shown(None)

    @staticmethod
    def _is_down(keys: Sequence[Key]) -> bool:
        """Ties go the way of the time, or of the first key."""
        times = [key for key in keys if key.field is not None and key.field.name == TIME]
        return (times or list(keys))[0].descending


def _known(key: Key) -> Field:
    if key.field is None:
        raise ValueError(f"[{key.name}] has no field to sort by")
    return key.field


def _key(asked: Any, view: View) -> Key:
    if isinstance(asked, Mapping) and len(asked) != 1:
        raise parsing("a key of a sort is a name, or an object with one name")
    name, options = next(iter(asked.items())) if isinstance(asked, Mapping) else (asked, {})
    options = {"order": options} if isinstance(options, str) else options
    for option in options:
        if option not in _OPTIONS:
            raise StoreError(400, "x_content_parse_exception", f"[field_sort] unknown field [{option}]")
    way = str(options.get("order", "desc" if name == "_score" else "asc")).lower()
    if way not in ("asc", "desc"):
        raise illegal(f"Unknown SortOrder [{way}]")
    if name in (*_TIES, "_score"):
        return Key(name, None, way == "desc")
    fields = view.fields(name)
    if not fields and "unmapped_type" not in options:
        raise unsearchable(f"No mapping found for [{name}] in order to sort on")
    field = fields[0] if fields else None
    if field is not None and field.kind == "text":
        raise illegal(f"Fielddata is disabled on [{name}]: text fields are not optimised for operations like sorting")
    return Key(name, field, way == "desc")
