"""The routes about the store itself: what it is, its health, its data streams and templates."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.errors import illegal
from deploy.local.logstore.http import EXPANDING, answer, body_of, parameters, switch
from deploy.local.logstore.store import Store

VERSION = "9.1.0"


class AdminApi:
    """Names and lists; nothing here is busy."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        template = "/_index_template/{name}"
        return [
            web.get("/", self.info),
            *(web.get(path, self.health) for path in ("/_cluster/health", "/_cluster/health/{index}")),
            *(web.route(m, path, self.refresh) for m in ("GET", "POST") for path in ("/_refresh", "/{index}/_refresh")),
            *(web.get(path, self.data_streams) for path in ("/_data_stream", "/_data_stream/{index}")),
            *(web.get(path, self.templates) for path in ("/_index_template", template)),
            *(web.route(method, template, self.put_template) for method in ("PUT", "POST")),
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

    async def refresh(self, request: web.Request) -> web.StreamResponse:
        parameters(request, EXPANDING)
        self._named(request)
        await asyncio.to_thread(self._store.refresh)
        return answer({"_shards": {"total": 1, "successful": 1, "failed": 0}})

    async def data_streams(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("expand_wildcards", "include_defaults", "verbose"))
        found = [one for one in self._named(request) if one.is_data_stream]
        return answer({"data_streams": [_data_stream(one) for one in found]})

    async def templates(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("flat_settings", "master_timeout"))
        found = self._store.templates.named(request.match_info.get("name", "*"))
        return answer({"index_templates": [{"name": name, "index_template": one} for name, one in found.items()]})

    async def put_template(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("create", "cause", "master_timeout", "timeout"))
        name = request.match_info["name"]
        if switch(request, "create") and name in self._store.templates.all():
            raise illegal(f"index template [{name}] already exists")
        await asyncio.to_thread(self._store.templates.put, name, await body_of(request, needed=True))
        return answer({"acknowledged": True})

    def _named(self, request: web.Request) -> list[Stream]:
        ignores = switch(request, "ignore_unavailable")
        return self._store.catalog.named(request.match_info.get("index", "*"), ignore_unavailable=ignores)


def _data_stream(stream: Stream) -> dict[str, Any]:
    keep = stream.retention
    lifecycle = {"lifecycle": {"enabled": True, "data_retention": f"{int(keep.total_seconds())}s"}} if keep else {}
    return {
        "name": stream.name, "timestamp_field": {"name": "@timestamp"}, "indices": [{"index_name": stream.backing}],
        "generation": 1, "status": "GREEN", "hidden": False, "system": False, **lifecycle,
    }  # fmt: skip
