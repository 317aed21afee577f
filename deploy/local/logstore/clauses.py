"""What a clause means on a field: by the type that each stream gives it. A field that is not known matches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import tantivy
from tantivy import FieldType, Occur, Query

from deploy.local.logstore.bodies import at_least
from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.engine import LATEST, Engine, key_of
from deploy.local.logstore.errors import StoreError, illegal, unsearchable
from deploy.local.logstore.mapping import TIME, Field, View
from deploy.local.logstore.times import check_formats, instant, time_zone

_MOST_EXPANDED = 1024
_MOST_WORDS = 200_000
_MOST_BETWEEN = 10_000
_LEAST, _MOST = -(1 << 62), 1 << 62


class Clauses:
    """The leaves of a query. `words` gathers what was looked for in each text field, for the highlighter."""

    def __init__(
        self, engine: Engine, searcher: tantivy.Searcher, streams: Sequence[Stream], view: View, now: datetime
    ) -> None:
        self._engine, self._schema, self._searcher = engine, engine.schema, searcher
        self._streams, self.view, self.now = streams, view, now
        self.backing = {one.name: one.backing for one in streams}
        self.words: dict[str, list[re.Pattern[str]]] = {}

    def in_streams(self) -> Query:
        """The documents of the request's streams."""
        names = [one.name for one in self._streams]
        if len(names) == 1:
            return Query.term_query(self._schema, "_stream", names[0])  # half the time of a set
        return Query.term_set_query(self._schema, "_stream", names)

    def equal(self, name: str, value: Any) -> Query:
        """Exactly this value; on text, exactly this word."""
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
        """Values between limits; a limit that is null is none."""
        bounds = {key: limits[key] for key in ("gte", "gt", "lte", "lt") if limits.get(key) is not None}
        return _either([self._range(field, bounds, limits) for field in self.view.fields(name)])

    def between(self, field: Field, lower: int | float, upper: int | float) -> Query:
        """Numbers or milliseconds from lower (in) to upper (out)."""
        if field.name == TIME:
            return Query.range_query(
                self._schema, "_ms", FieldType.Integer, int(lower), int(upper), include_upper=False
            )
        return self._parsed(field, f"[{lower!r} TO {upper!r}}}")

    def beyond(self, field: Field, value: Any, *, descending: bool, most: int) -> Query:
        """What comes behind a value in an order; of keywords, the `most` next ones."""
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
        """The distinct values of a field in order, keywords behind a value."""
        source = {"field": field.path, "order": "desc" if descending else "asc"}
        asked: dict[str, Any] = {"sources": [{"v": {"terms": source}}], "size": most}
        if value is not None:
            asked["after"] = {"v": f"str:{value}"}
        found = self._searcher.aggregate(query or self.in_streams(), {"c": {"composite": asked}})["c"]["buckets"]
        return [
            bucket["key"]["v"] for bucket in found if field.kind != "keyword" or isinstance(bucket["key"]["v"], str)
        ]

    def match(
        self,
        name: str,
        wanted: Any,
        *,
        every: bool,
        least: Any = None,
        lenient: bool = False,
        none_is_all: bool = False,
    ) -> Query:
        """Any or every word of a text, in text; the value itself in other fields."""
        found = []
        for field in self.view.fields(name):
            if field.kind == "text":
                words = [self._word(field, one) for one in self._engine.words(str(wanted))]
                if not words and none_is_all:
                    return Query.all_query()
                found.append(_of(words, every=every, least=least))
            else:
                found += self._lenient(field, wanted) if lenient else [self._equal(field, wanted)]
        return self.equal(name, wanted) if name.startswith("_") else _either(found)

    def phrase(self, name: str, text: str, slop: int = 0, *, lenient: bool = False) -> Query:
        """The words in this order; `slop` moves may lie between them."""
        found = []
        for field in self.view.fields(name):
            if field.kind != "text":
                found += self._lenient(field, text) if lenient else [self._equal(field, text)]
                continue
            words: list[str | tuple[int, str]] = list(self._engine.words(text))
            if len(words) < 2:
                found += [self._word(field, str(word)) for word in words]
            else:
                self._note(field, r"\W+".join(re.escape(str(word)) for word in words))
                found.append(Query.phrase_query(self._schema, field.path, words, slop))
        return _either(found)

    def prefix(self, name: str, text: str) -> Query:
        found = []
        for field in self._patterned(name, "prefix"):
            if field.kind == "text":
                self._note(field, re.escape(text) + r"\w*")
            found.append(Query.phrase_prefix_query(self._schema, field.path, [text]))
        return Query.const_score_query(_either(found), 1.0)

    def wildcard(self, name: str, pattern: str, *, ignore_case: bool = False, fold_text: bool = False) -> Query:
        """Values like a pattern of `*` and `?`, of which a backslash takes the meaning."""
        found = []
        for field in self._patterned(name, "wildcard"):
            if pattern == "*":
                found.append(Query.exists_query(_present(field.path)))
                continue
            wanted = pattern.lower() if fold_text and field.kind == "text" else pattern
            values = (
                self._words_like(field, wanted)
                if field.kind == "text"
                else self._values_like(field, wanted, ignore_case)
            )
            if len(values) > _MOST_EXPANDED:
                raise StoreError(
                    400, "too_many_clauses", f"[{name}] has more than {_MOST_EXPANDED} values like [{pattern}]"
                )
            found.append(Query.term_set_query(self._schema, field.path, values) if values else Query.empty_query())
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
        try:
            fitted = field.fitted(value)
        except StoreError as error:
            raise unsearchable(f"failed to create query: {error.reason}") from error
        return Query.term_query(self._schema, field.path, fitted)

    def _lenient(self, field: Field, value: Any) -> list[Query]:
        try:
            return [self._equal(field, value)]
        except StoreError:
            return []  # lenient means: a field that cannot hold the value does not match

    def _range(self, field: Field, bounds: Mapping[str, Any], options: Mapping[str, Any]) -> Query:
        if field.kind == "date":
            return self._range_of_dates(field, bounds, options)
        for option in ("format", "time_zone"):
            if option in options:
                raise unsearchable(f"[{option}] does not fit the field [{field.name}] of type [{field.type}]")
        if field.kind in ("text", "boolean"):
            raise unsearchable(f"Field [{field.name}] of type [{field.type}] does not support range queries")
        try:
            whole = field.kind == "long"
            fitted = {
                key: one if whole and isinstance(one, float) else field.fitted(one) for key, one in bounds.items()
            }
        except StoreError as error:
            raise unsearchable(f"failed to create query: {error.reason}") from error
        if field.kind == "keyword":
            return self._range_of_keywords(field, fitted)
        signs = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
        parts = [self._parsed(field, f"{signs[key]}{value!r}") for key, value in fitted.items()]
        parts = parts or [Query.exists_query(field.path)]
        return parts[0] if len(parts) == 1 else Query.boolean_query([(Occur.Must, one) for one in parts])

    def _range_of_keywords(self, field: Field, bounds: Mapping[str, str]) -> Query:
        """The engine has no ranges of keywords on paths: the values that lie between."""
        lower, upper = bounds.get("gte", bounds.get("gt")), bounds.get("lte", bounds.get("lt"))
        values = self.values_behind(field, lower, descending=False, most=_MOST_BETWEEN)
        if len(values) == _MOST_BETWEEN and (upper is None or values[-1] <= upper):
            raise StoreError(
                400, "too_many_clauses", f"[{field.name}] has more than {_MOST_BETWEEN} values in the range"
            )
        between = [one for one in values if upper is None or one < upper or (one == upper and "lte" in bounds)]
        between += [bounds["gte"]] if "gte" in bounds else []
        return Query.term_set_query(self._schema, field.path, between) if between else Query.empty_query()

    def _range_of_dates(self, field: Field, bounds: Mapping[str, Any], options: Mapping[str, Any]) -> Query:
        lower, upper = _LEAST, LATEST
        zone = time_zone(options.get("time_zone", "UTC"))
        formats = check_formats(options["format"]) if "format" in options else ""
        for key, value in bounds.items():
            at = instant(value, self.now, round_up=key in ("gt", "lte"), zone=zone, formats=formats, field=field.name)
            if key in ("gte", "gt"):
                lower = max(lower, at + (key == "gt"))
            else:
                upper = min(upper, at + (key == "lte"))
        return self.between(field, lower, upper) if lower < upper else Query.empty_query()

    def _patterned(self, name: str, clause: str) -> list[Field]:
        found = self.view.fields(name)
        for field in found:
            if field.kind not in ("keyword", "text"):
                found_type = f"not on [{name}] which is of type [{field.type}]"
                raise unsearchable(f"Can only use {clause} queries on keyword, text and wildcard fields - {found_type}")
        return found

    def _values_like(self, field: Field, pattern: str, ignore_case: bool) -> list[str]:
        asked = {"field": field.path, "size": _MOST_EXPANDED + 1, "include": _regex(pattern, ignore_case=ignore_case)}
        found = self._searcher.aggregate(self.in_streams(), {"v": {"terms": asked}})["v"]["buckets"]
        return [str(bucket["key"]) for bucket in found]

    def _words_like(self, field: Field, pattern: str) -> list[str]:
        like = re.compile(_regex(pattern))
        fixed = re.split(r"[*?\\]", pattern)[0]
        self._note(field, _regex(pattern).replace(".*", r"\w*"))
        vocabulary = self._searcher.terms_with_prefix("_words", fixed, limit=_MOST_WORDS)
        return [word for word, _ in vocabulary if like.fullmatch(word)]

    def _word(self, field: Field, word: str) -> Query:
        self._note(field, re.escape(word))
        return Query.term_query(self._schema, field.path, word, index_option="freq")

    def _note(self, field: Field, pattern: str) -> None:
        self.words.setdefault(field.name, []).append(re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE))

    def _parsed(self, field: Field, comparison: str) -> Query:
        """The engine's own language: it alone has ranges on paths."""
        path = re.sub(r"([^\w.])", r"\\\1", field.path)
        return self._engine.index.parse_query(f"{path}:{comparison}", [])


def fields_of(view: View, names: Iterable[str]) -> list[str]:
    """Names without their boosts, patterns resolved."""
    return [found for name in names for found in view.matching(name.partition("^")[0])]


def _present(path: str) -> str:
    """Text is marked as present among the keywords."""
    return f"k.{path[2:]}" if path.startswith("t.") else path


def _either(queries: Sequence[Query]) -> Query:
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.disjunction_max_query(list(queries))


def _of(queries: Sequence[Query], *, every: bool, least: Any) -> Query:
    if not queries:
        return Query.empty_query()
    wanted = len(queries) if every else max(1, at_least(least, len(queries))) if least is not None else 1
    return Query.boolean_query([(Occur.Should, one) for one in queries], minimum_number_should_match=wanted)


def _regex(pattern: str, *, ignore_case: bool = False) -> str:
    found = []
    for escape, sign in re.findall(r"(\\?)(.)", pattern, re.DOTALL):
        if not escape and sign in "*?":
            found.append(".*" if sign == "*" else ".")
        elif ignore_case and sign.lower() != sign.upper():
            found.append(f"[{sign.lower()}{sign.upper()}]")
        else:
            found.append(re.sub(r"([^\w\s])", r"\\\1", sign))
    return "".join(found)
