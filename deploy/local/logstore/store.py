"""The store: a write goes to the translog, is acknowledged, and is found after the next refresh.

One thread writes; searches run in parallel on the last commit. The first document of a stream or index creates it by
its template.
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from tantivy import FieldType, Query

from deploy.local.formats import claim
from deploy.local.logstore.catalog import Catalog, Stream
from deploy.local.logstore.engine import Engine, Stored, key_of, order_of
from deploy.local.logstore.errors import StoreError, disk_full, illegal, undocumented
from deploy.local.logstore.mapping import TIME
from deploy.local.logstore.templates import Templates
from deploy.local.logstore.translog import Translog

_LOG = logging.getLogger("logstore")
_LONGEST_ID_BYTES = 512


@dataclass(frozen=True, slots=True)
class Order:
    """One document to `create` or `index`. Without an id it gets one."""

    action: str
    index: str
    id: str
    source: dict[str, Any]
    problem: StoreError | None = None  # why it cannot even be read


@dataclass(frozen=True, slots=True)
class Written:
    """The result of one order."""

    index: str
    id: str
    version: int = 0
    sequence: int = 0
    result: str = ""
    error: StoreError | None = None


class Store:
    """All data streams and indices of one folder. Safe for threads."""

    def __init__(self, folder: Path, keep: timedelta) -> None:
        claim(folder, "logstore")
        self._keep = keep
        self._lock_file = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"{folder} is used by another log store: name another folder") from None
        self.templates = Templates(folder / "templates.json")
        self.catalog = Catalog(folder / "streams.json", self.templates)
        self.engine = Engine(folder / "engine")
        self._translog = Translog(folder / "translog")
        self._writing = threading.Lock()
        self._fresh: dict[str, Stored] = {}  # written since the last commit
        self._is_dirty = self._is_broken = False
        self._next = 0
        self._replay()
        self.refresh()

    def write(self, orders: Sequence[Order]) -> list[Written]:
        """Carries out each order or refuses it with a reason. On a full disk none is: StoreError."""
        with self._writing:
            results: list[Written] = []
            operations: list[dict[str, Any]] = []
            before: dict[str, Stored | None] = {}
            for order in orders:
                try:
                    stream, operation, result = self._operation(order, self._next + len(operations))
                except StoreError as error:
                    results.append(Written(order.index, order.id, error=error))
                    continue
                key = key_of(stream.name, operation["id"])
                before.setdefault(key, self._fresh.get(key))
                self._remember(key, operation)
                operations.append(operation)
                results.append(Written(stream.backing, operation["id"], operation["version"], operation["seq"], result))
            if operations:
                self._append(operations, before)
            return results

    def refresh(self) -> None:
        """Makes writes searchable and shortens the translog. On a full disk it is tried again next time."""
        with self._writing:
            if not self._is_dirty:
                return
            try:
                if self._is_broken:
                    self.engine.reset_writer()
                    self._is_broken = False
                    self._replay()
                generation = self._translog.roll()
                self.catalog.save()
                self.engine.commit()
            except (OSError, ValueError) as error:
                self._is_broken = True
                _LOG.warning("refresh failed, what was acknowledged is in the translog error=%s", error)
                return
            self._translog.drop_before(generation)
            self._fresh.clear()
            self._is_dirty = False

    def expire(self) -> None:
        """Drops documents that are older than the retention of their stream."""
        now = datetime.now(UTC)
        for stream in self.catalog.all():
            cut = int((now - (stream.retention or self._keep)).timestamp() * 1000)
            old = Query.range_query(
                self.engine.schema, "_order", FieldType.Unsigned, order_of(1, 0), order_of(cut, 0), include_upper=False
            )
            old = old.and_must_match(Query.term_query(self.engine.schema, "_stream", stream.name))
            with self._writing:
                if self.engine.searcher().search(old, limit=1).count:
                    self.engine.remove_matching(old)
                    self._is_dirty = True

    @property
    def is_broken(self) -> bool:
        """Whether the disk is full: writes then wait in the translog."""
        return self._is_broken

    def close(self) -> None:
        """Commits what is there."""
        self.refresh()
        self._translog.close()
        self._lock_file.close()

    def _operation(self, order: Order, sequence: int) -> tuple[Stream, dict[str, Any], str]:
        """The entry for the translog, checked, and the result in the answer. Raises StoreError."""
        if order.problem:
            raise order.problem
        if len(order.id.encode()) > _LONGEST_ID_BYTES:
            raise illegal(f"id [{order.id[:20]}...] is too long, must be no longer than {_LONGEST_ID_BYTES} bytes")
        stream = self.catalog.written(order.index)
        if stream.is_data_stream and order.action != "create":
            raise illegal("only write ops with an op_type of create are allowed in data streams")
        identity = order.id or uuid.uuid4().hex
        there = self._find(stream, identity) if order.id else None
        if order.action == "create" and there:
            reason = f"[{identity}]: version conflict, document already exists (current version [{there.version}])"
            raise StoreError(409, "version_conflict_engine_exception", reason)
        version = there.version + 1 if there else 1
        operation = {"op": order.action, "seq": sequence, "stream": stream.name, "id": identity, "version": version}
        times = order.source.get(TIME) if stream.is_data_stream else None
        if stream.is_data_stream and (times is None or isinstance(times, list)):
            raise undocumented(f"data stream timestamp field [{TIME}] is missing or has more than one value")
        operation["source"] = order.source
        operation["values"] = stream.mapping.values(order.source)
        return stream, operation, "updated" if there else "created"

    def _find(self, stream: Stream, identity: str) -> Stored | None:
        key = key_of(stream.name, identity)
        return self._fresh[key] if key in self._fresh else self.engine.find(self.engine.searcher(), key)

    def _remember(self, key: str, operation: Mapping[str, Any]) -> None:
        self._fresh[key] = Stored(
            operation["stream"], operation["id"], operation["version"], operation["seq"], operation["source"]
        )

    def _append(self, operations: list[dict[str, Any]], before: Mapping[str, Stored | None]) -> None:
        try:
            self._translog.append([_line(operation) for operation in operations])
        except OSError as error:
            for key, was in before.items():
                del self._fresh[key]
                if was:
                    self._fresh[key] = was
            raise disk_full(operations[0]["stream"], error) from error
        self._next += len(operations)
        self._is_dirty = True
        if not self._is_broken:
            self._index(operations)

    def _index(self, operations: Sequence[Mapping[str, Any]]) -> None:
        """Adds to the engine. When that fails, the documents are in the translog and the next refresh replays it."""
        try:
            for operation in operations:
                self.engine.add(operation, operation["values"])
        except (OSError, ValueError) as error:
            self._is_broken = True
            _LOG.warning("engine failed error=%s", error)

    def _replay(self) -> None:
        """Replays what the translog has and the engine does not have."""
        last = self.engine.last_sequence()
        began, count = time.monotonic(), 0
        self._next = max(self._next, last + 1)
        for operation in self._translog.replay():
            if operation["seq"] <= last:
                continue
            stream = self.catalog.written(operation["stream"])
            operation["values"] = stream.mapping.values(operation["source"])
            self._remember(key_of(stream.name, operation["id"]), operation)
            self._index([operation])
            self._next = max(self._next, operation["seq"] + 1)
            count += 1
        if count:
            self._is_dirty = True
            _LOG.info("replayed operations=%d seconds=%.2f", count, time.monotonic() - began)


def _line(operation: Mapping[str, Any]) -> bytes:
    return orjson.dumps({key: value for key, value in operation.items() if key != "values"})
