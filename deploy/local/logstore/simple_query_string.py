"""`simple_query_string`: what people type. Words, "phrases", + | -, groups, and a `*` at the end of a word.

Bad syntax is no error. As in Lucene, a join binds the clause after it to all clauses before it, and `-word` is a clause
of its own: beside others it excludes only where every clause must match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tantivy import Occur, Query

from deploy.local.logstore.bodies import only, operator_is_and
from deploy.local.logstore.clauses import Clauses, fields_of
from deploy.local.logstore.errors import illegal, parsing

_TOKEN = re.compile(
    r'\s*(?:(?P<sign>[+|\-()])|"(?P<phrase>(?:\\.|[^"\\])*)"(?:~(?P<slop>\d+))?|(?P<word>(?:\\.|[^\s()"|+\\]|\\$)+)|(?P<stray>.))'
)


def simple_query_string(leaf: Clauses, body: Mapping[str, Any]) -> Query:
    """Compiles the clause. Raises StoreError for an option that is not supported."""
    only(body, "simple_query_string", ("query", "fields", "default_operator"))
    if "query" not in body:
        raise parsing("[simple_query_string] query must be provided with a [query]")
    named = body.get("fields", ["*"])
    every = operator_is_and(body.get("default_operator", "or"))
    reader = _Reader(leaf, fields_of(leaf.view, named), every=every, lenient=named == ["*"])
    return reader.group(iter(list(_TOKEN.finditer(str(body["query"]))))).query()


class _Tree:
    """The clauses read so far, under one join; another join makes all of them one clause of it."""

    def __init__(self) -> None:
        self._parts: list[tuple[Occur, Query]] = []
        self._joined: Occur | None = None

    @property
    def is_empty(self) -> bool:
        return not self._parts

    def add(self, query: Query, joined: Occur) -> None:
        if self._parts and self._joined is not None and joined is not self._joined:
            self._parts = [(joined, self.query())]
        elif self._parts and self._joined is None:
            self._parts = [(joined, self._parts[0][1])]
        if self._parts:
            self._joined = joined
        self._parts.append((joined, query))

    def query(self) -> Query:
        if not self._parts:
            return Query.empty_query()
        if self._joined is Occur.Must or len(self._parts) == 1:
            return Query.boolean_query([(Occur.Must, one) for _, one in self._parts])
        return Query.boolean_query(self._parts, minimum_number_should_match=1)


class _Reader:
    def __init__(self, leaf: Clauses, fields: list[str], *, every: bool, lenient: bool) -> None:
        self._leaf, self._fields, self._every, self._lenient = leaf, fields, every, lenient

    def group(self, tokens: Any) -> _Tree:
        """Clauses up to the end or the closing bracket."""
        tree, joined, negative = _Tree(), None, False
        for token in tokens:
            match token["sign"]:
                case "+" | "|":
                    if not tree.is_empty:
                        joined = joined or (Occur.Must if token["sign"] == "+" else Occur.Should)
                    continue
                case "-":
                    negative = not negative
                    continue
                case ")":
                    break
                case "(":
                    inner = self.group(tokens)
                    if inner.is_empty:
                        continue
                    found = inner.query()
                case _:
                    if token["stray"]:
                        continue
                    found = self._clause(token)
            if negative:
                found = Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, found)])
            tree.add(found, joined or (Occur.Must if self._every else Occur.Should))
            joined, negative = None, False
        return tree

    def _clause(self, token: re.Match[str]) -> Query:
        return Query.disjunction_max_query([self._on(field, token) for field in self._fields])

    def _on(self, field: str, token: re.Match[str]) -> Query:
        if token["phrase"] is not None:
            return self._leaf.phrase(field, _plain(token["phrase"]), int(token["slop"] or 0), lenient=self._lenient)
        word = token["word"]
        if re.search(r"~\d*$", word):
            raise illegal("this store has no fuzzy search: a word cannot end in [~]")
        if word.endswith("*") and len(word) > 1 and not word.endswith("\\*"):
            text = _plain(word[:-1])
            kinds = {one.kind for one in self._leaf.view.fields(field)}
            if kinds <= {"keyword", "text"}:
                return self._leaf.prefix(field, text.lower() if "text" in kinds else text)
            return Query.empty_query()
        return self._leaf.match(field, _plain(word), every=self._every, lenient=self._lenient)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
