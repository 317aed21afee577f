"""The cluster through the official client, as raw JSON objects: list, watch, read, write.

Only the client's transport is used (configuration, TLS, token refresh): its generated models would cost time and memory
for objects that are read once, and would drop fields newer than the client. The client is imported at first use.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

from connectors import body as bodies
from connectors import deadline
from connectors.clock import SourceClock
from connectors.errors import (
    BadAnswer,
    Gone,
    NotFound,
    NotServed,
    OversizedBody,
    Rejected,
    Unauthorized,
    Unreachable,
    from_failed_call,
    from_status,
    understood,
)
from connectors.secrets import remember

if TYPE_CHECKING:
    from kubernetes.client.api_client import ApiClient

SOURCE = "kubernetes"
TIMEOUT_SECONDS = 2.0
LIST_SECONDS = 5.0
PAGE_SIZE = 500
# The server ends a watch after this time and we resume it. So a dead connection, which TCP alone would not notice for
# minutes, is found soon.
WATCH_SECONDS = 30
MANAGER = "tealdeck"

Object = dict[str, Any]


class ResourceKind(NamedTuple):
    """Where a kind stands in the API. `optional` kinds come with a controller that not every cluster has."""

    path: str
    namespaced: bool = True
    optional: bool = False


KINDS: Mapping[str, ResourceKind] = {
    "pods": ResourceKind("/api/v1"),
    "services": ResourceKind("/api/v1"),
    "events": ResourceKind("/api/v1"),
    "configmaps": ResourceKind("/api/v1"),
    "resourcequotas": ResourceKind("/api/v1"),
    "nodes": ResourceKind("/api/v1", namespaced=False),
    "namespaces": ResourceKind("/api/v1", namespaced=False),
    "deployments": ResourceKind("/apis/apps/v1"),
    "replicasets": ResourceKind("/apis/apps/v1"),
    "statefulsets": ResourceKind("/apis/apps/v1"),
    "daemonsets": ResourceKind("/apis/apps/v1"),
    "jobs": ResourceKind("/apis/batch/v1"),
    "rollouts": ResourceKind("/apis/argoproj.io/v1alpha1", optional=True),
    "endpointslices": ResourceKind("/apis/discovery.k8s.io/v1"),
    "leases": ResourceKind("/apis/coordination.k8s.io/v1"),
    "horizontalpodautoscalers": ResourceKind("/apis/autoscaling/v2"),
    "poddisruptionbudgets": ResourceKind("/apis/policy/v1"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListResult:
    """All objects of a list, and the resource version to watch from."""

    items: tuple[Object, ...]
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """One change. `type` is ADDED, MODIFIED, DELETED or BOOKMARK (only a resource version)."""

    type: str
    object: Object

    @property
    def resource_version(self) -> str:
        """The version from which a broken watch resumes."""
        return str(self.object["metadata"]["resourceVersion"])


class Kubernetes:
    """One cluster. Safe for threads. Kinds are the keys of KINDS; a namespace of None means all of them.

    Every method may raise a `SourceError`: `Rejected` for rights that lack or an object that the cluster does not take,
    `TimedOut` (after TIMEOUT_SECONDS, a page of a list after LIST_SECONDS), `Unreachable`, `RateLimited` or `BadAnswer`
    as `connectors/errors.py` says. Those that a caller can act on stand at the method.

    Args:
        kubeconfig: path of a kubeconfig; empty: the service account of the pod that this runs in.
        context: a context in it; empty: the current one.
    """

    def __init__(self, kubeconfig: str = "", context: str = "") -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self.clock = SourceClock()
        self._impersonation: tuple[tuple[str, str], ...] = ()
        self._client: ApiClient | None = None
        self._building = threading.Lock()

    def acting_as(self, user: str, groups: Sequence[str] = ()) -> Kubernetes:
        """The same cluster, with requests that impersonate a person: the cluster decides what that person may do.

        Our own account needs the right to impersonate; else each call is `Rejected`.
        """
        other = Kubernetes(self._kubeconfig, self._context)
        other._impersonation = (("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups))
        return other

    def may(self, verb: str, kind: str, namespace: str | None = None, name: str = "", subresource: str = "") -> bool:
        """Whether the cluster permits that to us, or to the person we impersonate.

        One POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews.
        """
        group = KINDS[kind].path.removeprefix("/apis/").rpartition("/")[0] if kind in KINDS else ""
        asked = {
            "verb": verb,
            "group": "" if group == "/api" else group,
            "resource": kind,
            "subresource": subresource,
            "namespace": namespace or "",
            "name": name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        found = self._json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
        with understood(SOURCE):
            return bool(found["status"]["allowed"])

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """One object as it is now. One GET of its path.

        Raises:
            NotFound: there is none of that name.
        """
        return self._json("GET", _path(kind, namespace, name))

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> ListResult:
        """All objects, read in pages. A list that expires between two pages is restarted once.

        One GET of the collection for each PAGE_SIZE objects. They come without `metadata.managedFields`.

        Raises:
            Gone: it expired a second time.
            NotServed: the cluster has no such kind.
        """
        try:
            try:
                return self._list(kind, namespace, selector)
            except Gone:
                return self._list(kind, namespace, selector)
        except (NotFound, Rejected) as error:
            # The cluster answers 403 before it checks whether the kind exists.
            if isinstance(error, Unauthorized) or self._serves(kind):
                raise
            raise NotServed(SOURCE, f"the cluster serves no {kind}: their controller is not installed") from error

    def watch(
        self, kind: str, namespace: str | None = None, selector: str = "", *, resource_version: str
    ) -> Iterator[WatchEvent]:
        """The changes after `resource_version`, bookmarks among them, until the server ends the watch.

        One GET of the collection with `watch=true`, which the server ends after WATCH_SECONDS. The watch is established
        when this returns, even if nothing changes for long.

        Raises:
            Gone: the version is too old; list again. It may come with an event too, as may any other error.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_SECONDS),
            "labelSelector": selector,
        }
        response = self._send("GET", _path(kind, namespace), query, timeout=TIMEOUT_SECONDS)
        deadline.extend(response, WATCH_SECONDS + 5.0)
        return _events(response)

    def create(self, kind: str, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        """Creates `body` and answers it as stored. One POST to the collection.

        Raises:
            Conflict: it exists.
        """
        return self._json("POST", _path(kind, namespace), _write(dry_run), body=body)

    def replace(self, kind: str, name: str, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        """Replaces the object and answers it as stored. One PUT to its path.

        Raises:
            Conflict: its `metadata.resourceVersion` is no longer that of `body`.
            NotFound: there is none of that name.
        """
        return self._json("PUT", _path(kind, namespace, name), _write(dry_run), body=body)

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str | None,
        body: Any,
        *,
        subresource: Literal["", "scale"] = "",
        content_type: str = "application/merge-patch+json",
        dry_run: bool = False,
    ) -> Object:
        """Patches the object and answers it as stored. One PATCH to its path.

        With `subresource` "scale" the object is the Scale of the named one, which takes fewer rights to change.

        Raises:
            Conflict: `body` names a `metadata.resourceVersion` that is no longer its own.
            NotFound: there is none of that name.
        """
        path = _path(kind, namespace, name) + (f"/{subresource}" if subresource else "")
        return self._json("PATCH", path, _write(dry_run), body=body, content_type=content_type)

    def delete(self, kind: str, name: str, namespace: str | None = None, *, dry_run: bool = False) -> None:
        """Deletes the object. With finalizers or a grace period it stays for a while. One DELETE of its path.

        Raises:
            NotFound: there is none of that name.
        """
        body = {"apiVersion": "v1", "kind": "DeleteOptions"} | ({"dryRun": ["All"]} if dry_run else {})
        self._json("DELETE", _path(kind, namespace, name), body=body)

    def pod_log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        tail_lines: int = 200,
        previous: bool = False,
        timeout_seconds: float = LIST_SECONDS,
    ) -> str:
        """The last lines of a container; with `previous` those from before its last restart.

        One GET /api/v1/namespaces/{namespace}/pods/{pod}/log.

        Raises:
            NotFound: there is no such pod.
            Rejected: the container has not begun to run, or has had no run before.
        """
        query = {"container": container, "tailLines": str(tail_lines), "previous": "true" if previous else ""}
        path = f"{_path('pods', namespace, pod)}/log"
        return self._read("GET", path, query, timeout_seconds=timeout_seconds).decode("utf-8", "replace")

    def version(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """The version; also serves as the health check. One GET /version."""
        told = self._json("GET", "/version", timeout_seconds=timeout_seconds)
        with understood(SOURCE):
            return str(told["gitVersion"])

    def _serves(self, kind: str) -> bool:
        """Whether the cluster has this kind; any authenticated user may ask. One GET of the list of its API group."""
        if not KINDS[kind].optional:
            return True
        try:
            found = self._json("GET", KINDS[kind].path)
        except NotFound:
            return False
        with understood(SOURCE):
            return any(resource["name"] == kind for resource in found["resources"])

    def _list(self, kind: str, namespace: str | None, selector: str) -> ListResult:
        items: list[Object] = []
        query = {"limit": str(PAGE_SIZE), "labelSelector": selector}
        while True:
            page = self._json("GET", _path(kind, namespace), query, timeout_seconds=LIST_SECONDS)
            with understood(SOURCE):
                items += map(_lean, page["items"])
                metadata = page["metadata"]
                if not metadata.get("continue"):
                    return ListResult(items=tuple(items), resource_version=str(metadata["resourceVersion"]))
                query["continue"] = metadata["continue"]

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = "application/json",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Object:
        text = self._read(method, path, query, body=body, content_type=content_type, timeout_seconds=timeout_seconds)
        with understood(SOURCE):
            found = json.loads(text)
        if not isinstance(found, dict):
            raise BadAnswer(SOURCE, "its answer is not an object")
        return found

    def _read(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = "application/json",
        timeout_seconds: float,
    ) -> bytes:
        from urllib3.exceptions import HTTPError

        end = time.monotonic() + timeout_seconds
        response = self._send(method, path, query, body=body, content_type=content_type, timeout=timeout_seconds)
        try:
            return bodies.read(response, deadline=end)
        except (HTTPError, OSError) as error:
            raise from_failed_call(SOURCE, error, timeout_seconds=timeout_seconds) from error

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float,
    ) -> Any:
        """The open urllib3 response of a 2xx; the caller reads or closes it."""
        client = self._built()
        from kubernetes.client.exceptions import ApiException
        from urllib3 import HTTPHeaderDict
        from urllib3.exceptions import HTTPError

        headers = HTTPHeaderDict({"Accept": "application/json", "Content-Type": content_type, "User-Agent": MANAGER})
        for name, value in self._impersonation:
            headers.add(name, value)  # a person's groups are one header each
        client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        remember(str(headers.get("authorization", "")))
        asked = urlencode({key: value for key, value in (query or {}).items() if value})
        url = client.configuration.host + path + ("?" + asked if asked else "")
        try:
            response = client.call_api(method, url, headers, body, _request_timeout=timeout).response
            self.clock.heard(response.headers.get("Date"))
            if 200 <= response.status < 300:
                return response
            text = bodies.read(response, deadline=time.monotonic() + timeout).decode("utf-8", "replace")
            if response.status == 401:
                self._client = None  # the kubeconfig may hold a newer token by the next call
        except (HTTPError, OSError, ApiException) as error:
            raise from_failed_call(SOURCE, error, timeout_seconds=timeout) from error
        raise from_status(SOURCE, response.status, _message(text), retry_after=response.headers.get("Retry-After"))

    def _built(self) -> ApiClient:
        with self._building:
            if self._client is None:
                self._client = _client(self._kubeconfig, self._context)
            return self._client


