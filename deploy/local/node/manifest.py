"""From a pod's manifest to what a process needs: environment, command, probes. Pure, but for what is handed in."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.addresses import to_loopback
from deploy.local.quantities import quantity

Object = Mapping[str, Any]
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_MOUNTABLE = {"emptyDir"}


class ConfigError(Exception):
    """The pod asks for something that is not there, or that this node cannot do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One probe with Kubernetes' defaults filled in; `handler` has httpGet or exec."""

    handler: Object
    delay_seconds: float
    period_seconds: float
    timeout_seconds: float
    successes: int
    failures: int


def probe(spec: Object | None) -> Probe | None:
    """The probe that a manifest describes; None where there is none."""
    if not spec:
        return None
    return Probe(
        handler=spec,
        delay_seconds=spec.get("initialDelaySeconds", 0),
        period_seconds=spec.get("periodSeconds", 10),
        timeout_seconds=spec.get("timeoutSeconds", 1),
        successes=spec.get("successThreshold", 1),
        failures=spec.get("failureThreshold", 3),
    )


def check_supported(pod: Object) -> None:
    """Raises ConfigError for what a node without containers cannot give a pod."""
    spec = pod["spec"]
    if spec.get("initContainers"):
        raise ConfigError("init containers are not supported on this node")
    for volume in spec.get("volumes", []):
        kinds = volume.keys() - {"name"}
        if not kinds <= _MOUNTABLE:
            raise ConfigError(f"volume {volume['name']}: {', '.join(sorted(kinds))} is not supported on this node")


def service_links(services: Iterable[Object], namespace: str) -> dict[str, str]:
    """The variables by which a pod finds the Services of its namespace, as addresses that can be connected to."""
    found = {}
    for service in services:
        metadata, spec = service["metadata"], service["spec"]
        if metadata["namespace"] == namespace and spec.get("clusterIP", "None") != "None" and spec.get("ports"):
            name = metadata["name"].upper().replace("-", "_")
            found[f"{name}_SERVICE_HOST"] = to_loopback(spec["clusterIP"])
            found[f"{name}_SERVICE_PORT"] = str(spec["ports"][0]["port"])
    return found


def config_names(container: Object) -> set[str]:
    """The ConfigMaps that a container's environment is read from."""
    return {source["configMapRef"]["name"] for source in container.get("envFrom", []) if "configMapRef" in source}


def environment(
    pod: Object, container: Object, base: Mapping[str, str], maps: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """All variables of a container. `maps` holds what `config_names` named. Raises ConfigError."""
    found = dict(base)
    for source in container.get("envFrom", []):
        if "configMapRef" not in source:
            raise ConfigError(f"envFrom: {', '.join(source)} is not supported on this node")
        for key, value in maps[source["configMapRef"]["name"]].items():
            found[source.get("prefix", "") + key] = value
    for variable in container.get("env", []):
        found[variable["name"]] = expand(_value(pod, variable), found)
    return found


def command(container: Object, variables: Mapping[str, str]) -> list[str]:
    """Command and arguments with `$(NAME)` filled in. `python` is the interpreter that runs us: nothing is pulled."""
    words = [expand(word, variables) for word in [*container.get("command", []), *container.get("args", [])]]
    if not words:
        raise ConfigError("the container names no command, and this node has no image to take one from")
    return [sys.executable if words[0] == "python" else words[0], *words[1:]]


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` filled in where NAME is known, `$$` as a dollar; what is not known stays as it is, as in Kubernetes."""
    return _REFERENCE.sub(
        lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]),
        text,
    )


def port_number(container: Object, port: int | str) -> int:
    """A probe's port, which may be named."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for one in container.get("ports", []):
        if one.get("name") == port:
            return int(one["containerPort"])
    raise ConfigError(f"no port of the container is named {port}")


def memory_limit_bytes(container: Object) -> float | None:
    """The container's memory limit; None where it has none."""
    limit = container.get("resources", {}).get("limits", {}).get("memory")
    return None if limit is None else quantity(limit)


def _value(pod: Object, variable: Object) -> str:
    origin = variable.get("valueFrom")
    if not origin:
        return str(variable.get("value", ""))
    if "fieldRef" not in origin:
        raise ConfigError(f"{variable['name']}: {', '.join(origin)} is not supported on this node")
    return _field(pod, origin["fieldRef"]["fieldPath"])


def _field(pod: Object, where: str) -> str:
    """The downward API. Addresses are those to bind and connect to, since that is what a process does with them."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if keyed := _KEYED.fullmatch(where):
        return str((metadata.get(keyed[1]) or {}).get(keyed[2], ""))
    plain = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.podIP": to_loopback(status["podIP"]),
        "status.hostIP": "127.0.0.1",
    }
    if where not in plain:
        raise ConfigError(f"the field {where} is not known to this node")
    return plain[where]
