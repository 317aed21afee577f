"""Cleans up after deletions: dependents of a deleted owner, the content of a deleted namespace, old Events.

It writes through the same commits as every request. At start it checks all objects once, for what it missed while the
server was down.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import errors, lifecycle
from .api import DEFINITIONS, Api
from .kinds import Resource
from .store import Change, Decide, Key, Record, View, key_of

Json = dict[str, Any]
EVENT_SECONDS = 3600.0
SWEEP_SECONDS = 60.0
_BACKGROUND = lifecycle.DeleteOptions()


class Collector:
    """One background task: works after a deletion, and once a minute for Events."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._store = api.store
        self._owned: dict[str, set[tuple[str, Key]]] = {}  # owner's uid -> its dependents
        self._uids: set[str] = set()
        # When each Event was written last, on a clock that does not jump; those of an earlier run count as new.
        self._events: dict[Key, float] = {}
        self._work: asyncio.Queue[tuple[str, Key]] = asyncio.Queue()
        for storage in self._store.storages():
            for record in self._store.table(storage).values():
                self._index(storage, record.obj)
        for storage in self._store.storages():
            for record in self._store.table(storage).values():
                self._consider(storage, record.obj)
        self._store.listen(self._follow)

    async def run(self) -> None:
        """Collect for ever."""
        while True:
            try:
                storage, key = await asyncio.wait_for(self._work.get(), SWEEP_SECONDS)
            except TimeoutError:
                await self._expire_events()
                continue
            try:
                await self._settle(storage, key)
            except Exception as error:  # noqa: BLE001 - one odd object must not end the cleaning of all others
                print(f"error not-collected resource={storage} name={key[1]} why={error!r}", file=sys.stderr)

    def _follow(self, change: Change) -> None:
        if change.before is not None:
            self._forget(change.storage, change.before.obj)
        if change.after is not None:
            self._index(change.storage, change.after.obj)
            self._consider(change.storage, change.after.obj)
            return
        for dependent in self._owned.pop(change.shown.obj["metadata"]["uid"], set()):
            self._work.put_nowait(dependent)
        self._wake_those_waiting_for(change.shown.obj)
        if change.storage == DEFINITIONS:
            for key in self._store.table(change.key[1]):
                self._work.put_nowait((change.key[1], key))

    def _wake_those_waiting_for(self, gone: Json) -> None:
        """A namespace or a foreground-deleted owner may now be empty."""
        namespace = gone["metadata"].get("namespace")
        if namespace:
            record = self._store.get("namespaces", ("", namespace))
            if record is not None:
                self._consider("namespaces", record.obj)
        for owner in gone["metadata"].get("ownerReferences") or []:
            found = self._owner_of(owner, namespace or "")
            if found is not None:
                self._consider(found[0], found[1].obj)

    def _owner_of(self, reference: Json, namespace: str) -> tuple[str, Record] | None:
        group = reference["apiVersion"].rpartition("/")[0]
        for resource in self._api.kinds.stored().values():
            if (resource.group, resource.kind) == (group, reference["kind"]):
                key = (namespace if resource.namespaced else "", reference["name"])
                record = self._store.get(resource.storage, key)
                return (resource.storage, record) if record else None
        return None

    def _index(self, storage: str, obj: Json) -> None:
        self._uids.add(obj["metadata"]["uid"])
        if storage == "events":
            self._events[key_of(obj)] = time.monotonic()
        for owner in obj["metadata"].get("ownerReferences") or []:
            self._owned.setdefault(owner["uid"], set()).add((storage, key_of(obj)))

    def _forget(self, storage: str, obj: Json) -> None:
        self._uids.discard(obj["metadata"]["uid"])
        self._events.pop(key_of(obj) if storage == "events" else ("", ""), None)
        for owner in obj["metadata"].get("ownerReferences") or []:
            self._owned.get(owner["uid"], set()).discard((storage, key_of(obj)))

    def _consider(self, storage: str, obj: Json) -> None:
        metadata = obj["metadata"]
        owners = metadata.get("ownerReferences") or []
        undefined = storage not in self._api.kinds.stored()
        if undefined or "deletionTimestamp" in metadata or any(owner["uid"] not in self._uids for owner in owners):
            self._work.put_nowait((storage, key_of(obj)))

    async def _settle(self, storage: str, key: Key) -> None:
        record = self._store.get(storage, key)
        if record is None:
            return
        metadata = record.obj["metadata"]
        resource = self._api.kinds.stored().get(storage)
        if resource is None:  # its CustomResourceDefinition has gone, and takes it along
            await self._commit(storage, key, lambda _view, _current: None)
            return
        if "deletionTimestamp" in metadata:
            await self._finish(resource, key, record)
        owners = metadata.get("ownerReferences") or []
        living = [owner for owner in owners if owner["uid"] in self._uids]
        if not owners or len(living) == len(owners):
            return
        if living:
            await self._change(storage, key, lambda obj: _with_metadata(obj, ownerReferences=living))
        else:
            await self._delete(resource, key)

    async def _finish(self, resource: Resource, key: Key, record: Record) -> None:
        """Does what our own finalizers of an object that is being deleted wait for."""
        metadata = record.obj["metadata"]
        finalizers = metadata.get("finalizers") or []
        dependents = list(self._owned.get(metadata["uid"], ()))
        if "orphan" in finalizers:
            for storage, dependent in dependents:
                await self._change(storage, dependent, lambda obj: _without_owner(obj, metadata["uid"]))
            await self._remove_finalizer(resource, key, "orphan")
        elif "foregroundDeletion" in finalizers:
            for storage, dependent in dependents:
                found = self._api.kinds.stored().get(storage)
                if found is not None:
                    await self._delete(found, dependent, self._foreground(storage, dependent))
            if not self._owned.get(metadata["uid"]):
                await self._remove_finalizer(resource, key, "foregroundDeletion")
        if resource.storage == "namespaces":
            await self._empty(key)

    async def _empty(self, key: Key) -> None:
        """Delete what a namespace holds; let it go once nothing is left."""
        for resource, inside in list(self._content(key[1])):
            await self._delete(resource, inside)
        if not any(True for _ in self._content(key[1])):
            await self._change("namespaces", key, lambda obj: {**obj, "spec": {**obj["spec"], "finalizers": []}})

    def _content(self, namespace: str) -> Iterator[tuple[Resource, Key]]:
        for storage, resource in self._api.kinds.stored().items():
            if resource.namespaced:
                for key in list(self._store.table(storage)):
                    if key[0] == namespace:
                        yield resource, key

    def _foreground(self, storage: str, key: Key) -> lifecycle.DeleteOptions:
        """How a dependent of a foreground deletion goes: with its own dependents first, where it has some."""
        record = self._store.get(storage, key)
        has_dependents = record is not None and self._owned.get(record.obj["metadata"]["uid"])
        return lifecycle.DeleteOptions(propagation="Foreground" if has_dependents else "Background")

    async def _delete(self, resource: Resource, key: Key, options: lifecycle.DeleteOptions = _BACKGROUND) -> None:
        def decide(_: View, current: Json | None) -> Json | None:
            return None if current is None else lifecycle.deleted(resource, current, options)

        await self._commit(resource.storage, key, decide)

    async def _remove_finalizer(self, resource: Resource, key: Key, name: str) -> None:
        def without(obj: Json) -> Json:
            return _with_metadata(obj, finalizers=[f for f in obj["metadata"].get("finalizers") or [] if f != name])

        await self._change(resource.storage, key, without)

    async def _change(self, storage: str, key: Key, change_of: Callable[[Json], Json]) -> None:
        resource = self._api.kinds.stored().get(storage)

        def decide(view: View, current: Json | None) -> Json | None:
            if current is None or resource is None:
                return current
            return lifecycle.updated(view, resource, current, change_of(current), self._api.addresses)

        await self._commit(storage, key, decide)

    async def _commit(self, storage: str, key: Key, decide: Decide) -> None:
        if self._store.get(storage, key) is None:
            return
        try:
            await self._store.commit(storage, key, decide)
        except errors.ApiError as error:
            # Tried again with the next change of the object, or at the next start.
            print(f"error not-collected resource={storage} name={key[1]} why={error.message}", file=sys.stderr)

    async def _expire_events(self) -> None:
        now = time.monotonic()
        for key, seen in list(self._events.items()):
            if now - seen > EVENT_SECONDS:
                await self._commit("events", key, lambda _view, _current: None)


def _with_metadata(obj: Json, **changes: Any) -> Json:
    return {**obj, "metadata": {**obj["metadata"], **changes}}


def _without_owner(obj: Json, uid: str) -> Json:
    owners = [owner for owner in obj["metadata"].get("ownerReferences") or [] if owner["uid"] != uid]
    return _with_metadata(obj, ownerReferences=owners)
