"""What the ResourceQuotas of a namespace still allow a new pod.

Use is counted from the pods that are there; the status, which the controller keeps, follows a moment later. Only what
pods ask for is held to a quota, and a quota with scopes is held to nothing.
"""

from collections.abc import Iterator
from typing import Any

from deploy.local.quantities import asked_for, quantity, written

from . import errors
from .store import View

Json = dict[str, Any]
_TO_BE_NAMED = ("cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory")
_ROUNDING = 1e-9


def check_pod(view: View, pod: Json) -> None:
    """Refuse a pod that a quota of its namespace has no room for. Raises ApiError 403 in the real server's words."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    quotas = list(_quotas(view, namespace))
    if not quotas:
        return
    used = asked_for(record.obj for record in view.values("pods") if record.key[0] == namespace)
    requested = asked_for([pod])
    for quota in quotas:
        why = _unnamed(quota, pod) or _exceeded(quota, requested, used)
        if why:
            raise errors.forbidden("pods", name, why)


def _quotas(view: View, namespace: str) -> Iterator[Json]:
    for record in sorted(view.values("resourcequotas"), key=lambda record: record.key):
        spec = record.obj.get("spec") or {}
        if record.key[0] == namespace and not spec.get("scopes") and not spec.get("scopeSelector"):
            yield record.obj


def _unnamed(quota: Json, pod: Json) -> str:
    """What is limited and a container does not speak of."""
    missing = []
    for resource in _TO_BE_NAMED:
        if resource in (quota["spec"].get("hard") or {}):
            kind, _, amount = resource.rpartition(".")
            silent = [
                container["name"]
                for container in pod["spec"]["containers"]
                if amount not in ((container.get("resources") or {}).get(kind or "requests") or {})
            ]
            missing += [f"{resource} for: {','.join(sorted(silent))}"] if silent else []
    return f"failed quota: {quota['metadata']['name']}: must specify {'; '.join(missing)}" if missing else ""


def _exceeded(quota: Json, requested: dict[str, float], used: dict[str, float]) -> str:
    hard = {resource: limit for resource, limit in (quota["spec"].get("hard") or {}).items() if requested.get(resource)}
    over = sorted(
        resource
        for resource, limit in hard.items()
        if used.get(resource, 0.0) + requested[resource] > quantity(limit) + _ROUNDING
    )
    if not over:
        return ""
    figures = (
        ("requested", {resource: written(resource, requested[resource]) for resource in over}),
        ("used", {resource: written(resource, used.get(resource, 0.0)) for resource in over}),
        ("limited", {resource: hard[resource] for resource in over}),
    )
    shown = ", ".join(
        f"{title}: {','.join(f'{resource}={amount}' for resource, amount in amounts.items())}"
        for title, amounts in figures
    )
    return f"exceeded quota: {quota['metadata']['name']}, {shown}"
