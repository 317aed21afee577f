"""From Elasticsearch's query DSL to the engine's queries. A clause or option that is not known is refused by name."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import tantivy
from tantivy import FieldType, Occur, Query

from deploy.local.logstore.documents import TIME, fitted, instant
from deploy.local.logstore.errors import StoreError, illegal, unknown
from deploy.local.logstore.fields import Mapping as Fields
from deploy.local.logstore.fields import order

Values = Callable[[str], list[str]]
_WORD = re.compile(r"\w+", re.UNICODE)
_NAME = re.compile(r"[A-Za-z_@][\w.@/\-]*")
_MOST_EXPANDED = 1024


class Compiler:
    """Compiles one request. `values` lists the keywords of a field, for patterns; `now` is the same for all clauses."""

    def __init__(self, index: tantivy.Index, fields: Fields, values: Values, now: datetime) -> None:
        self._index, self._schema, self._fields, self._values, self._now = index, index.schema, fields, values, now
        self._clauses: dict[str, Callable[[Any], Query]] = {
            "match_all": lambda body: _only(body, "match_all", ()) or Query.all_query(),
            "match_none": lambda body: _only(body, "match_none", ()) or Query.empty_query(),
            "bool": self._bool,
            "term": self._term,
            "terms": self._terms,
            "range": self._range,
            "exists": self._exists,
            "ids": self._ids,
            "match": self._match,
            "match_phrase": self._phrase,
            "prefix": lambda body: self._pattern(body, "prefix", lambda text: f"{_literal(text)}*"),
            "wildcard": lambda body: self._pattern(body, "wildcard", _no_sets),
            "simple_query_string": self._simple_query_string,
        }

    @property
    def schema(self) -> tantivy.Schema:
        return self._schema

    def query(self, clause: Any) -> Query:
        """One clause: an object with one key."""
        if not isinstance(clause, Mapping) or len(clause) != 1:
            raise StoreError(400, "parsing_exception", "a query is an object with one key, the name of its clause")
        name, body = next(iter(clause.items()))
        if name not in self._clauses:
            raise unknown("query", name)
        if not isinstance(body, Mapping):
            raise StoreError(400, "parsing_exception", f"[{name}] wants an object")
        return self._clauses[name](body)

    def equal(self, field: str, value: Any) -> Query:
        """Exactly this value; on text, exactly this word."""
        kind = self._fields[field]
        if kind is None:
            return Query.empty_query()
        if kind == "date":
            at = instant(value, self._now)
            return self._between(field, at, at + 1)
        try:
            wanted = fitted(field, kind, value)
        except StoreError as error:
            raise StoreError(400, "query_shard_exception", error.reason) from error
        if kind == "match_only_text":
            return Query.term_query(self._schema, f"t.{field}", wanted.lower())
        return Query.term_query(self._schema, f"k.{_checked(field)}", wanted)

    def in_streams(self, streams: Iterable[str]) -> Query:
        """The documents of these data streams."""
        return Query.term_set_query(self._schema, "_stream", list(streams))

    def after_order(self, value: int, *, descending: bool) -> Query:
        """What comes behind an order in its direction."""
        lower, upper = (None, max(0, value - 1)) if descending else (value + 1, None)
        return Query.range_query(self._schema, "_order", FieldType.Unsigned, lower, upper)

    def number_beyond(self, field: str, value: float, *, descending: bool) -> Query:
        """Numbers behind a value in its direction."""
        return self._parsed(field, f"<{value!r}" if descending else f">{value!r}")

    def _bool(self, body: Mapping[str, Any]) -> Query:
        allowed = ("must", "filter", "should", "must_not", "minimum_should_match", "boost")
        _only(body, "bool", allowed)
        parts: list[tuple[Occur, Query]] = []
        for name in ("must", "filter"):
            parts += [(Occur.Must, self.query(one)) for one in _list(body.get(name))]
        parts += [(Occur.MustNot, self.query(one)) for one in _list(body.get("must_not"))]
        should = [self.query(one) for one in _list(body.get("should"))]
        least = int(body.get("minimum_should_match", 0 if any(o is Occur.Must for o, _ in parts) else 1))
        if should and least:
            least = min(least, len(should)) if least > 0 else max(0, len(should) + least)
            choice = Query.boolean_query([(Occur.Should, one) for one in should], minimum_number_should_match=least)
            parts.append((Occur.Must, choice))
        if not any(occurs is Occur.Must for occurs, _ in parts):
            parts.append((Occur.Must, Query.all_query()))
        return Query.boolean_query(parts)

    def _term(self, body: Mapping[str, Any]) -> Query:
        field, value = _single(body, "term")
        if isinstance(value, Mapping):
            _only(value, "term", ("value", "boost"))
            value = value["value"]
        return self.equal(field, value)

    def _terms(self, body: Mapping[str, Any]) -> Query:
        field, values = _single({key: value for key, value in body.items() if key != "boost"}, "terms")
        if not isinstance(values, list):
            raise StoreError(400, "parsing_exception", "[terms] wants a list of values")
        return _any([self.equal(field, value) for value in values])

    def _range(self, body: Mapping[str, Any]) -> Query:
        field, limits = _single(body, "range")
        _only(limits, "range", ("gt", "gte", "lt", "lte", "format", "boost", "time_zone"))
        if limits.get("time_zone", "UTC") not in ("UTC", "Z", "+00:00"):
            raise illegal("[range] knows only the time zone UTC")
        if limits.get("format", "strict_date_optional_time") not in ("strict_date_optional_time", "epoch_millis"):
            raise illegal(f"[range] does not know the format [{limits['format']}]")
        kind = self._fields[field]
        if kind is None:
            return Query.empty_query()
        if kind == "date":
            return self._range_of_time(field, limits)
        if kind == "match_only_text":
            raise StoreError(400, "query_shard_exception", f"field [{field}] of type [{kind}] has no ranges")
        bounds = {name: fitted(field, kind, value) for name, value in limits.items() if name in _SIGNS}
        quoted = {name: _quoted(value) for name, value in bounds.items() if value is not None}
        return _all([self._parsed(field, _SIGNS[name] + value) for name, value in quoted.items()])

    def _range_of_time(self, field: str, limits: Mapping[str, Any]) -> Query:
        lower, upper = 0, 1 << 41
        for name, value in limits.items():
            if name in _SIGNS and value is not None:
                at = instant(value, self._now, round_up=name in ("gt", "lte"))
                match name:
                    case "gte":
                        lower = max(lower, at)
                    case "gt":
                        lower = max(lower, at + 1)
                    case "lt":
                        upper = min(upper, at)
                    case "lte":
                        upper = min(upper, at + 1)
        return self._between(field, lower, upper)

    def _between(self, field: str, lower: int, upper: int) -> Query:
        """Milliseconds from lower (in) to upper (out)."""
        if field != TIME:
            raise illegal(f"field [{field}] is no date: only [{TIME}] is")
        if upper <= lower:
            return Query.empty_query()
        return Query.range_query(
            self._schema, "_order", FieldType.Unsigned, order(lower, 0), order(upper, 0), include_upper=False
        )

    def _exists(self, body: Mapping[str, Any]) -> Query:
        _only(body, "exists", ("field", "boost"))
        wanted = body["field"]
        names = [name for name in self._fields.all() if name == wanted or name.startswith(f"{wanted}.")]
        return _any([self._present(name) for name in names])

    def _present(self, field: str) -> Query:
        if field == TIME:
            return Query.all_query()
        # Text is marked as present among the keywords: the engine cannot ask text itself.
        return Query.exists_query(f"k.{_checked(field)}")

    def _ids(self, body: Mapping[str, Any]) -> Query:
        _only(body, "ids", ("values", "boost"))
        return Query.term_set_query(self._schema, "_id", [str(one) for one in body["values"]])

    def _match(self, body: Mapping[str, Any]) -> Query:
        field, wanted = _single(body, "match")
        options = wanted if isinstance(wanted, Mapping) else {"query": wanted}
        _only(options, "match", ("query", "operator", "minimum_should_match", "boost"))
        if self._fields[field] != "match_only_text":
            return self.equal(field, options["query"])
        words = [self.equal(field, word) for word in _WORD.findall(str(options["query"]))]
        everything = options.get("operator", "or").lower() == "and" or options.get("minimum_should_match") == "100%"
        return _all(words) if everything else _any(words)

    def _phrase(self, body: Mapping[str, Any]) -> Query:
        field, wanted = _single(body, "match_phrase")
        options = wanted if isinstance(wanted, Mapping) else {"query": wanted}
        _only(options, "match_phrase", ("query", "slop", "boost"))
        return self._words_in_order(field, str(options["query"]), int(options.get("slop", 0)))

    def _words_in_order(self, field: str, text: str, slop: int = 0) -> Query:
        if self._fields[field] != "match_only_text":
            return self.equal(field, text)
        words: list[str | tuple[int, str]] = [word.lower() for word in _WORD.findall(text)]
        if len(words) < 2:
            return _all([self.equal(field, word) for word in words])
        return Query.phrase_query(self._schema, f"t.{field}", words, slop)

    def _pattern(self, body: Mapping[str, Any], clause: str, glob: Callable[[str], str]) -> Query:
        field, wanted = _single(body, clause)
        options = wanted if isinstance(wanted, Mapping) else {"value": wanted}
        _only(options, clause, ("value", "wildcard", "case_insensitive", "boost"))
        return self._like(field, glob(str(options.get("value", options.get("wildcard")))), options)

    def _like(self, field: str, glob: str, options: Mapping[str, Any]) -> Query:
        if self._fields[field] != "keyword":
            raise StoreError(400, "query_shard_exception", f"only keywords have patterns, not [{field}]")
        fold = str.lower if options.get("case_insensitive") else str
        pattern = re.compile(fnmatch.translate(fold(glob)))
        found = [value for value in self._values(field) if pattern.match(fold(value))]
        if len(found) > _MOST_EXPANDED:
            raise StoreError(400, "too_many_clauses", f"[{field}] has more than {_MOST_EXPANDED} values like {glob}")
        return _any([self.equal(field, value) for value in found])

    def _simple_query_string(self, body: Mapping[str, Any]) -> Query:
        """Words, "phrases", -exclusions and | between words; a word matches if any of the fields has it."""
        _only(body, "simple_query_string", ("query", "fields", "default_operator", "boost"))
        fields = list(body.get("fields", sorted(name for name, t in self._fields.all().items() if "text" in t)))
        wanted, excluded = [], []
        joins_any = str(body.get("default_operator", "or")).lower() == "or"
        for word in _words(str(body["query"])):
            if word == "|":
                joins_any = True
                continue
            target = excluded if word.startswith("-") and len(word) > 1 else wanted
            text = word.removeprefix("-").removeprefix("+")
            target.append(_any([self._words_in_order(field, text) for field in fields]))
        found = (_any(wanted) if joins_any else _all(wanted)) if wanted else Query.all_query()
        if not excluded:
            return found
        return Query.boolean_query([(Occur.Must, found), *((Occur.MustNot, one) for one in excluded)])

    def _parsed(self, field: str, comparison: str) -> Query:
        """The engine's own language: it alone has ranges on paths."""
        escaped = re.sub(r"([^\w.])", r"\\\1", _checked(field))
        return self._index.parse_query(f"k.{escaped}:{comparison}", [])


