"""All objects in memory, every change in order: resourceVersions, the history that watches and pages read, durability.

One task commits. It takes the changes that wait, decides each against the newest state, forces them to the disk
together, and only then shows them to readers, watchers and the caller. So there are no locks, and nobody sees what a
crash could take back. Objects in a `Record` are shared: never change one, copy it.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from . import errors
from .journal import Entry, Journal

Json = dict[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster-wide kinds) and name
HISTORY_CHANGES = 2000  # per resource; older resourceVersions are answered with 410
HISTORY_BYTES = 32 * 1024 * 1024  # and no more of them than this
PARSED_RECORDS = 500
COMPACT_BYTES = 16 * 1024 * 1024


class Record:
    """One object as it was at one resourceVersion.

    It is kept as the bytes that go to clients, a tenth of what the parsed object takes. `obj` is parsed when it is
    asked for, and stays parsed while it is among the latest that were.
    """

    __slots__ = ("_obj", "api_version", "key", "labels", "raw", "version")

    def __init__(self, obj: Json, raw: bytes, version: int) -> None:
        metadata = obj.get("metadata") or {}
        self.key: Key = (metadata.get("namespace", ""), metadata.get("name", ""))
        self.api_version: str = obj.get("apiVersion", "")
        self.labels: Json = metadata.get("labels") or {}
        self.raw = raw
        self.version = version
        self._obj: Json | None = None
        self._keep(obj)

    @property
    def obj(self) -> Json:
        if self._obj is None:
            self._keep(orjson.loads(self.raw))
        return self._obj  # type: ignore[return-value]

    def _keep(self, obj: Json) -> None:
        if len(_PARSED) == PARSED_RECORDS:
            _PARSED.popleft()._obj = None
        _PARSED.append(self)
        self._obj = obj


_PARSED: deque[Record] = deque()
_NOTHING = Record({}, b"{}", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One committed step of one object. `after` is None for a deletion; `shown` is what an event carries."""

    version: int
    storage: str
    key: Key
    before: Record | None
    after: Record | None
    shown: Record


class View:
    """The newest state while a batch is decided: what is committed, overlaid with what the batch decided so far."""

    def __init__(self, tables: dict[str, dict[Key, Record]]) -> None:
        self._tables = tables
        self._overlay: dict[str, dict[Key, Record | None]] = {}

    def get(self, storage: str, key: Key) -> Record | None:
        overlay = self._overlay.get(storage, {})
        return overlay[key] if key in overlay else self._tables.get(storage, {}).get(key)

    def values(self, storage: str) -> Iterator[Record]:
        merged = self._tables.get(storage, {}) | self._overlay.get(storage, {})
        return (record for record in merged.values() if record is not None)

    def put(self, storage: str, key: Key, record: Record | None) -> None:
        self._overlay.setdefault(storage, {})[key] = record


