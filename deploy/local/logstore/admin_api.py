"""The routes about the store itself: what it is, its health, its data streams, indices and templates."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.errors import illegal, no_such_index
from deploy.local.logstore.http import EXPANDING, answer, body_of, parameters, plain, switch
from deploy.local.logstore.search import Search
from deploy.local.logstore.store import Store

VERSION = "9.1.0"
_TEMPLATES = ("create", "cause", "master_timeout", "timeout")


class AdminApi:
    """Names and lists; nothing here is busy."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        template = "/_index_template/{name}"
        return [
            web.get("/", self.info),
            *(web.get(path, self.health) for path in ("/_cluster/health", "/_cluster/health/{index}")),
            *(web.get(path, self.cat_indices) for path in ("/_cat/indices", "/_cat/indices/{index}")),
            *(web.route(m, path, self.refresh) for m in ("GET", "POST") for path in ("/_refresh", "/{index}/_refresh")),
            *(web.get(path, self.data_streams) for path in ("/_data_stream", "/_data_stream/{index}")),
            web.put("/_data_stream/{index}", self.add_data_stream),
            web.delete("/_data_stream/{index}", self.drop),
            *(web.get(path, self.templates) for path in ("/_index_template", template)),
            *(web.route(method, template, self.put_template) for method in ("PUT", "POST")),
            web.delete(template, self.delete_template),
            web.get("/{index:[^_/][^/]*}", self.index),
            web.get("/{index}/_mapping", self.mapping),
            web.delete("/{index:[^_/][^/]*}", self.drop),
        ]

    async def info(self, _: web.Request) -> web.StreamResponse:
        version = {
            "number": VERSION, "build_flavor": "default", "build_type": "tealdeck-local", "build_hash": "none",
            "build_date": "2025-01-01T00:00:00Z", "build_snapshot": False, "lucene_version": "none",
            "minimum_wire_compatibility_version": "8.19.0", "minimum_index_compatibility_version": "8.0.0",
        }  # fmt: skip
        return answer({"name": "logstore", "cluster_name": "local", "cluster_uuid": "local", "version": version,
                       "tagline": "You Know, for Search"})  # fmt: skip

    async def health(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("wait_for_status", "timeout", "level", "local"))
        count = len(self._named(request))
        status = "red" if self._store.is_broken else "green"
        wanted = request.query.get("wait_for_status", "red")
        if wanted not in ("green", "yellow", "red"):
            raise illegal(f"unknown cluster health status [{wanted}]")
        late = status == "red" and wanted != "red"
        nothing = (
            "relocating_shards", "initializing_shards", "unassigned_shards", "delayed_unassigned_shards",
            "number_of_pending_tasks", "number_of_in_flight_fetch", "task_max_waiting_in_queue_millis",
        )  # fmt: skip
        return answer({
            "cluster_name": "local", "status": status, "timed_out": late, "number_of_nodes": 1,
            "number_of_data_nodes": 1, "active_primary_shards": count, "active_shards": count,
            **dict.fromkeys(nothing, 0), "active_shards_percent_as_number": 100.0,
        }, status=408 if late else 200)  # fmt: skip

    async def cat_indices(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("format", "h", "v", "expand_wildcards"))
        rows = await asyncio.to_thread(lambda: [self._row(one) for one in self._named(request)])
        columns = request.query["h"].split(",") if "h" in request.query else list(_COLUMNS)
        if set(columns) - set(_COLUMNS):
            raise illegal(f"this store has the columns {list(_COLUMNS)}, not {columns}")
        rows = [{name: row[name] for name in columns} for row in rows]
        if request.query.get("format") == "json":
            return answer(rows)
        if request.query.get("format", "text") != "text":
            raise illegal(f"[format] is json or text, not [{request.query['format']}]")
        head = [columns] if switch(request, "v") else []
        return plain("".join(" ".join(line) + "\n" for line in [*head, *([*row.values()] for row in rows)]))

    async def refresh(self, request: web.Request) -> web.StreamResponse:
        parameters(request, EXPANDING)
        self._named(request)
        await asyncio.to_thread(self._store.refresh)
        return answer({"_shards": {"total": 1, "successful": 1, "failed": 0}})

    async def data_streams(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("expand_wildcards", "include_defaults", "verbose"))
        found = [one for one in self._named(request) if one.is_data_stream]
        return answer({"data_streams": [_data_stream(one) for one in found]})

    async def add_data_stream(self, request: web.Request) -> web.StreamResponse:
        parameters(request, _TEMPLATES)
        await asyncio.to_thread(self._store.catalog.add, request.match_info["index"])
        return answer({"acknowledged": True})

    async def drop(self, request: web.Request) -> web.StreamResponse:
        parameters(request, (*EXPANDING, *_TEMPLATES))
        for stream in self._named(request):
            if stream.is_data_stream and not request.path.startswith("/_data_stream/"):
                raise illegal(
                    f"The provided expression [{stream.name}] matches a data stream: delete it by _data_stream"
                )
            await asyncio.to_thread(self._store.drop, stream.name)
        return answer({"acknowledged": True})

    async def index(self, request: web.Request) -> web.StreamResponse:
        parameters(request, EXPANDING)
        found = self._named(request)
        if not found:
            raise no_such_index(request.match_info["index"])
        return answer({one.backing: {"aliases": {}, "mappings": _mapping(one), "settings": {}} for one in found})

    async def mapping(self, request: web.Request) -> web.StreamResponse:
        parameters(request, EXPANDING)
        return answer({one.backing: {"mappings": _mapping(one)} for one in self._named(request)})

    async def templates(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("flat_settings", *_TEMPLATES))
        found = self._store.templates.named(request.match_info.get("name", "*"))
        return answer({"index_templates": [{"name": name, "index_template": one} for name, one in found.items()]})

    async def put_template(self, request: web.Request) -> web.StreamResponse:
        parameters(request, _TEMPLATES)
        name = request.match_info["name"]
        if switch(request, "create") and name in self._store.templates.all():
            raise illegal(f"index template [{name}] already exists")
        await asyncio.to_thread(self._store.templates.put, name, await body_of(request, needed=True))
        return answer({"acknowledged": True})

    async def delete_template(self, request: web.Request) -> web.StreamResponse:
        parameters(request, _TEMPLATES)
        await asyncio.to_thread(self._store.templates.delete, request.match_info["name"])
        return answer({"acknowledged": True})

    def _named(self, request: web.Request) -> list[Stream]:
        ignores = switch(request, "ignore_unavailable")
        return self._store.catalog.named(request.match_info.get("index", "*"), ignore_unavailable=ignores)

    def _row(self, stream: Stream) -> dict[str, str]:
        count = Search(self._store.engine, self._store.engine.searcher(), [stream]).count({})
        health = "red" if self._store.is_broken else "green"
        return dict(zip(_COLUMNS, (health, "open", stream.backing, "1", "0", str(count)), strict=True))


_COLUMNS = ("health", "status", "index", "pri", "rep", "docs.count")


def _data_stream(stream: Stream) -> dict[str, Any]:
    keep = stream.retention
    lifecycle = {"lifecycle": {"enabled": True, "data_retention": f"{int(keep.total_seconds())}s"}} if keep else {}
    return {
        "name": stream.name, "timestamp_field": {"name": "@timestamp"}, "indices": [{"index_name": stream.backing}],
        "generation": 1, "status": "GREEN", "hidden": False, "system": False, **lifecycle,
    }  # fmt: skip


def _mapping(stream: Stream) -> dict[str, Any]:
    """Fields under their full names: this store has no objects."""
    return {"properties": stream.mapping.learnt()}
