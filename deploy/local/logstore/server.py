"""Elasticsearch's HTTP API over the store, as the official client speaks it."""

from __future__ import annotations

from aiohttp import web

from deploy.local.logstore.admin_api import AdminApi
from deploy.local.logstore.http import LARGEST_BODY_BYTES, in_its_form
from deploy.local.logstore.reading_api import ReadingApi
from deploy.local.logstore.store import Store
from deploy.local.logstore.writing_api import WritingApi


def application(store: Store, reading: ReadingApi) -> web.Application:
    """The whole API."""
    app = web.Application(middlewares=[in_its_form], client_max_size=LARGEST_BODY_BYTES)
    app.add_routes([*reading.routes(), *WritingApi(store).routes(), *AdminApi(store).routes()])
    return app
