"""How HTTPRoutes split what comes to a Service between several, by weight. Pure.

A route counts here when a Service is its parent, as in the Gateway API's routes for meshes. Weights are all that is
done of it: a route that asks for more is left out with the reason, because half of it would send people astray.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.local.kubeapi import Object

Port = tuple[str, str, str]  # namespace, Service, and the name of its port
Weights = dict[Port, int]
_EVERY_PATH = {"type": "PathPrefix", "value": "/"}


class _LeftOutError(Exception):
    """Why a route does not count."""


@dataclass(slots=True)
class Turns:
    """Whose turn it is, as evenly spread as the weights allow: in each full round everyone has exactly its weight."""

    weights: Weights
    _credit: Weights = field(default_factory=dict)

    def next(self) -> Port | None:
        """None when no weight is above 0."""
        total = sum(self.weights.values())
        if not total:
            return None
        for port, weight in self.weights.items():
            self._credit[port] = self._credit.get(port, 0) + weight
        chosen = max((port for port, weight in self.weights.items() if weight), key=self._credit.__getitem__)
        self._credit[chosen] -= total
        return chosen


def splits(routes: Iterable[Object], services: Collection[Object]) -> tuple[dict[Port, Weights], list[str]]:
    """By the port of the parent, the ports that share its requests; and what is to be said of routes that are left out.

    Of several routes of one parent the oldest counts, as the Gateway API has it. A Service that is not there keeps its
    share, which then fails.
    """
    ports = dict(_ports(services))
    found: dict[Port, Weights] = {}
    problems = []
    for route in sorted(routes, key=_age):
        name = f"{route['metadata']['namespace']}/{route['metadata']['name']}"
        try:
            if not (parents := list(_parents(route, ports))):
                continue
            weights = _weights(route, ports)
        except _LeftOutError as error:
            problems.append(f"HTTPRoute {name} is left out: {error}")
            continue
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # nobody checks a custom kind's fields
            problems.append(f"HTTPRoute {name} is left out: it cannot be read ({error!r})")
            continue
        problems += [
            f"HTTPRoute {name} is left out: an older one has port {port} of Service {service}"
            for _, service, port in (parent for parent in parents if parent in found)
        ]
        found = dict.fromkeys(parents, weights) | found
    return found, problems


def _age(route: Object) -> tuple[str, str, str]:
    metadata = route["metadata"]
    return metadata.get("creationTimestamp") or "", metadata["namespace"], metadata["name"]


def _ports(services: Collection[Object]) -> Iterator[tuple[tuple[str, str], dict[int, str]]]:
    """By Service, the names of its ports by number."""
    for service in services:
        metadata = service["metadata"]
        names = {port["port"]: port.get("name") or "" for port in service["spec"].get("ports") or []}
        yield (metadata["namespace"], metadata["name"]), names


def _parents(route: Object, ports: Mapping[tuple[str, str], dict[int, str]]) -> Iterator[Port]:
    home = route["metadata"]["namespace"]
    for parent in route["spec"].get("parentRefs") or []:
        if (parent.get("group", "gateway.networking.k8s.io"), parent.get("kind", "Gateway")) != ("", "Service"):
            continue  # somebody else's: a Gateway, of which there is none here
        if parent.get("namespace", home) != home or parent.get("sectionName"):
            raise _LeftOutError("its parent is named by another namespace or by a section")
        for number, name in ports.get((home, parent["name"]), {}).items():
            if parent.get("port", number) == number:
                yield home, parent["name"], name


def _weights(route: Object, ports: Mapping[tuple[str, str], dict[int, str]]) -> Weights:
    """Of the first rule, since all of them mean every request. Raises _LeftOutError."""
    rules = route["spec"].get("rules") or []
    if route["spec"].get("hostnames"):
        raise _LeftOutError("it asks for host names")
    for rule in rules:
        if any(match != {"path": _EVERY_PATH} for match in rule.get("matches") or []):
            raise _LeftOutError("it matches some requests only")
        if more := rule.keys() - {"name", "matches", "backendRefs"}:
            raise _LeftOutError(f"it asks for {', '.join(sorted(more))}")
    if not rules or not rules[0].get("backendRefs"):
        raise _LeftOutError("it names no backendRefs")
    weights: Weights = {}
    for backend in rules[0]["backendRefs"]:
        port = _backend(backend, route["metadata"]["namespace"], ports)
        weight = int(backend.get("weight", 1))
        if weight < 0:
            raise _LeftOutError(f"the weight of {backend['name']} is negative")
        weights[port] = weights.get(port, 0) + weight
    return weights


def _backend(backend: Mapping[str, Any], home: str, ports: Mapping[tuple[str, str], dict[int, str]]) -> Port:
    if (backend.get("group", ""), backend.get("kind", "Service")) != ("", "Service"):
        raise _LeftOutError(f"{backend['name']} is no Service")
    if backend.get("namespace", home) != home or backend.get("filters"):
        raise _LeftOutError(f"it asks for filters or another namespace at {backend['name']}")
    # A port that is not there has no endpoints either.
    return home, backend["name"], ports.get((home, backend["name"]), {}).get(backend.get("port", 0), "")
