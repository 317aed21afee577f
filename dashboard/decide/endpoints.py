"""Which pods get a Service's connections, by its EndpointSlices and kube-proxy's rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]

SERVICE_NAME = "kubernetes.io/service-name"


def receivers(service: str, slices: Iterable[Object]) -> frozenset[str]:
    """The names of the pods that get new connections; an endpoint without a pod counts by its address.

    These are the ready endpoints. Where an address family has none, they are those that are ending and still serve.
    Endpoints of a slice without a port number get nothing: the pods lack the port that the Service names.
    """
    families: dict[str, list[Object]] = {}
    for piece in slices:
        if (piece["metadata"].get("labels") or {}).get(SERVICE_NAME) == service and _is_routed(piece):
            families.setdefault(piece.get("addressType", ""), []).extend(piece.get("endpoints") or ())
    return frozenset(name for endpoints in families.values() for name in _of_family(endpoints))


def receivers_on_every_port(service: Object, slices: Iterable[Object]) -> frozenset[str]:
    """The pods that get connections on each port of the Service.

    A pod that lacks one of several named ports stands in a slice without it: its other ports work, that one is down.
    """
    name, pieces = service["metadata"]["name"], tuple(slices)
    wanted = [str(port.get("name") or "") for port in service["spec"].get("ports") or ()]
    by_port = [receivers(name, [piece for piece in pieces if _has_port(piece, port)]) for port in wanted]
    return frozenset.intersection(*by_port) if by_port else receivers(name, pieces)


def _has_port(piece: Object, name: str) -> bool:
    return "ports" not in piece or any(
        port.get("port") and str(port.get("name") or "") == name for port in piece["ports"] or ()
    )


def _is_routed(piece: Object) -> bool:
    """Whether kube-proxy routes to a slice at all: it needs addresses, not names, and the number of a port.

    The API server writes empty ports as null. A slice without the field does not state its ports.
    """
    if piece.get("addressType") == "FQDN":
        return False
    return "ports" not in piece or any(port.get("port") for port in piece["ports"] or ())


def _of_family(endpoints: Iterable[Object]) -> frozenset[str]:
    found = tuple(endpoints)
    ready = frozenset(_name(endpoint) for endpoint in found if _is(endpoint, "ready", unsaid=True))
    return ready or frozenset(_name(endpoint) for endpoint in found if _ends_but_serves(endpoint))


def _ends_but_serves(endpoint: Object) -> bool:
    return _is(endpoint, "serving", unsaid=True) and _is(endpoint, "terminating", unsaid=False)


def _is(endpoint: Object, condition: str, *, unsaid: bool) -> bool:
    """A condition of an endpoint; `unsaid` where the API leaves it out."""
    found = (endpoint.get("conditions") or {}).get(condition)
    return unsaid if found is None else bool(found)


def _name(endpoint: Object) -> str:
    pod = (endpoint.get("targetRef") or {}).get("name")
    return str(pod or ", ".join(endpoint.get("addresses") or ()))
