"""Elasticsearch through its official client: searches with what was left out said, and pages that lose nothing.

The client is imported at first use: it costs a second that a page without logs need not pay.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from connectors import body, deadline
from connectors.clock import SourceClock
from connectors.errors import (
    BadAnswer,
    NotFound,
    SourceError,
    causes_of,
    from_failed_call,
    from_status,
    not_json,
    understood,
)
from connectors.session import check_ca_file, secret

if TYPE_CHECKING:
    from elastic_transport import NodeConfig, Urllib3HttpNode
    from elasticsearch import Elasticsearch as Client

SOURCE = "elasticsearch"
SEARCH_SECONDS = 5.0
POOL_SIZE = 6
KEEP_ALIVE = "2m"
# Elasticsearch's own: counting on would make a search of much as slow as reading all of it.
COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One document.

    Index (of a data stream a backing one) and id together find it again. `source` are its fields as they were written,
    `sort` its sort values: of a date milliseconds since 1970, in whatever format the index keeps it.
    """

    id: str
    index: str
    source: Mapping[str, Any]
    sort: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer to a search.

    `total` is how many documents match, or "at least" where `total_is_lower_bound`. `shards` is how many were asked: 0
    means that no index or data stream has the name. `left_out` says in plain words what the answer lacks; empty when it
    is whole. `aggregations` are as Elasticsearch gave them.
    `point_in_time` is the id for the next page, which may differ from the one that was asked with.
    """

    hits: tuple[Hit, ...]
    total: int
    total_is_lower_bound: bool
    aggregations: Mapping[str, Any] = field(default_factory=dict)
    shards: int = 1
    left_out: tuple[str, ...] = ()
    point_in_time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """One of the types that a field has: whether it can be counted by value, and which indices have it so."""

    type: str
    aggregatable: bool
    indices: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTypes:
    """The indices that were looked at, and the types of each field that one of them knows."""

    indices: frozenset[str]
    by_name: Mapping[str, tuple[FieldType, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """An index that is meant and cannot be searched, and why: "is closed"."""

    index: str
    why: str


class Elasticsearch:
    """One Elasticsearch. Safe for threads. Timeouts are in seconds and hold for the whole answer.

    Every method may raise a `SourceError`: `Rejected` for rights that lack or a query that does not fit, `TimedOut`,
    `Unreachable`, `RateLimited` or `BadAnswer` as `connectors/errors.py` says. Those that a caller can act on stand at
    the method.
    """

    def __init__(
        self,
        url: str,
        *,
        ca_file: str = "",
        ca_fingerprint: str = "",
        verify_tls: bool = True,
        api_key_file: str = "",
        token_file: str = "",
        username: str = "",
        password_file: str = "",
    ) -> None:
        self.clock = SourceClock()
        self._url = url
        self._ca_file = ca_file
        self._ca_fingerprint = ca_fingerprint
        self._verify_tls = verify_tls
        self._api_key_file = api_key_file
        self._token_file = token_file
        self._username, self._password_file = username, password_file
        self._client: Client | None = None
        self._building = threading.Lock()

    def search(
        self,
        index: str,
        *,
        query: Mapping[str, Any],
        size: int,
        sort: Sequence[Mapping[str, Any]] = (),
        aggregations: Mapping[str, Any] | None = None,
        point_in_time: str = "",
        after: Sequence[Any] = (),
        fields: Sequence[str] = (),
        count_up_to: int = COUNTED,
        timeout_seconds: float = SEARCH_SECONDS,
    ) -> Found:
        """One POST /{index}/_search. Shards get four fifths of the time, so that a slow one costs itself alone.

        So does an index that is closed or does not exist; `unavailable` tells of them.

        With a `point_in_time` the index is the one that it was opened for, and `after` (the sort values of the last
        hit) leads to the next page: no document is lost or doubled while others arrive.

        Args:
            fields: what the documents are cut down to (patterns allowed); empty: they come whole.
            count_up_to: where the counting of what matches ends; 0: it is not counted, and the total is the hits'.
            timeout_seconds: for the whole answer.

        Raises:
            NotFound: the point in time has expired.
            Rejected: the query does not fit the fields, or may not be asked by us.
            SourceError: it did not answer.
        """
        scope: dict[str, Any] = {"index": index, "ignore_unavailable": True}
        if point_in_time:
            scope = {"pit": {"id": point_in_time, "keep_alive": KEEP_ALIVE}}
        answer = self._call(
            timeout_seconds,
            lambda client: client.search(
                **scope,
                query=query,
                size=size,
                sort=list(sort) or None,
                search_after=list(after) or None,
                aggregations=aggregations or None,
                source={"includes": list(fields)} if fields else None,
                track_total_hits=None if count_up_to == COUNTED else count_up_to or False,
                timeout=f"{int(timeout_seconds * 800)}ms",
            ),
        )
        with understood(SOURCE):
            return _found(answer)

    def open_point_in_time(self, index: str, *, timeout_seconds: float = SEARCH_SECONDS) -> str:
        """The id of the data as it is now, kept for KEEP_ALIVE after its last use. One POST /{index}/_pit.

        A shard that is not there is no reason to see nothing: each search says that it is left out.
        """
        answer = self._call(
            timeout_seconds,
            lambda client: client.open_point_in_time(
                index=index, keep_alive=KEEP_ALIVE, allow_partial_search_results=True, ignore_unavailable=True
            ),
        )
        with understood(SOURCE):
            return str(answer["id"])

    def close_point_in_time(self, point_in_time: str, *, timeout_seconds: float = SEARCH_SECONDS) -> None:
        """Lets go of it; one that has expired is gone already. One DELETE /_pit."""
        with suppress(NotFound):
            self._call(timeout_seconds, lambda client: client.close_point_in_time(id=point_in_time))

    def field_types(self, index: str, names: Sequence[str], *, timeout_seconds: float = SEARCH_SECONDS) -> FieldTypes:
        """The types of those of `names` (patterns allowed) that an index knows. One POST /{index}/_field_caps.

        An index pattern that fits nothing has no fields. A field may be known before a document has it.
        """
        answer = self._call(
            timeout_seconds,
            lambda client: client.field_caps(
                index=index, fields=list(names), ignore_unavailable=True, include_unmapped=True
            ),
        )
        with understood(SOURCE):
            indices = frozenset(map(str, answer["indices"]))
            known = {str(name): _types(types, indices) for name, types in answer["fields"].items()}
            return FieldTypes(indices=indices, by_name={name: types for name, types in known.items() if types})

    def unavailable(self, index: str, *, timeout_seconds: float = SEARCH_SECONDS) -> tuple[Unavailable, ...]:
        """The indices that `index` means and that no search looks into. One GET /_resolve/index/{index}.

        Raises:
            Rejected: we may search, but not look at what there is.
        """

        def resolved(names: str) -> Mapping[str, Any]:
            return self._call(
                timeout_seconds,
                lambda client: client.indices.resolve_index(name=names, expand_wildcards=["open", "closed"]),
            )

        found: list[Unavailable] = []
        try:
            answers = [resolved(index)]
        except NotFound:  # at least one of the plain names; each is asked for itself
            answers = []
            for name in index.split(","):
                try:
                    answers.append(resolved(name))
                except NotFound:
                    found.append(Unavailable(index=name, why="does not exist"))
        with understood(SOURCE):
            found += [
                Unavailable(index=str(one["name"]), why="is closed")
                for answer in answers
                for one in answer["indices"]
                if "closed" in one.get("attributes", ())
            ]
        return tuple(found)

    def create(self, index: str, document_id: str, document: Mapping[str, Any]) -> None:
        """Adds a document to a data stream. One PUT /{index}/_create/{id}.

        It is on disk when this returns; searches find it up to a second later.

        Raises:
            Conflict: the id is taken; nothing is ever overwritten.
        """
        self._call(SEARCH_SECONDS, lambda client: client.create(index=index, id=document_id, document=document))

    def version(self, *, timeout_seconds: float = 2.0) -> str:
        """Asks whether it is up and what it is. One GET /."""
        answer = self._call(timeout_seconds, lambda client: client.info())
        with understood(SOURCE):
            return str(answer["version"]["number"])

    def _call(self, timeout_seconds: float, order: Callable[[Client], Any]) -> Mapping[str, Any]:
        from elasticsearch import ApiError, SerializationError, TransportError, UnsupportedProductError

        check_ca_file(SOURCE, self._ca_file)
        client = self._built().options(request_timeout=timeout_seconds, **self._credentials())
        try:
            response = order(client)
        except UnsupportedProductError as error:
            raise BadAnswer(SOURCE, "what answers is not Elasticsearch") from error
        except SerializationError as error:
            mistakes = (cause for cause in causes_of(error) if isinstance(cause, json.JSONDecodeError))
            found = next(mistakes, None)
            raise BadAnswer(SOURCE, not_json(found) if found else "its answer is not JSON") from error
        except ApiError as error:
            wait = error.meta.headers.get("Retry-After")
            raise _refusal(error.status_code, error.body, retry_after=wait) from error
        except TransportError as error:
            raise from_failed_call(SOURCE, error, timeout_seconds=timeout_seconds) from error
        self.clock.heard(response.meta.headers.get("Date"))
        answer: Mapping[str, Any] = response.body
        return answer

    def _credentials(self) -> dict[str, Any]:
        """What lets us in, as the client's options: an API key, a bearer token, or user and password."""
        if self._api_key_file:
            return {"api_key": secret(SOURCE, self._api_key_file)}
        if self._token_file:
            return {"bearer_auth": secret(SOURCE, self._token_file)}
        if self._username:
            return {"basic_auth": (self._username, secret(SOURCE, self._password_file))}
        return {}

    def _built(self) -> Client:
        from elasticsearch import Elasticsearch as Client

        with self._building:
            if self._client is None:
                # It logs every request and every failed one again; our callers log an outage, once.
                logging.getLogger("elastic_transport").setLevel(logging.ERROR)
                tls: dict[str, Any] = {}
                if self._url.startswith("https:"):
                    tls = {"verify_certs": self._verify_tls, "ssl_show_warn": False}
                    if self._ca_fingerprint:
                        tls["ssl_assert_fingerprint"] = self._ca_fingerprint
                    elif self._ca_file:
                        tls["ca_certs"] = self._ca_file
                self._client = Client(
                    self._url,
                    node_class=bounded_node(),
                    max_retries=0,
                    retry_on_timeout=False,
                    connections_per_node=POOL_SIZE,
                    **tls,
                )
            return self._client


