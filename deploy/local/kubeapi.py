"""A small client of the Kubernetes API for the parts of the environment: asyncio, plain dicts, typed errors, informers.

The official client is for the product; it takes a second to import, which every part here would pay at its start.
Nothing in it knows which API server answers.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson
import yaml

Object = dict[str, Any]

# Where each kind lives. Kinds without a namespace are listed below.
_GROUPS = {
    "/api/v1": "configmaps endpoints events namespaces nodes pods secrets serviceaccounts services resourcequotas",
    "/apis/apps/v1": "deployments replicasets",
    "/apis/coordination.k8s.io/v1": "leases",
    "/apis/discovery.k8s.io/v1": "endpointslices",
    "/apis/networking.k8s.io/v1": "networkpolicies",
    "/apis/policy/v1": "poddisruptionbudgets",
    "/apis/autoscaling/v2": "horizontalpodautoscalers",
    "/apis/rbac.authorization.k8s.io/v1": "roles rolebindings clusterroles clusterrolebindings",
    "/apis/scheduling.k8s.io/v1": "priorityclasses",
    "/apis/apiextensions.k8s.io/v1": "customresourcedefinitions",
    "/apis/gateway.networking.k8s.io/v1": "httproutes",
}
_HOME = {kind: group for group, kinds in _GROUPS.items() for kind in kinds.split()}
_PAGE = 500
_WATCH_SECONDS = 300
_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0)
_UNDEFINED_SECONDS = 1.0

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server's answer was not a success. `code` is 0 when there was no answer at all."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class ForbiddenError(ApiError):
    """403: there is no right to it, or no room for it."""


class NotFoundError(ApiError):
    """404: there is no such object."""


class ConflictError(ApiError):
    """409: it was changed by somebody else, or is there already."""


class GoneError(ApiError):
    """410: what happened since that resourceVersion is no longer known; list anew."""


_ERRORS: dict[int, type[ApiError]] = {403: ForbiddenError, 404: NotFoundError, 409: ConflictError, 410: GoneError}


class KubeApi:
    """One connection to one API server, as the kubeconfig's current context has it."""

    def __init__(self, server: str, token: str, tls: ssl.SSLContext | bool) -> None:
        self._server = server
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=0),
            headers={"Authorization": f"Bearer {token}"} if token else {},
            json_serialize=lambda document: orjson.dumps(document).decode(),
            timeout=aiohttp.ClientTimeout(total=10),
        )

    @classmethod
    def from_kubeconfig(cls, path: str | Path) -> Self:
        """Raises OSError or ValueError when the file cannot be read or lacks what is needed."""
        config = yaml.safe_load(Path(path).read_text())
        try:
            context = _named(config["contexts"], config["current-context"])["context"]
            cluster = _named(config["clusters"], context["cluster"])["cluster"]
            user = _named(config["users"], context["user"])["user"]
            server = cluster["server"]
        except (KeyError, TypeError, StopIteration) as error:
            raise ValueError(f"{path} is no usable kubeconfig: {error!r} is missing") from error
        return cls(server, user.get("token", ""), _tls(cluster, user) if server.startswith("https") else False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        return await self.call("GET", path(kind, namespace, name))

    async def list(self, kind: str, namespace: str = "", **query: str) -> tuple[list[Object], str]:
        """All objects of a kind, page by page, and the resourceVersion to watch from. No namespace: all of them."""
        items: list[Object] = []
        params = {"limit": str(_PAGE), **query}
        while True:
            page = await self.call("GET", path(kind, namespace), params=params)
            items += page.get("items") or []
            if not (token := page["metadata"].get("continue")):
                return items, page["metadata"]["resourceVersion"]
            params["continue"] = token

    async def create(self, kind: str, namespace: str, body: Object) -> Object:
        return await self.call("POST", path(kind, namespace), body=body)

    async def replace(self, kind: str, namespace: str, body: Object, sub: str = "") -> Object:
        return await self.call("PUT", path(kind, namespace, body["metadata"]["name"], sub), body=body)

    async def patch(
        self, kind: str, namespace: str, name: str, body: Object, *, form: str = MERGE, sub: str = "", **query: str
    ) -> Object:
        return await self.call("PATCH", path(kind, namespace, name, sub), body=body, form=form, params=query)

    async def delete(self, kind: str, namespace: str, name: str, **options: Any) -> Object:
        return await self.call(
            "DELETE", path(kind, namespace, name), body={"kind": "DeleteOptions", "apiVersion": "v1", **options}
        )

    async def call(
        self,
        method: str,
        where: str,
        *,
        body: Object | None = None,
        form: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Object:
        """One request. Raises ApiError or one of its kinds."""
        data = None if body is None else orjson.dumps(body)
        try:
            async with self._session.request(
                method, self._server + where, data=data, params=params or {}, headers={"Content-Type": form}
            ) as answer:
                document = orjson.loads(await answer.read() or b"{}")
                if answer.status >= 400:
                    raise _error(answer.status, document)
                return document
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise ApiError(0, "Unreachable", f"{method} {where}: {error or type(error).__name__}") from error

    async def watch(self, kind: str, namespace: str, since: str, **query: str) -> AsyncIterator[tuple[str, Object]]:
        """Events after a resourceVersion until the server ends the watch; bookmarks too. Raises GoneError on 410."""
        params = {
            "watch": "true",
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
            **query,
        }
        # A server that sends nothing at all for longer than its watches last is not there any more.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_WATCH_SECONDS + 30)
        where = self._server + path(kind, namespace)
        try:
            async with self._session.get(where, params=params, timeout=timeout) as answer:
                if answer.status >= 400:
                    raise _error(answer.status, orjson.loads(await answer.read() or b"{}"))
                async for line in _lines(answer):
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        raise _error(event["object"].get("code", 500), event["object"])
                    yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise ApiError(0, "Unreachable", f"watch of {kind}: {error or type(error).__name__}") from error


class Informer:
    """All objects of a kind, kept true by list and watch. `on_change` gets (old, new); one of them is None.

    Objects are shared: read them, do not write into them.
    """

    def __init__(
        self,
        api: KubeApi,
        kind: str,
        namespace: str = "",
        *,
        on_change: Callable[[Object | None, Object | None], None] | None = None,
        **query: str,
    ) -> None:
        self._api, self._kind, self._namespace, self._query = api, kind, namespace, query
        self._on_change = on_change or (lambda old, new: None)
        self.objects: dict[tuple[str, str], Object] = {}
        self.synced = asyncio.Event()

    def get(self, namespace: str, name: str) -> Object | None:
        return self.objects.get((namespace, name))

    async def run(self) -> None:
        """Never returns; a server that is away is asked again, ever more slowly."""
        failures = 0
        while True:
            try:
                since = await self._list()
                self.synced.set()
                failures = 0
                while True:
                    since = await self._follow(since)
            except GoneError:
                continue
            except NotFoundError:  # a custom kind that is not defined (yet), so there are none
                for key in list(self.objects):
                    self._put(key, None)
                self.synced.set()
                await asyncio.sleep(_UNDEFINED_SECONDS)
            except ApiError:
                failures += 1
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS)) - 1])

    async def _list(self) -> str:
        items, since = await self._api.list(self._kind, self._namespace, **self._query)
        found = {_key(item): item for item in items}
        for key in self.objects.keys() - found.keys():
            self._put(key, None)
        for key, item in found.items():
            old = self.objects.get(key)
            if old is None or old["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                self._put(key, item)
        return since

    async def _follow(self, since: str) -> str:
        watching = self._api.watch(self._kind, self._namespace, since, **self._query)
        async with contextlib.aclosing(watching) as events:
            async for event, item in events:
                since = item["metadata"]["resourceVersion"]
                if event != "BOOKMARK":
                    self._put(_key(item), None if event == "DELETED" else item)
        return since

    def _put(self, key: tuple[str, str], new: Object | None) -> None:
        old = self.objects.pop(key, None)
        if new is not None:
            self.objects[key] = new
        if old is not None or new is not None:
            self._on_change(old, new)


def path(kind: str, namespace: str = "", name: str = "", sub: str = "") -> str:
    """The URL path of a kind, or of one object of it, or of one subresource."""
    parts = [_HOME[kind], *(("namespaces", namespace) if namespace else ()), kind, name, sub]
    return "/".join(part for part in parts if part)


def kind_of(document: Object) -> str:
    """The plural of a manifest's kind, for example `networkpolicies`."""
    lower = document["kind"].lower()
    plural = next((found for found in (lower, f"{lower}s", f"{lower[:-1]}ies") if found in _HOME), None)
    if plural is None:
        raise ValueError(f"the environment does not know the kind {document['kind']}")
    return plural


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length: a line of an event may be longer than what a stream reader would take."""
    rest = b""
    async for chunk in answer.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _error(code: int, status: Object) -> ApiError:
    kind = _ERRORS.get(code, ApiError)
    return kind(code, status.get("reason", ""), status.get("message", f"the API server answered {code}"))


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: Object, user: Object) -> ssl.SSLContext:
    if cluster.get("insecure-skip-tls-verify"):
        return ssl._create_unverified_context()  # noqa: S323  (asked for by the kubeconfig)
    data = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(
        cafile=cluster.get("certificate-authority"), cadata=base64.b64decode(data).decode() if data else None
    )
    if user.get("client-certificate"):
        context.load_cert_chain(user["client-certificate"], user.get("client-key"))
    return context
