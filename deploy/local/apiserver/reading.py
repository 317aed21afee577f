"""GET: one object, a list with paging, or a watch."""

import asyncio
import base64
import time
from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import web

from . import errors, requests, selectors
from .api import Api
from .present import Presenter
from .requests import Target
from .store import Key, Record
from .watch import BOOKMARK_SECONDS, Scope, Watcher, bookmark, event_of, frame

Json = dict[str, Any]
Event = tuple[str, Record]
_WATCH_SECONDS = 3600
_LATE_SECONDS = 5
_PIECE_BYTES = 256 * 1024


async def get(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    """One object. Raises ApiError 404."""
    record = api.store.get(target.resource.storage, target.key)
    if record is None:
        raise errors.not_found(target.resource.qualified, target.name)
    return web.Response(body=Presenter(target.resource).one(record), content_type="application/json")


async def list_or_watch(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    scope = scope_of(request, target)
    presenter = Presenter(target.resource)
    if requests.is_true(request, "watch"):
        try:
            return await _watch(api, request, scope, presenter)
        except errors.ApiError as error:
            if error.code != 410:
                raise
            # A watch that is under way can say so only within itself; the real server does it for a new one, too.
            body = frame("ERROR", orjson.dumps(error.status()))
            return web.Response(body=body, content_type="application/json")
    return _list(api, request, scope, presenter)


def scope_of(request: web.Request, target: Target) -> Scope:
    """The objects that a collection request is about. Raises ApiError 400 for a selector that cannot be read."""
    return Scope(
        storage=target.resource.storage,
        namespace=target.namespace,
        name=target.name,
        labels=selectors.by_labels(request.query.get("labelSelector", "")),
        fields=selectors.by_fields(request.query.get("fieldSelector", ""), target.resource),
    )


def _list(api: Api, request: web.Request, scope: Scope, presenter: Presenter) -> web.Response:
    limit = requests.number(request, "limit")
    token = request.query.get("continue", "")
    version, after = _continued(token) if token else (_asked_version(api, request), None)
    exact = bool(token) or request.query.get("resourceVersionMatch") == "Exact"
    table = api.store.table_at(scope.storage, version) if exact else api.store.table(scope.storage)
    keys = sorted(table) if after is None else sorted(key for key in table if key > after)
    found = [(key, table[key]) for key in keys if scope.holds(table[key])]
    page = found[:limit] if limit else found
    shown_version = version if exact else api.store.version
    metadata: Json = {"resourceVersion": str(shown_version)}
    if len(page) < len(found):
        metadata["continue"] = _token(shown_version, page[-1][0])
        if scope.labels is None and scope.fields is None:  # with selectors the real server does not know it either
            metadata["remainingItemCount"] = len(found) - len(page)
    body = presenter.many([record for _, record in page], metadata)
    return web.Response(body=body, content_type="application/json")


def _by_key(entry: tuple[Key, Record]) -> Key:
    return entry[0]


def _asked_version(api: Api, request: web.Request) -> int:
    version = requests.number(request, "resourceVersion")
    if version > api.store.version:
        raise errors.version_too_large(version, api.store.version)
    match = request.query.get("resourceVersionMatch", "")
    if match and not version and (match == "Exact" or "resourceVersion" not in request.query):
        raise errors.bad_request(f'resourceVersionMatch: Forbidden: "{match}" needs a resourceVersion')
    return version


def _token(version: int, key: Key) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([version, *key])).decode()


def _continued(token: str) -> tuple[int, Key]:
    try:
        version, namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise errors.bad_request("continue key is not valid") from error
    return version, (namespace, name)


async def _watch(api: Api, request: web.Request, scope: Scope, presenter: Presenter) -> web.StreamResponse:
    version = requests.number(request, "resourceVersion")
    seconds = requests.number(request, "timeoutSeconds") or _WATCH_SECONDS
    bookmarks = requests.is_true(request, "allowWatchBookmarks")
    initial = requests.is_true(request, "sendInitialEvents")
    if initial and request.query.get("resourceVersionMatch") != "NotOlderThan":
        raise errors.bad_request("sendInitialEvents: Forbidden: needs resourceVersionMatch NotOlderThan")
    first, version = _first_events(api, scope, version, initial=initial)
    watcher = Watcher(scope, lambda: request.transport.abort() if request.transport else None)
    # No await between the first events and here: not one change can fall between them.
    api.hub.add(watcher)
    try:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + seconds + _LATE_SECONDS):
            await _send(response, presenter, first)
            if initial and bookmarks:
                await response.write(bookmark(presenter, version, initial_events_end=True))
            await _follow(api, response, watcher, presenter, deadline=time.monotonic() + seconds, bookmarks=bookmarks)
    except ConnectionResetError:
        pass  # the client left, which is how most watches end
    except TimeoutError:
        watcher.cut()  # it reads too slowly to be told that its time is over
    finally:
        api.hub.remove(watcher)
    return response


def _first_events(api: Api, scope: Scope, version: int, *, initial: bool) -> tuple[list[Event], int]:
    """What a watch starts with: the objects there are, or the changes since the version it names."""
    if version > api.store.version:
        raise errors.version_too_large(version, api.store.version)
    if initial or not version:
        records = sorted(api.store.table(scope.storage).items(), key=_by_key)
        return [("ADDED", record) for _, record in records if scope.holds(record)], api.store.version
    heard = (event_of(change, scope) for change in api.store.since(scope.storage, version))
    return [event for event in heard if event], api.store.version


async def _send(response: web.StreamResponse, presenter: Presenter, events: Iterable[Event]) -> None:
    """Writes events in pieces, so that a client which reads slowly holds one piece of memory and not all of them."""
    piece = bytearray()
    for kind, record in events:
        piece += frame(kind, presenter.one(record))
        if len(piece) > _PIECE_BYTES:
            await response.write(piece)
            piece = bytearray()
    if piece:
        await response.write(piece)


async def _follow(
    api: Api,
    response: web.StreamResponse,
    watcher: Watcher,
    presenter: Presenter,
    *,
    deadline: float,
    bookmarks: bool,
) -> None:
    while not watcher.ended:
        left = deadline - time.monotonic()
        changes = await watcher.next(min(left, BOOKMARK_SECONDS) if left > 0 else 0)
        heard = (event_of(change, watcher.scope) for change in changes)
        await _send(response, presenter, (event for event in heard if event))
        if not changes and bookmarks:
            await response.write(bookmark(presenter, api.store.version))
        if left <= 0:
            return