def _client(kubeconfig: str, context: str) -> ApiClient:
    from kubernetes.client.api_client import ApiClient
    from kubernetes.client.configuration import Configuration
    from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

    configuration = Configuration()
    where = kubeconfig or "the pod's service account"
    try:
        if kubeconfig:
            load_kube_config(kubeconfig, context or None, configuration, persist_config=False)  # type: ignore[no-untyped-call]
        else:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, ValueError, TypeError, KeyError) as error:
        raise Unreachable(SOURCE, f"cannot use {where}: {error}") from error
    configuration.retries = False
    configuration.keep_alive = True
    configuration.connection_pool_maxsize = 32  # each watch holds one connection
    client = ApiClient(configuration)
    client.rest_client.pool_manager.pool_classes_by_scheme = deadline.POOLS
    return client


def _path(kind: str, namespace: str | None, name: str = "") -> str:
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}: one of {', '.join(KINDS)}")
    path, namespaced, _ = KINDS[kind]
    parts = [path]
    if namespace and namespaced:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(kind)
    if name:
        parts.append(quote(name, safe=""))
    return "/".join(parts)


def _lean(item: Object) -> Object:
    """Without `managedFields`, which are half of many objects."""
    item["metadata"].pop("managedFields", None)
    return item


def _write(dry_run: bool) -> dict[str, str]:
    return {"fieldManager": MANAGER, "dryRun": "All" if dry_run else ""}