_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def stream_pattern(expression: str) -> Callable[[str], bool]:
    """Whether a data stream is named by an index expression: names, `*` and `-` exclusions, separated by commas."""
    parts = [part for part in expression.split(",") if part] or ["*"]

    def names(stream: str) -> bool:
        found = False
        for part in parts:
            if part == "_all":
                found = True
            elif part.startswith("-"):
                found = found and not fnmatch.fnmatchcase(stream, part[1:])
            else:
                found = found or fnmatch.fnmatchcase(stream, part)
        return found

    return names


def utc_now() -> datetime:
    return datetime.now(UTC)


def _any(queries: list[Query]) -> Query:
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, one) for one in queries])


def _all(queries: list[Query]) -> Query:
    if not queries:
        return Query.all_query()
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, one) for one in queries])


def _only(body: Mapping[str, Any], clause: str, allowed: Iterable[str]) -> None:
    for key in body:
        if key not in allowed and key != "boost":
            raise unknown("option", f"{clause}.{key}")


def _single(body: Mapping[str, Any], clause: str) -> tuple[str, Any]:
    if len(body) != 1:
        raise StoreError(400, "parsing_exception", f"[{clause}] wants exactly one field")
    return next(iter(body.items()))


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _checked(field: str) -> str:
    if not _NAME.fullmatch(field):
        raise illegal(f"[{field}] cannot be the name of a field")
    return field


def _literal(text: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", text)


def _no_sets(text: str) -> str:
    """Elasticsearch's wildcards have no sets of characters: a bracket is a bracket."""
    return text.replace("[", "[[]")


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def _words(text: str) -> list[str]:
    """Words and quoted phrases; an unbalanced quote is a sign like any other."""
    lexer = shlex.shlex(text.replace("'", " "), posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        return text.replace('"', " ").split()
