"""Elasticsearch through its official client: searches that say what they left out, and paging without loss.

The client is imported at first use: the import takes a second, which pages without logs do not need.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from base64 import b64encode
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
from connectors.secrets import remember
from connectors.session import check_ca_file, secret, token

if TYPE_CHECKING:
    from elastic_transport import NodeConfig, Urllib3HttpNode
    from elasticsearch import Elasticsearch as Client

SOURCE = "elasticsearch"
SEARCH_SECONDS = 5.0
POOL_SIZE = 6
KEEP_ALIVE = "2m"
# Elasticsearch's default. Counting further would make a broad search as slow as reading everything.
COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One document.

    Index (the backing index of a data stream) and id together find it again. `source` has its fields as written, `sort`
    its sort values: for a date milliseconds since 1970, whatever format the index has.
    """

    id: str
    index: str
    source: Mapping[str, Any]
    sort: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer to a search.

    `total` counts the documents that match, a lower bound where `total_is_lower_bound`. `shards` counts the shards that
    were asked: 0 means that no index or data stream has the name. `left_out` says in plain words what the answer lacks;
    it is empty for a complete answer. `aggregations` are as Elasticsearch gave them.
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
    """One type of a field: whether it can be aggregated, and which indices have the field with this type."""

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
    """An index that matches the name but cannot be searched, and why: "is closed"."""

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
        """One POST /{index}/_search. Shards get 80 % of the time, so that only a slow shard is left out.

        Closed and missing indices are skipped without a word; `unavailable` lists them.

        With a `point_in_time` the search reads the index it was opened for, and `after` (the sort values of the last
        hit) gets the next page: no document is lost or repeated while others arrive.

        Args:
            fields: the fields to return (patterns allowed); empty: all.
            count_up_to: the total is exact up to here; 0: nothing is counted, and the total is the number of hits.
            timeout_seconds: for the whole answer.

        Raises:
            NotFound: the point in time has expired.
            Rejected: the query does not fit the fields, or we may not run it.
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

        A missing shard does not fail the call; each search then says that it is left out.
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
        """Releases it. One that has expired is no error. One DELETE /_pit."""
        with suppress(NotFound):
            self._call(timeout_seconds, lambda client: client.close_point_in_time(id=point_in_time))

    def field_types(self, index: str, names: Sequence[str], *, timeout_seconds: float = SEARCH_SECONDS) -> FieldTypes:
        """The types of those of `names` (patterns allowed) that an index knows. One POST /{index}/_field_caps.

        A pattern without a matching index has no fields. A mapping may have a field that no document has yet.
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
        """The indices that match `index` but cannot be searched. One GET /_resolve/index/{index}.

        Raises:
            Rejected: we may search, but not list indices.
        """

        def resolved(names: str) -> Mapping[str, Any]:
            return self._call(
                timeout_seconds,
                lambda client: client.indices.resolve_index(name=names, expand_wildcards=["open", "closed"]),
            )

        found: list[Unavailable] = []
        try:
            answers = [resolved(index)]
        except NotFound:  # at least one of the plain names does not exist; ask for each alone
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
        """The version; also serves as the health check. One GET /."""
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
        """The credentials as options of the client: an API key, a bearer token, or user and password."""
        if self._api_key_file:
            return {"api_key": token(SOURCE, self._api_key_file)}
        if self._token_file:
            return {"bearer_auth": token(SOURCE, self._token_file)}
        if self._username:
            password = secret(SOURCE, self._password_file)
            remember(b64encode(f"{self._username}:{password}".encode()).decode())
            return {"basic_auth": (self._username, password)}
        return {}

    def _built(self) -> Client:
        from elasticsearch import Elasticsearch as Client

        with self._building:
            if self._client is None:
                # It logs every request and every failure; our callers log an outage once.
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
    """The client's HTTP node class, with bodies bounded in time and size."""
    from elastic_transport import Urllib3HttpNode
    from urllib3 import HTTPConnectionPool

    class BoundedNode(Urllib3HttpNode):
        def __init__(self, config: NodeConfig) -> None:
            super().__init__(config)
            tls = config.scheme == "https"
            self.pool.ConnectionCls = deadline.TlsConnection if tls else deadline.PlainConnection
            self.pool = _BoundedPool(self.pool)  # type: ignore[assignment]

    class _BoundedPool:
        """A pool whose `urlopen` returns an answer that is already read."""

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
    """The part of an answer that the client uses."""

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
    """Remote clusters that were skipped, wholly or in part; with `skip_unavailable` Elasticsearch reports no error."""
    details = clusters.get("details") or {}
    said = []
    for name, told in details.items():
        if told.get("status") in ("successful", None) or name == "(local)":
            continue  # the failed shards tell what the local cluster lacks
        failures = told.get("failures") or [{}]
        why = (failures[0].get("reason") or {}).get("reason") or "no reason given"
        said.append(f"the remote cluster {name} is {told['status']}: {why}")
    lost = sum(int(clusters.get(key) or 0) for key in ("skipped", "partial", "failed", "running"))
    if not said and lost and not details:
        said.append(f"{lost} of {clusters.get('total')} clusters were passed over, wholly or in part")
    return said
