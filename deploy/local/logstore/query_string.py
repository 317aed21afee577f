"""`query_string`: Lucene's own language. Fields, phrases, AND OR NOT + -, groups, ranges and wildcards.

As in Lucene, AND and OR have no rank: each says of the clauses beside it whether they must match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tantivy import Occur, Query

from deploy.local.logstore.bodies import at_least, only, operator_is_and, required
from deploy.local.logstore.clauses import Clauses, fields_of
from deploy.local.logstore.errors import StoreError, unsearchable

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<and>AND\b|&&) | (?P<or>OR\b|\|\|) | (?P<not>NOT\b|!) | (?P<sign>[+\-]) | (?P<open>\() | (?P<close>\))
    | (?P<phrase>"(?:\\.|[^"\\])*"(?:~(?P<slop>\d+))?)
    | (?P<range>[\[{]\s*(?:"[^"]*"|[^\s\]}"]+)\s+TO\s+(?:"[^"]*"|[^\s\]}"]+)\s*[\]}])
    | (?P<compare>[<>]=?(?:"[^"]*"|[^\s()]+))
    | (?P<field>(?:\\.|[^\s+\-!():^\[\]"{}~?\\/<>]|(?<=\w)[-+/])+):
    | (?P<word>(?:\\.|[^\s!():^\[\]"{}~\\])+)
    )(?:\^(?P<boost>\d+(?:\.\d+)?))?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What holds where the reader stands."""

    fields: tuple[str, ...]
    every: bool
    lenient: bool
    least: Any = None


def query_string(leaf: Clauses, body: Mapping[str, Any]) -> Query:
    """Compiles the clause. Raises StoreError for text that is no query."""
    only(body, "query_string", ("query", "fields", "default_field", "default_operator", "lenient", "analyze_wildcard",
                                "allow_leading_wildcard", "minimum_should_match", "time_zone"))  # fmt: skip
    named = body.get("fields") or [body.get("default_field", "*")]
    fields = tuple(fields_of(leaf.view, named))
    every = operator_is_and(body.get("default_operator", "or"))
    scope = _Scope(fields, every, bool(body.get("lenient", named == ["*"])), body.get("minimum_should_match"))
    return _Reader(leaf, str(required(body, "query_string", "query")), body.get("time_zone")).whole(scope)


