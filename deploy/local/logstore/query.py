"""From Elasticsearch's query DSL to the engine's queries. What is not supported is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import tantivy
from tantivy import Occur, Query

from deploy.local.logstore.bodies import field_of, listed, one_field, only, operator_is_and, required
from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.clauses import Clauses
from deploy.local.logstore.engine import Engine
from deploy.local.logstore.errors import illegal, parsing
from deploy.local.logstore.mapping import View
from deploy.local.logstore.simple_query_string import simple_query_string

Json = Mapping[str, Any]
_DATES = "strict_date_optional_time"


class Compiler:
    """Compiles the queries of one request; `now` is the same for all of them.

    Where nothing is scored, filters are not wrapped in a constant score: counting then takes half the time.
    """

    def __init__(
        self, engine: Engine, searcher: tantivy.Searcher, streams: Sequence[Stream], view: View, *, scored: bool
    ) -> None:
        self._is_scored = scored
        self.clauses = Clauses(engine, searcher, streams, view, datetime.now(UTC))
        leaf = self.clauses
        self._known: dict[str, Callable[[Any], Query]] = {
            "match_all": lambda body: only(body, "match_all", ()) or Query.all_query(),
            "match_none": lambda body: only(body, "match_none", ()) or Query.empty_query(),
            "bool": self._bool,
            "term": self._term,
            "terms": self._terms,
            "range": self._range,
            "exists": lambda body: leaf.exists(required(body, "exists", "field")),
            "ids": lambda body: leaf.ids(required(body, "ids", "values")),
            "match": self._match,
            "match_phrase": self._phrase,
            "prefix": self._prefix,
            "simple_query_string": lambda body: simple_query_string(leaf, body),
        }

    def query(self, clause: Any) -> Query:
        """One clause: an object with one key. Raises StoreError."""
        if not isinstance(clause, Mapping) or len(clause) != 1:
            raise parsing("query malformed, an object with exactly one key is expected: the name of its clause")
        name, body = next(iter(clause.items()))
        if name not in self._known:
            raise parsing(f"unknown query [{name}]")
        if not isinstance(body, Mapping):
            raise parsing(f"[{name}] query malformed, no start_object after query name")
        return self._known[name](body)

    def matching(self, clause: Any) -> Query:
        """The documents of the request's streams that match; without a clause, all of them."""
        found = Query.all_query() if clause is None else self.query(clause)
        return both(found, self._unscored(self.clauses.in_streams()))

    def _unscored(self, query: Query) -> Query:
        """A query that matches or does not, and adds nothing to the score."""
        return Query.const_score_query(query, 0.0) if self._is_scored else query

    def _bool(self, body: Json) -> Query:
        only(body, "bool", ("must", "filter", "should", "must_not", "minimum_should_match"))
        parts = [(Occur.Must, self.query(one)) for one in listed(body.get("must"))]
        parts += [(Occur.Must, self._unscored(self.query(one))) for one in listed(body.get("filter"))]
        parts += [(Occur.MustNot, self.query(one)) for one in listed(body.get("must_not"))]
        should = [(Occur.Should, self.query(one)) for one in listed(body.get("should"))]
        least = body.get("minimum_should_match", 0 if any(one is Occur.Must for one, _ in parts) else 1)
        if not isinstance(least, int):
            raise illegal(f"[minimum_should_match] is a number in this store, not [{least}]")
        if should and least:
            parts.append((Occur.Must, Query.boolean_query(should, minimum_number_should_match=least)))
        else:
            parts += should
        if not any(occurs is Occur.Must for occurs, _ in parts):
            parts.append((Occur.Must, Query.all_query()))
        return Query.boolean_query(parts)

    def _term(self, body: Json) -> Query:
        name, options = field_of(body, "term", "value", ("value",))
        return self.clauses.equal(name, options["value"])

    def _terms(self, body: Json) -> Query:
        name, values = one_field(body, "terms")
        if not isinstance(values, list):
            raise parsing("[terms] query requires an array of terms")
        return Query.const_score_query(either([self.clauses.equal(name, value) for value in values]), 1.0)

    def _range(self, body: Json) -> Query:
        name, limits = one_field(body, "range")
        only(limits, "range", ("gt", "gte", "lt", "lte", "format"))
        if limits.get("format", _DATES) != _DATES:
            raise illegal(f"Invalid format: [{limits['format']}]: this store reads [{_DATES}]")
        return self.clauses.range(name, limits)

    def _match(self, body: Json) -> Query:
        name, options = field_of(body, "match", "query", ("query", "operator", "lenient"))
        every = operator_is_and(options.get("operator", "or"))
        return self.clauses.match(name, options["query"], every=every, lenient=bool(options.get("lenient")))

    def _phrase(self, body: Json) -> Query:
        name, options = field_of(body, "match_phrase", "query", ("query",))
        return self.clauses.phrase(name, str(options["query"]))

    def _prefix(self, body: Json) -> Query:
        name, options = field_of(body, "prefix", "value", ("value",))
        return self.clauses.prefix(name, str(options["value"]))


def both(first: Query, second: Query) -> Query:
    return Query.boolean_query([(Occur.Must, first), (Occur.Must, second)])


def either(queries: Sequence[Query]) -> Query:
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, one) for one in queries])
