"""The store itself: documents into the translog and the engine, and a searcher on what was refreshed.

A write is acknowledged when the translog has it on disk, and found after the next refresh, at most a second later.
One thread writes; searches run beside it on what was committed last.
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import tantivy
from tantivy import FieldType, Query

from deploy.local.logstore import documents
from deploy.local.logstore.errors import StoreError
from deploy.local.logstore.fields import Mapping, order, schema
from deploy.local.logstore.translog import Translog

_LOG = logging.getLogger("logstore")
_HEAP_BYTES = 32 * 1024 * 1024
_STREAM_TYPES = ("logs", "traces", "metrics")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one document of a bulk."""

    id: str
    sequence: int = 0
    error: StoreError | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One document to create. Without an id it gets one."""

    stream: str
    id: str
    source: dict[str, Any]


class Store:
    """All data streams of one folder. Safe for threads."""

    def __init__(self, folder: Path, keep: timedelta) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._keep = keep
        self._lock_file = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"{folder} is used by another log store: name another folder") from None
        engine = folder / "engine"
        engine.mkdir(exist_ok=True)
        self.index = tantivy.Index(schema(), path=str(engine))
        self.fields = Mapping(folder / "fields.json")
        self._writer = self.index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        self._translog = Translog(folder / "translog")
        self._writing = threading.Lock()
        self._new_ids: set[tuple[str, str]] = set()
        self._streams: set[str] = set()
        self._dirty = False
        self._next = self._replay()

    def searcher(self) -> tantivy.Searcher:
        """What was refreshed last; stays as it is for as long as it is held."""
        return self.index.searcher()

    def streams(self) -> list[str]:
        """The data streams that have documents."""
        return sorted(self._streams)

    def create(self, orders: Sequence[Order]) -> list[Written]:
        """Writes documents: each is on disk or refused with a reason. Raises StoreError on a full disk."""
        with self._writing:
            results: list[Written] = []
            accepted: list[tuple[dict[str, Any], dict[str, Any]]] = []
            for one in orders:
                try:
                    operation, values = self._accepted(one, self._next + len(accepted))
                except StoreError as error:
                    results.append(Written(one.id, error=error))
                    continue
                accepted.append((operation, values))
                self._new_ids.add((operation["stream"], operation["id"]))
                results.append(Written(operation["id"], operation["seq"]))
            if accepted:
                self._append(accepted)
            return results

    def refresh(self) -> None:
        """Makes what was written searchable, and the translog short."""
        with self._writing:
            if not self._dirty:
                return
            generation = self._translog.roll()
            self.fields.save()
            self._writer.commit()
            self.index.reload()
            self._translog.drop_before(generation)
            self._new_ids.clear()
            self._dirty = False

    def expire(self) -> None:
        """Drops documents older than what is kept."""
        cut = int((datetime.now(UTC) - self._keep).timestamp() * 1000)
        with self._writing:
            old = Query.range_query(
                self.index.schema, "_order", FieldType.Unsigned, None, order(max(0, cut), 0), include_upper=False
            )
            if self.searcher().search(old, limit=1).count:
                self._writer.delete_documents_by_query(old)
                self._dirty = True

    def drop(self, stream: str) -> None:
        """Deletes a data stream with all its documents."""
        self.refresh()
        with self._writing:
            self._writer.delete_documents_by_term("_stream", stream)
            self._streams.discard(stream)
            self._dirty = True
        self.refresh()

    def close(self) -> None:
        """Commits what is there."""
        self.refresh()
        self._translog.close()
        self._lock_file.close()

    def _accepted(self, one: Order, sequence: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """What goes into the translog, and the values that go into the engine. Raises StoreError."""
        if one.stream.split("-", 1)[0] not in _STREAM_TYPES or one.stream.count("-") < 2:
            reason = f"[{one.stream}] is no data stream: its name is TYPE-DATASET-NAMESPACE, of {_STREAM_TYPES}"
            raise StoreError(400, "illegal_argument_exception", reason)
        at = documents.milliseconds(one.source)
        values = {
            name: (kind := self.fields[name] or documents.type_of(name, value), documents.fitted(name, kind, value))
            if name != documents.TIME
            else ("date", at)
            for name, value in documents.leaves(one.source)
        }
        if one.id and self._exists(one.stream, one.id):
            reason = f"[{one.id}]: version conflict, document already exists"
            raise StoreError(409, "version_conflict_engine_exception", reason)
        operation = {
            "seq": sequence, "at": at, "stream": one.stream, "id": one.id or uuid.uuid4().hex, "source": one.source,
        }  # fmt: skip
        return operation, values

    def _append(self, accepted: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        try:
            self._translog.append([operation for operation, _ in accepted])
        except OSError as error:
            self._new_ids -= {(operation["stream"], operation["id"]) for operation, _ in accepted}
            raise StoreError(429, "cluster_block_exception", f"nothing was written: {error.strerror}") from error
        self._next += len(accepted)
        for operation, values in accepted:
            self._index(operation, values)

    def _index(self, operation: dict[str, Any], values: dict[str, Any]) -> None:
        document = tantivy.Document()
        document.add_text("_stream", operation["stream"])
        document.add_text("_id", operation["id"])
        document.add_unsigned("_seq", operation["seq"])
        document.add_unsigned("_order", order(operation["at"], operation["seq"]))
        document.add_date("_at", datetime.fromtimestamp(operation["at"] / 1000, UTC))
        keywords, texts = {}, {}
        for name, (kind, value) in values.items():
            self.fields.learn(name, kind)
            if kind == "match_only_text":
                texts[name], keywords[name] = value, ""
            elif kind != "date" and (kind != "keyword" or len(value) <= documents.LONGEST_KEYWORD):
                keywords[name] = value
        document.add_json("k", keywords)
        document.add_json("t", texts)
        document.add_bytes("_source", orjson.dumps(operation["source"]))
        self._writer.add_document(document)
        self._streams.add(operation["stream"])
        self._dirty = True

    def _exists(self, stream: str, document_id: str) -> bool:
        if (stream, document_id) in self._new_ids:
            return True
        both = Query.term_query(self.index.schema, "_id", document_id)
        found = self.searcher().search(both, limit=100)
        return any(self.searcher().doc(address)["_stream"][0] == stream for _, address in found.hits)

    def _replay(self) -> int:
        """Takes in what the translog has and the engine has not; returns the next sequence number."""
        searcher = self.searcher()
        newest = searcher.search(Query.all_query(), limit=1, order_by_field="_seq").hits
        following = int(newest[0][0]) + 1 if newest else 0
        buckets = searcher.aggregate(Query.all_query(), {"s": {"terms": {"field": "_stream", "size": 1000}}})
        self._streams = {bucket["key"] for bucket in buckets["s"]["buckets"]}
        began, count = time.monotonic(), 0
        for operation in self._translog.replay():
            if operation["seq"] >= following:
                _, values = self._accepted(Order(operation["stream"], "", operation["source"]), operation["seq"])
                self._index(operation, values)
                following = operation["seq"] + 1
                count += 1
        if count:
            _LOG.info("replayed operations=%d seconds=%.2f", count, time.monotonic() - began)
        self.refresh()
        return following