def _message(text: str) -> str:
    """The words of a Status object, or the body as it is."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _events(response: Any) -> Iterator[WatchEvent]:
    try:
        for line in _lines(response):
            yield _event(line)
    finally:
        response.close()


def _lines(response: Any) -> Iterator[bytes]:
    """The lines of a watch as they arrive. Silence beyond the announced end of the watch is a broken connection.

    Text after the last line break is yielded too: it is no event, but may be a proxy's error page.
    """
    from urllib3.exceptions import HTTPError

    rest = bytearray()
    try:
        for chunk in response.stream(amt=None, decode_content=True):
            rest += chunk
            if b"\n" in chunk:
                *lines, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                yield from filter(None, lines)
            elif len(rest) > bodies.LARGEST_BYTES:
                raise OversizedBody(bodies.LARGEST_BYTES)
        if rest:
            yield bytes(rest)
    except (HTTPError, OSError) as error:
        raise from_failed_call(SOURCE, error, timeout_seconds=WATCH_SECONDS) from error


def _event(line: bytes) -> WatchEvent:
    with understood(SOURCE):
        found = json.loads(line)
        if found["type"] == "ERROR":
            status = found["object"]
            raise from_status(SOURCE, int(status.get("code") or 500), str(status.get("message") or "the watch failed"))
        return WatchEvent(type=found["type"], object=found["object"])
