"""Subresources: scale, log, binding, eviction."""

from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web

from deploy.local.quantities import share

from . import errors, lifecycle, patch, requests, selectors, writing
from .api import Api
from .requests import Target
from .store import Record, View

Json = dict[str, Any]
_SCALE = ("autoscaling/v1", "Scale")
_LOG_OPTIONS = ("follow", "tailLines", "previous", "sinceSeconds", "sinceTime", "timestamps", "limitBytes")


async def get_scale(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    record = _present(api, target)
    return writing.json_response(_scale_of(record.obj))


async def replace_scale(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    wanted = await requests.read_kind(request, *_SCALE)
    return await _scale(api, request, target, lambda _: wanted)


async def change_scale(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    kind = requests.PATCH_TYPES.get(request.content_type)
    if kind not in ("json", "merge", "strategic"):
        raise errors.unsupported_media_type(list(requests.PATCH_TYPES))
    body = requests.decode(await requests.read_body(request), yaml_allowed=False)

    def patched(scale: Json) -> Json:
        return patch.json_patch(scale, body) if kind == "json" else patch.merge(scale, body)

    return await _scale(api, request, target, patched)


async def _scale(
    api: Api, request: web.Request, target: Target, change_of: Callable[[Json], Json]
) -> web.StreamResponse:
    def scaled(current: Json) -> Json:
        wanted = change_of(_scale_of(current))
        replicas = (wanted.get("spec") or {}).get("replicas", 0)
        version = (wanted.get("metadata") or {}).get("resourceVersion")
        metadata = {**current["metadata"], "resourceVersion": version}
        return {**current, "metadata": metadata, "spec": {**current["spec"], "replicas": replicas}}

    record = await writing.update(api, request, target, scaled)
    return writing.json_response(_scale_of(record.obj))


def _scale_of(obj: Json) -> Json:
    metadata = obj["metadata"]
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in shown if name in metadata},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            "selector": selectors.written(obj["spec"].get("selector")),
        },
    }


async def bind(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    """Give a pod its node, once."""
    binding = await requests.read_kind(request, "v1", "Binding")
    node = (binding.get("target") or {}).get("name")
    name = target.name
    if not node:
        raise errors.bad_request("target.name: Required value")

    def decide(_: View, current: Json | None) -> Json:
        if current is None:
            raise errors.not_found("pods", name)
        if "deletionTimestamp" in current["metadata"]:
            raise errors.conflict("pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host")
        if current["spec"].get("nodeName"):
            why = f'pod {name} is already assigned to node "{current["spec"]["nodeName"]}"'
            raise errors.conflict("pods/binding", name, why)
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": lifecycle.now_text()}
        conditions = [c for c in current["status"].get("conditions") or [] if c.get("type") != "PodScheduled"]
        return {
            **current,
            "spec": {**current["spec"], "nodeName": node},
            "status": {**current["status"], "conditions": [*conditions, scheduled]},
        }

    await api.store.commit("pods", (target.namespace, name), decide, dry_run=requests.is_dry_run(request))
    return writing.json_response(_success(), status=201)


async def evict(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    """Delete a pod unless a PodDisruptionBudget would be broken (429)."""
    eviction = await requests.read_kind(request, "policy/v1", "Eviction")
    asked = eviction.get("deleteOptions") or {}
    options = lifecycle.DeleteOptions(
        grace_seconds=asked.get("gracePeriodSeconds"), uid=(asked.get("preconditions") or {}).get("uid")
    )

    def decide(view: View, current: Json | None) -> Json | None:
        if current is None:
            raise errors.not_found("pods", target.name)
        _check_budgets(view, current)
        return lifecycle.deleted(target.resource, current, options)

    await api.store.commit("pods", target.key, decide, dry_run=requests.is_dry_run(request))
    return writing.json_response(_success(), status=201)


async def log(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    """Stream a container's log through from the agent of the pod's node."""
    pod = _present(api, target).obj
    container = _container(pod, request.query.get("container", ""))
    url = f"{_agent(api, pod)}/containerLogs/{target.namespace}/{target.name}/{container}"
    options = {name: request.query[name] for name in _LOG_OPTIONS if name in request.query}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, params=options) as found:
            if found.status != 200:
                raise errors.ApiError(found.status, "BadRequest", (await found.text())[:500].strip())
            response = web.StreamResponse(headers={"Content-Type": "text/plain"})
            await response.prepare(request)
            async for piece in found.content.iter_any():
                await response.write(piece)
            return response
    except aiohttp.ClientConnectorError as error:
        raise errors.internal(f"node {pod['spec']['nodeName']} does not answer: {error}") from error


def _container(pod: Json, asked: str) -> str:
    names = [c["name"] for group in ("containers", "initContainers") for c in pod["spec"].get(group) or []]
    name = pod["metadata"]["name"]
    if asked and asked not in names:
        raise errors.bad_request(f"container {asked} is not valid for pod {name}")
    if not asked and len(pod["spec"]["containers"]) > 1:
        listed = " ".join(names)
        raise errors.bad_request(f"a container name must be specified for pod {name}, choose one of: [{listed}]")
    return asked or names[0]


def _agent(api: Api, pod: Json) -> str:
    """Where the agent of the pod's node listens. Raises ApiError 400 while there is none."""
    name, node_name = pod["metadata"]["name"], pod["spec"].get("nodeName", "")
    if not node_name:
        raise errors.bad_request(f"pod {name} does not have a host assigned")
    node = api.store.get("nodes", ("", node_name))
    status = (node.obj.get("status") if node else None) or {}
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
    addresses = [e.get("address") for e in status.get("addresses") or [] if e.get("type") == "InternalIP"]
    if not port or not addresses:
        raise errors.internal(f"node {node_name} does not say where its agent listens")
    return f"http://{addresses[0]}:{port}"


def _present(api: Api, target: Target) -> Record:
    record = api.store.get(target.resource.storage, target.key)
    if record is None:
        raise errors.not_found(target.resource.qualified, target.name)
    return record


def _check_budgets(view: View, pod: Json) -> None:
    """Refuse when the pod is ready and a budget that selects it has no disruption left."""
    if not _is_ready(pod):
        return
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels") or {}
    peers = [r.obj for r in view.values("pods") if r.key[0] == namespace]
    for record in view.values("poddisruptionbudgets.policy"):
        budget = record.obj
        selector = budget["spec"].get("selector")
        if budget["metadata"]["namespace"] != namespace or not selectors.matches(selector, labels):
            continue
        chosen = [peer for peer in peers if selectors.matches(selector, peer["metadata"].get("labels") or {})]
        healthy, wanted = sum(map(_is_ready, chosen)), _healthy_wanted(budget["spec"], len(chosen))
        if healthy - 1 < wanted:
            why = (
                f"The disruption budget {budget['metadata']['name']} needs {wanted} healthy pods "
                f"and has {healthy} currently"
            )
            raise errors.too_many_requests(
                "Cannot evict pod as it would violate the pod's disruption budget.",
                causes=[{"reason": "DisruptionBudget", "message": why}],
            )


def _healthy_wanted(spec: Json, expected: int) -> int:
    if "maxUnavailable" in spec:
        return expected - share(spec["maxUnavailable"], expected)
    return share(spec.get("minAvailable", 1), expected)


def _is_ready(pod: Json) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)


def _success() -> Json:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
