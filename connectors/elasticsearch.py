"""Elasticsearch through its official client: one search, with what was left out said.

The client is imported at first use: it costs a second that a page without logs need not pay.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.errors import BadAnswer, SourceError, from_failed_call, from_status, understood
from connectors.session import check_ca_file, secret

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch as Client

SOURCE = "elasticsearch"
SEARCH_SECONDS = 5.0
POOL_SIZE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One document: its id, where it lies, its fields as they were written, and its sort values."""

    id: str
    index: str
    source: Mapping[str, Any]
    sort: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer to a search.

    `shards` is how many were asked: 0 means that no index or data stream has the name. `left_out` says in plain words
    what the answer lacks; empty when it is whole. `aggregations` are as Elasticsearch gave them.
    """

    hits: tuple[Hit, ...]
    total: int
    total_is_lower_bound: bool
    aggregations: Mapping[str, Any] = field(default_factory=dict)
    shards: int = 1
    left_out: tuple[str, ...] = ()


class Elasticsearch:
    """One Elasticsearch. Safe for threads. Every method may raise a `SourceError`."""

    def __init__(self, url: str, *, ca_file: str = "", verify_tls: bool = True, api_key_file: str = "") -> None:
        self._url = url
        self._ca_file = ca_file
        self._verify_tls = verify_tls
        self._api_key_file = api_key_file
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
        timeout_seconds: float = SEARCH_SECONDS,
    ) -> Found:
        """One POST /{index}/_search. Shards get four fifths of the time, so that a slow one costs itself alone."""
        answer = self._call(
            timeout_seconds,
            lambda client: client.search(
                index=index,
                query=query,
                size=size,
                sort=list(sort) or None,
                aggregations=aggregations or None,
                timeout=f"{int(timeout_seconds * 800)}ms",
            ),
        )
        with understood(SOURCE):
            return _found(answer)

    def create(self, index: str, document_id: str, document: Mapping[str, Any]) -> None:
        """Adds a document to a data stream. `Conflict` when the id is taken: nothing is ever overwritten."""
        self._call(SEARCH_SECONDS, lambda client: client.create(index=index, id=document_id, document=document))

    def version(self, *, timeout_seconds: float = 2.0) -> str:
        """Asks whether it is up and what it is. One GET /."""
        answer = self._call(timeout_seconds, lambda client: client.info())
        with understood(SOURCE):
            return str(answer["version"]["number"])

    def _call(self, timeout_seconds: float, order: Callable[[Client], Any]) -> Mapping[str, Any]:
        from elasticsearch import ApiError, SerializationError, TransportError, UnsupportedProductError

        check_ca_file(SOURCE, self._ca_file)
        options: dict[str, Any] = {"request_timeout": timeout_seconds}
        if self._api_key_file:
            options["api_key"] = secret(SOURCE, self._api_key_file)
        client = self._built().options(**options)
        try:
            answer: Mapping[str, Any] = order(client).body
        except UnsupportedProductError as error:
            raise BadAnswer(SOURCE, "what answers is not Elasticsearch") from error
        except SerializationError as error:
            raise BadAnswer(SOURCE, "its answer is not JSON") from error
        except ApiError as error:
            raise _refusal(error.status_code, error.body) from error
        except TransportError as error:
            raise from_failed_call(SOURCE, error, timeout_seconds=timeout_seconds) from error
        return answer

    def _built(self) -> Client:
        from elasticsearch import Elasticsearch as Client

        with self._building:
            if self._client is None:
                # It logs every request and every failed one again; our callers log an outage, once.
                logging.getLogger("elastic_transport").setLevel(logging.ERROR)
                tls: dict[str, Any] = {}
                if self._url.startswith("https:"):
                    tls = {"verify_certs": self._verify_tls, "ssl_show_warn": False}
                    if self._ca_file:
                        tls["ca_certs"] = self._ca_file
                self._client = Client(
                    self._url, max_retries=0, retry_on_timeout=False, connections_per_node=POOL_SIZE, **tls
                )
            return self._client


def _refusal(status: int, body: Any) -> SourceError:
    """The error in Elasticsearch's own words where it has some."""
    reason = body.get("error") if isinstance(body, dict) else body
    if isinstance(reason, dict):
        causes = [cause.get("reason") for cause in reason.get("root_cause") or () if isinstance(cause, dict)]
        reason = f"{reason.get('type')}: {next(filter(None, causes), reason.get('reason'))}"
    return from_status(SOURCE, status, str(reason or ""))


def _found(answer: Mapping[str, Any]) -> Found:
    hits = answer["hits"]
    total = hits.get("total") or {"value": 0, "relation": "eq"}
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
    )


def _left_out(answer: Mapping[str, Any]) -> list[str]:
    shards = answer["_shards"]
    said = []
    if shards.get("failed"):
        failures = shards.get("failures") or [{}]
        why = (failures[0].get("reason") or {}).get("reason") or "no reason given"
        said.append(f"{shards['failed']} of {shards['total']} shards failed: {why}")
    if answer.get("timed_out"):
        said.append("the search ran out of time before it had seen everything")
    return said
