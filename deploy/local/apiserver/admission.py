"""What the server sets itself: cluster addresses of Services, the first status of a pod, the status of a CRD."""

import ipaddress
from typing import Any

from . import errors, quotas, validation
from .kinds import Resource
from .store import View

Json = dict[str, Any]


class ClusterAddresses:
    """Gives each Service an address of the service range; what is taken is read from the Services themselves."""

    def __init__(self, cidr: str) -> None:
        self._network = ipaddress.IPv4Network(cidr)
        self._next = 10  # the low addresses stay free for Services that ask for a fixed one

    def assign(self, view: View, obj: Json, current: Json | None = None) -> None:
        """Set spec.clusterIP and clusterIPs. Raises ApiError 422 when the asked address cannot be had."""
        spec = obj["spec"]
        if spec.get("type") == "ExternalName":
            return
        had = ((current or {}).get("spec") or {}).get("clusterIP")
        asked = spec.get("clusterIP") or had
        if had and asked != had:
            self._refuse(obj, asked, "may not change once set")
        if not asked:
            asked = self._free(view, obj)
        elif asked != "None" and not had:
            self._check(view, obj, asked)
        spec["clusterIP"], spec["clusterIPs"] = asked, [asked]

    def _taken(self, view: View) -> set[str]:
        return {record.obj["spec"].get("clusterIP", "") for record in view.values("services")}

    def _free(self, view: View, obj: Json) -> str:
        taken, size = self._taken(view), self._network.num_addresses
        for step in range(size):
            # Onwards from the last one given, so that a freed address is not at once another Service's.
            offset = 1 + (self._next + step - 1) % (size - 2)
            address = str(self._network[offset])
            if address not in taken:
                self._next = offset + 1
                return address
        return self._refuse(obj, "", f"no address is left in {self._network}")

    def _check(self, view: View, obj: Json, asked: str) -> None:
        try:
            inside = ipaddress.IPv4Address(asked) in self._network
        except ValueError:
            inside = False
        if not inside:
            why = f"provided IP is not in the valid range. The range of valid IPs is {self._network}"
            self._refuse(obj, asked, f"failed to allocate IP {asked}: {why}")
        if asked in self._taken(view):
            self._refuse(obj, asked, f"failed to allocate IP {asked}: provided IP is already allocated")

    def _refuse(self, obj: Json, asked: str | None, why: str) -> str:
        field = validation.invalid_value("spec.clusterIP", asked, why)
        raise errors.invalid("Service", obj["metadata"]["name"], [field])


def on_create(view: View, resource: Resource, obj: Json, addresses: ClusterAddresses) -> None:
    """Raises ApiError 403 where there is no room for a pod, 422 where a Service cannot have the address it asks for."""
    match resource.storage:
        case "services":
            addresses.assign(view, obj)
            obj["status"] = {"loadBalancer": {}}
        case "pods":
            quotas.check_pod(view, obj)
            obj["status"] = {"phase": "Pending", "qosClass": _qos_class(obj)}
        case "namespaces":
            obj["status"] = {"phase": "Active"}
        case "customresourcedefinitions.apiextensions.k8s.io":
            obj["status"] = _established(resource, obj)


def on_update(view: View, resource: Resource, obj: Json, current: Json, addresses: ClusterAddresses) -> None:
    if resource.storage == "services":
        addresses.assign(view, obj, current)
    elif resource.storage == "customresourcedefinitions.apiextensions.k8s.io":
        obj["status"] = _established(resource, obj)


def _qos_class(obj: Json) -> str:
    """Guaranteed, Burstable or BestEffort, by what the containers ask for."""
    resources = [container.get("resources") or {} for container in obj["spec"].get("containers") or []]
    if not any(entry.get("requests") or entry.get("limits") for entry in resources):
        return "BestEffort"
    for entry in resources:
        limits, requests = entry.get("limits") or {}, entry.get("requests") or {}
        if not {"cpu", "memory"} <= set(limits) or any(requests.get(k, v) != v for k, v in limits.items()):
            return "Burstable"
    return "Guaranteed"


def _established(resource: Resource, obj: Json) -> Json:
    validation.check(resource, obj)
    names = obj["spec"]["names"]
    moment = obj["metadata"]["creationTimestamp"]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": moment, "reason": reason, "message": message}
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    stored = [version["name"] for version in obj["spec"]["versions"] if version.get("storage")]
    return {"acceptedNames": names, "conditions": conditions, "storedVersions": stored}