@cache
def bounded_node() -> type[Urllib3HttpNode]:
    """The client's way to talk HTTP, with bodies read within the request's time and a size."""
    from elastic_transport import Urllib3HttpNode
    from urllib3 import HTTPConnectionPool

    class BoundedNode(Urllib3HttpNode):
        def __init__(self, config: NodeConfig) -> None:
            super().__init__(config)
            tls = config.scheme == "https"
            self.pool.ConnectionCls = deadline.TlsConnection if tls else deadline.PlainConnection
            self.pool = _BoundedPool(self.pool)  # type: ignore[assignment]

    class _BoundedPool:
        """Answers `urlopen` with an answer that is read already."""

        def __init__(self, pool: HTTPConnectionPool) -> None:
            self._pool = pool
            self.close = pool.close

        def urlopen(self, method: str, target: str, *, timeout: float, **options: Any) -> Answer:
            end = time.monotonic() + timeout
            options |= {"timeout": timeout, "preload_content": False}
            response = self._pool.urlopen(method, target, **options)
            return Answer(response.status, response.headers, body.read(response, deadline=end, cut_strings=True))

    return BoundedNode


class Answer(NamedTuple):
    """What the client takes from an answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _refusal(status: int, body: Any, *, retry_after: str | None = None) -> SourceError:
    """The error in Elasticsearch's own words where it has some."""
    reason = (body.get("error") or body.get("message")) if isinstance(body, dict) else body
    if isinstance(reason, dict):
        causes = [cause.get("reason") for cause in reason.get("root_cause") or () if isinstance(cause, dict)]
        reason = f"{reason.get('type')}: {next(filter(None, causes), reason.get('reason'))}"
    return from_status(SOURCE, status, str(reason or ""), retry_after=retry_after)


