"""From Elasticsearch's query DSL to the engine's queries. A clause or option that is not known is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import tantivy
from tantivy import Occur, Query

from deploy.local.logstore.bodies import at_least, field_of, listed, literal, one_field, only, operator_is_and, required
from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.clauses import Clauses
from deploy.local.logstore.engine import Engine
from deploy.local.logstore.errors import illegal, parsing
from deploy.local.logstore.mapping import View
from deploy.local.logstore.query_string import query_string
from deploy.local.logstore.simple_query_string import simple_query_string

Json = Mapping[str, Any]


class Compiler:
    """Compiles the queries of one request; `now` is the same for all of them.

    Where nothing is scored, a filter needs no wrapping to add nothing to the score: that halves the time of a count.
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
            "constant_score": self._constant_score,
            "term": self._term,
            "terms": self._terms,
            "range": self._range,
            "exists": lambda body: only(body, "exists", ("field",)) or leaf.exists(required(body, "exists", "field")),
            "ids": lambda body: only(body, "ids", ("values",)) or leaf.ids(required(body, "ids", "values")),
            "match": self._match,
            "match_phrase": self._phrase,
            "prefix": self._prefix,
            "wildcard": self._wildcard,
            "query_string": lambda body: query_string(leaf, body),
            "simple_query_string": lambda body: simple_query_string(leaf, body),
        }

    def query(self, clause: Any) -> Query:
        """One clause: an object with one key."""
        if not isinstance(clause, Mapping) or len(clause) != 1:
            raise parsing("query malformed, an object with exactly one key is expected: the name of its clause")
        name, body = next(iter(clause.items()))
        if name not in self._known:
            raise parsing(f"unknown query [{name}]")
        if not isinstance(body, Mapping):
            raise parsing(f"[{name}] query malformed, no start_object after query name")
        found = self._known[name](body)
        return Query.boost_query(found, float(body["boost"])) if "boost" in body else found

    def matching(self, clause: Any) -> Query:
        """The documents of the request's streams that match; none asked is all."""
        found = Query.all_query() if clause is None else self.query(clause)
        return both(found, self._silent(self.clauses.in_streams()))

    def _silent(self, query: Query) -> Query:
        """A query that says yes or no and adds nothing to the score."""
        return Query.const_score_query(query, 0.0) if self._is_scored else query

    def _bool(self, body: Json) -> Query:
        only(body, "bool", ("must", "filter", "should", "must_not", "minimum_should_match"))
        parts = [(Occur.Must, self.query(one)) for one in listed(body.get("must"))]
        parts += [(Occur.Must, self._silent(self.query(one))) for one in listed(body.get("filter"))]
        parts += [(Occur.MustNot, self.query(one)) for one in listed(body.get("must_not"))]
        should = [self.query(one) for one in listed(body.get("should"))]
        asked = body.get("minimum_should_match", 0 if any(one is Occur.Must for one, _ in parts) else 1)
        if should and (least := at_least(asked, len(should))):
            choice = Query.boolean_query([(Occur.Should, one) for one in should], minimum_number_should_match=least)
            parts.append((Occur.Must, choice))
        elif should:
            parts += [(Occur.Should, one) for one in should]
        if not any(occurs is Occur.Must for occurs, _ in parts):
            parts.append((Occur.Must, Query.all_query()))
        return Query.boolean_query(parts)

    def _constant_score(self, body: Json) -> Query:
        only(body, "constant_score", ("filter",))
        return Query.const_score_query(self.query(required(body, "constant_score", "filter")), 1.0)

    def _term(self, body: Json) -> Query:
        name, options = field_of(body, "term", "value", ("value", "case_insensitive"))
        if options.get("case_insensitive"):
            return self.clauses.wildcard(name, literal(str(options["value"])), ignore_case=True)
        return self.clauses.equal(name, options["value"])

    def _terms(self, body: Json) -> Query:
        ((name, values),) = one_field({key: value for key, value in body.items() if key != "boost"}, "terms").items()
        if not isinstance(values, list):
            raise parsing("[terms] query requires an array of terms")
        return Query.const_score_query(either([self.clauses.equal(name, value) for value in values]), 1.0)

    def _range(self, body: Json) -> Query:
        ((name, limits),) = one_field(body, "range").items()
        only(limits, "range", ("gt", "gte", "lt", "lte", "format", "time_zone", "relation"))
        if limits.get("relation", "INTERSECTS").upper() != "INTERSECTS":
            raise illegal("[range] of a relation needs a range field: this store has none")
        return self.clauses.range(name, limits)

    def _match(self, body: Json) -> Query:
        allowed = ("query", "operator", "minimum_should_match", "lenient", "zero_terms_query")
        name, options = field_of(body, "match", "query", allowed)
        return self.clauses.match(
            name, options["query"], every=operator_is_and(options.get("operator", "or")),
            least=options.get("minimum_should_match"), lenient=bool(options.get("lenient")),
            none_is_all=str(options.get("zero_terms_query", "none")).lower() == "all",
        )  # fmt: skip

    def _phrase(self, body: Json) -> Query:
        name, options = field_of(body, "match_phrase", "query", ("query", "slop"))
        return self.clauses.phrase(name, str(options["query"]), int(options.get("slop", 0)))

    def _prefix(self, body: Json) -> Query:
        name, options = field_of(body, "prefix", "value", ("value", "case_insensitive"))
        text = str(options["value"])
        if options.get("case_insensitive"):
            return self.clauses.wildcard(name, f"{literal(text)}*", ignore_case=True)
        return self.clauses.prefix(name, text)

    def _wildcard(self, body: Json) -> Query:
        name, options = field_of(body, "wildcard", "value", ("value", "wildcard", "case_insensitive"))
        return self.clauses.wildcard(name, str(options.get("value", options.get("wildcard"))),
                                     ignore_case=bool(options.get("case_insensitive")))  # fmt: skip


def both(first: Query, second: Query) -> Query:
    return Query.boolean_query([(Occur.Must, first), (Occur.Must, second)])


def either(queries: Sequence[Query]) -> Query:
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, one) for one in queries])