# Given the newest state and the object (None: absent), the object to store, None to delete, or the very same object to
# leave everything as it is. Raises ApiError to refuse.
Decide = Callable[[View, Json | None], Json | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    storage: str
    key: Key
    decide: Decide
    dry_run: bool
    done: "asyncio.Future[Record]"


class Store:
    """The server's state. Use from one event loop; `run` must be running for `commit` to answer."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._tables: dict[str, dict[Key, Record]] = {}
        self._history: dict[str, deque[Change]] = {}
        self._history_bytes: dict[str, int] = {}
        self._dropped: dict[str, int] = {}  # per storage, the version of the newest change that history lost
        self._waiting: asyncio.Queue[_Write] = asyncio.Queue()
        self._listeners: list[Callable[[Change], None]] = []
        self._compact_at = COMPACT_BYTES
        self._load()

    @property
    def version(self) -> int:
        return self._version

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` with each change, in order, once it is durable."""
        self._listeners.append(listener)

    def get(self, storage: str, key: Key) -> Record | None:
        return self._tables.get(storage, {}).get(key)

    def table(self, storage: str) -> dict[Key, Record]:
        """The committed objects of a resource: to read, not to change."""
        return self._tables.get(storage, {})

    def storages(self) -> list[str]:
        return list(self._tables)

    def since(self, storage: str, version: int) -> list[Change]:
        """The changes after a version, oldest first. Raises ApiError 410 when some of them are forgotten."""
        self._require_history(storage, version)
        changes: list[Change] = []
        for change in reversed(self._history.get(storage, ())):
            if change.version <= version:
                break
            changes.append(change)
        return changes[::-1]

    def table_at(self, storage: str, version: int) -> dict[Key, Record]:
        """The objects as they were at a version, by walking back. Raises ApiError 410 when that is too long ago."""
        table = dict(self.table(storage))
        for change in reversed(self.since(storage, version)):
            if change.before is None:
                table.pop(change.key, None)
            else:
                table[change.key] = change.before
        return table

    async def commit(self, storage: str, key: Key, decide: Decide, *, dry_run: bool = False) -> Record:
        """Change one object; returns it as stored, or for a deletion as it last was. Durable on return.

        Raises: whatever `decide` raises, and ApiError 500 when the disk takes nothing more.
        """
        done: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(_Write(storage=storage, key=key, decide=decide, dry_run=dry_run, done=done))
        return await done

    async def begin_with(self, changes: Iterable[tuple[str, Key, Decide]]) -> None:
        """Commit these together, before `run` runs. Raises as `commit` does, for the first that fails."""
        loop = asyncio.get_running_loop()
        batch = [
            _Write(storage=storage, key=key, decide=decide, dry_run=False, done=loop.create_future())
            for storage, key, decide in changes
        ]
        await self._commit_batch(batch)
        await asyncio.gather(*(write.done for write in batch))

    async def run(self) -> None:
        """Commit for ever."""
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._commit_batch(batch)

    async def _commit_batch(self, batch: list[_Write]) -> None:
        view = View(self._tables)
        staged: list[tuple[_Write, Change]] = []
        for write in batch:
            try:
                change = self._stage(view, write, self._version + len(staged) + 1)
            except Exception as error:  # noqa: BLE001 - handed to the caller, who answers it; the committer goes on
                _answer(write, error)
                continue
            if change is not None:
                staged.append((write, change))
        if not staged:
            return
        try:
            await asyncio.to_thread(self._journal.append, [_entry(change) for _, change in staged])
        except OSError as error:
            print(f"error not-durable writes={len(staged)} why={error}", file=sys.stderr)
            for write, _ in staged:
                _answer(write, errors.internal(f"the state folder takes no more writes: {error.strerror}"))
            return
        for write, change in staged:
            self._publish(change)
            _answer(write, change.shown)
        await self._compact_when_long()

    def _stage(self, view: View, write: _Write, version: int) -> Change | None:
        """Decide one write. Answers it here when there is nothing to make durable."""
        before = view.get(write.storage, write.key)
        current = before.obj if before else None
        wanted = write.decide(view, current)
        if wanted is current:
            _answer(write, before or _NOTHING)
            return None
        kept = wanted if wanted is not None else (current or {})
        if write.dry_run:
            _answer(write, Record(kept, orjson.dumps(kept), before.version if before else 0))
            return None
        shown = _record(kept, version)
        after = shown if wanted is not None else None
        view.put(write.storage, write.key, after)
        return Change(version=version, storage=write.storage, key=write.key, before=before, after=after, shown=shown)

    def _publish(self, change: Change) -> None:
        self._remember(change)
        for listener in self._listeners:
            listener(change)

    def _remember(self, change: Change) -> None:
        table = self._tables.setdefault(change.storage, {})
        if change.after is None:
            table.pop(change.key, None)
        else:
            table[change.key] = change.after
        history = self._history.setdefault(change.storage, deque())
        history.append(change)
        size = self._history_bytes.get(change.storage, 0) + len(change.shown.raw)
        while len(history) > HISTORY_CHANGES or size > HISTORY_BYTES:
            oldest = history.popleft()
            size -= len(oldest.shown.raw)
            self._dropped[change.storage] = oldest.version
        self._history_bytes[change.storage] = size
        self._version = change.version

    def _require_history(self, storage: str, version: int) -> None:
        if version < max(self._dropped.get(storage, 0), self._loaded):
            raise errors.expired(f"too old resource version: {version} ({self._version})")
        if version > self._version:
            raise errors.version_too_large(version, self._version)

    async def _compact_when_long(self) -> None:
        if self._journal.length_bytes < self._compact_at:
            return
        objects = [(storage, record.raw) for storage, table in self._tables.items() for record in table.values()]
        try:
            await asyncio.to_thread(self._journal.compact, self._version, objects)
            self._compact_at = COMPACT_BYTES
        except OSError as error:
            # The journal still holds everything; try again once it has grown by as much.
            self._compact_at = self._journal.length_bytes + COMPACT_BYTES
            print(f"error not-compacted why={error}", file=sys.stderr)

    def _load(self) -> None:
        self._loaded, objects, changes = self._journal.read()
        self._version = self._loaded
        for entry in objects:
            obj = orjson.loads(entry.raw)
            record = Record(obj, entry.raw, int(obj["metadata"]["resourceVersion"]))
            self._tables.setdefault(entry.storage, {})[key_of(obj)] = record
        for entry in changes:
            obj = orjson.loads(entry.raw)
            record = Record(obj, entry.raw, entry.version)
            key = key_of(obj)
            self._remember(
                Change(
                    version=entry.version,
                    storage=entry.storage,
                    key=key,
                    before=self.get(entry.storage, key),
                    after=None if entry.deleted else record,
                    shown=record,
                )
            )


def key_of(obj: Json) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def copy_of(obj: Json) -> Json:
    """A deep copy that may be changed."""
    copied: Json = orjson.loads(orjson.dumps(obj))
    return copied


def _record(obj: Json, version: int) -> Record:
    stamped = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}
    return Record(stamped, orjson.dumps(stamped), version)


def _entry(change: Change) -> Entry:
    return Entry(version=change.version, storage=change.storage, deleted=change.after is None, raw=change.shown.raw)


def _answer(write: _Write, result: Record | Exception) -> None:
    if write.done.done():  # the caller hung up; the change stands
        return
    if isinstance(result, Exception):
        write.done.set_exception(result)
    else:
        write.done.set_result(result)