class _Reader:
    def __init__(self, leaf: Clauses, text: str, time_zone: str | None) -> None:
        self._leaf, self._text, self._at = leaf, text, 0
        self._closing: str | None = None  # the boost behind the bracket that closed last
        self._zone = {"time_zone": time_zone} if time_zone else {}

    def whole(self, scope: _Scope) -> Query:
        found = self._group(scope, nested=False)
        return Query.empty_query() if found is None else found

    def _group(self, scope: _Scope, *, nested: bool) -> Query | None:
        """Clauses up to the end or the bracket that closes."""
        clauses: list[list[Any]] = []
        joined = sign = ""
        while (token := self._next()) is not None:
            kind = _kind(token)
            if kind in ("and", "or"):
                if not clauses or joined:
                    raise self._failure()
                joined = kind
            elif kind in ("not", "sign"):
                sign = "-" if kind == "not" else token["sign"]
            elif kind == "close":
                if not nested or joined or sign:
                    raise self._failure()
                self._closing = token["boost"]
                return _joined(clauses, scope)
            else:
                found = self._clause(token, kind, scope)
                if found is not None:
                    _add(clauses, joined, sign, found, scope)
                joined = sign = ""
        if nested or joined or sign:
            raise self._failure()
        return _joined(clauses, scope)

    def _clause(self, token: re.Match[str], kind: str, scope: _Scope) -> Query | None:
        if kind == "field":
            inner = self._next()
            if inner is None:
                raise self._failure()
            name = _plain(token["field"])
            if name == "_exists_":
                return self._leaf.exists(_plain(inner["word"] or ""))
            fields = tuple(fields_of(self._leaf.view, [name]))
            return self._clause(
                inner, _kind(inner), replace(scope, fields=fields, lenient=scope.lenient or len(fields) > 1)
            )
        if kind == "open":
            found, boost = self._group(scope, nested=True), self._closing
        elif kind in ("phrase", "range", "compare", "word"):
            found, boost = self._anywhere(token, kind, scope), token["boost"]
        else:
            raise self._failure()
        return Query.boost_query(found, float(boost)) if boost and found is not None else found

    def _anywhere(self, token: re.Match[str], kind: str, scope: _Scope) -> Query:
        found = []
        for field in scope.fields:
            try:
                found.append(self._on(field, token, kind, scope))
            except StoreError:
                if not scope.lenient:
                    raise
        return Query.disjunction_max_query(found) if found else Query.empty_query()

    def _on(self, field: str, token: re.Match[str], kind: str, scope: _Scope) -> Query:
        if kind == "phrase":
            text = _plain(re.sub(r"~\d+$", "", token["phrase"])[1:-1])
            return self._leaf.phrase(field, text, int(token["slop"] or 0))
        if kind == "range":
            low, high = re.split(r"\s+TO\s+", token["range"][1:-1].strip())
            limits = {
                "gte" if token["range"][0] == "[" else "gt": low,
                "lte" if token["range"][-1] == "]" else "lt": high,
            }
            return self._leaf.range(
                field, {key: value.strip('"') for key, value in limits.items() if value != "*"} | self._zone
            )
        if kind == "compare":
            sign, value = re.match(r"([<>]=?)(.*)", token["compare"]).groups()  # type: ignore[union-attr]
            name = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}[sign]
            return self._leaf.range(field, {name: _plain(value.strip('"'))} | self._zone)
        word = token["word"]
        if word == "*":
            return self._leaf.exists(field)
        if re.search(r"(?<!\\)[*?]", word):
            return self._leaf.wildcard(field, word, fold_text=True)
        return self._leaf.match(field, _plain(word), every=scope.every)

    def _next(self) -> re.Match[str] | None:
        if not self._text[self._at :].strip():
            return None
        found = _TOKEN.match(self._text, self._at)
        if not found or (found["word"] and found["word"].startswith("/")):
            raise self._failure()
        self._at = found.end()
        return found

    def _failure(self) -> StoreError:
        return unsearchable(f"Failed to parse query [{self._text}]")


def _kind(token: re.Match[str]) -> str:
    names = ("and", "or", "not", "sign", "open", "close", "phrase", "range", "compare", "field", "word")
    return next(name for name in names if token[name] is not None)


def _add(clauses: list[list[Any]], joined: str, sign: str, found: Query, scope: _Scope) -> None:
    """Lucene's rule: the join before a clause may change the clause before it too."""
    if clauses and clauses[-1][0] is not Occur.MustNot:
        if joined == "and":
            clauses[-1][0] = Occur.Must
        elif joined == "or" and scope.every:
            clauses[-1][0] = Occur.Should
    if sign == "-":
        occurs = Occur.MustNot
    elif scope.every:
        occurs = Occur.Should if joined == "or" else Occur.Must
    else:
        occurs = Occur.Must if sign == "+" or joined == "and" else Occur.Should
    clauses.append([occurs, found])


def _joined(clauses: list[list[Any]], scope: _Scope) -> Query | None:
    if not clauses:
        return None
    count = sum(occurs is Occur.Should for occurs, _ in clauses)
    parts = [(occurs, query) for occurs, query in clauses]
    if all(occurs is Occur.MustNot for occurs, _ in parts):
        parts.append((Occur.Must, Query.all_query()))
    if not count:
        return Query.boolean_query(parts)
    needed = 0 if any(occurs is Occur.Must for occurs, _ in parts) else 1
    least = at_least(scope.least, count) if scope.least is not None else needed
    return Query.boolean_query(parts, minimum_number_should_match=least)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