def _types(types: Mapping[str, Any], indices: frozenset[str]) -> tuple[FieldType, ...]:
    """Without the entry for the indices that lack the field. Where all of them agree, they are not named."""
    return tuple(
        FieldType(
            type=name,
            aggregatable=bool(told["aggregatable"]),
            indices=frozenset(told["indices"]) if told.get("indices") else indices,
        )
        for name, told in types.items()
        if name != "unmapped"
    )


def _found(answer: Mapping[str, Any]) -> Found:
    hits = answer["hits"]
    total = hits.get("total") or {"value": len(hits["hits"]), "relation": "gte"}
    return Found(
        hits=tuple(
            Hit(id=hit["_id"], index=hit["_index"], source=hit["_source"], sort=tuple(hit.get("sort") or ()))
            for hit in hits["hits"]
        ),
        total=int(total["value"]),
        total_is_lower_bound=total["relation"] == "gte",
        aggregations=answer.get("aggregations") or {},
        shards=int(answer["_shards"]["total"]),
        left_out=tuple(_left_out(answer)),
        point_in_time=str(answer.get("pit_id") or ""),
    )


def _left_out(answer: Mapping[str, Any]) -> list[str]:
    shards = answer["_shards"]
    said = []
    # A shard that no node holds is in the total and not among the failures.
    missing = int(shards["total"]) - int(shards.get("successful", shards["total"]))
    if lost := max(missing, int(shards.get("failed") or 0)):
        failures = shards.get("failures") or [{}]
        why = (failures[0].get("reason") or {}).get("reason") or "no node holds them, or no reason is given"
        where = f" (first in {failures[0]['index']})" if failures[0].get("index") else ""
        said.append(f"{lost} of {shards['total']} shards failed{where}: {why}")
    said += _left_out_clusters(answer.get("_clusters") or {})
    if answer.get("timed_out"):
        said.append("the search ran out of time before it had seen everything")
    return said


def _left_out_clusters(clusters: Mapping[str, Any]) -> list[str]:
    """Remote clusters that were passed over, wholly or in part: with `skip_unavailable` that is no error."""
    details = clusters.get("details") or {}
    said = []
    for name, told in details.items():
        if told.get("status") in ("successful", None) or name == "(local)":
            continue  # what the own cluster lacks is told by its shards
        failures = told.get("failures") or [{}]
        why = (failures[0].get("reason") or {}).get("reason") or "no reason given"
        said.append(f"the remote cluster {name} is {told['status']}: {why}")
    lost = sum(int(clusters.get(key) or 0) for key in ("skipped", "partial", "failed", "running"))
    if not said and lost and not details:
        said.append(f"{lost} of {clusters.get('total')} clusters were passed over, wholly or in part")
    return said
