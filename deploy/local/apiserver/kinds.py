"""Which kinds the server knows: the built-in table, and the kinds that CustomResourceDefinitions add while it runs.

Everything else in the server is generic and asks a `Resource` for the little that differs. A custom kind may be served
in several versions: they share one `storage` name and differ in `apiVersion` alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import errors

Json = dict[str, Any]
ALL_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One plural under one group and version, and what sets it apart."""

    group: str
    version: str
    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    generation: bool = False  # counts changes outside metadata and status in metadata.generation
    unconditional_update: bool = True  # a PUT may leave the resourceVersion out
    create_only: bool = False  # a question answered on the spot (reviews), never stored
    custom: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def storage(self) -> str:
        """The name under which objects are kept; equal for all versions of a resource."""
        return self.qualified

    @property
    def qualified(self) -> str:
        """`deployments.apps`: how messages name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def verbs(self) -> tuple[str, ...]:
        return ("create",) if self.create_only else ALL_VERBS

    def has_status(self) -> bool:
        return "status" in self.subresources


def _resource(api_version: str, kind: str, plural: str, short: str = "", **rest: Any) -> Resource:
    group, _, version = api_version.rpartition("/")
    return Resource(group=group, version=version, kind=kind, plural=plural, short_names=tuple(short.split()), **rest)


_STATUS = ("status",)
_SCALED = ("status", "scale")
_ALL = ("all",)
_RBAC = "rbac.authorization.k8s.io/v1"
_AUTHORIZATION = "authorization.k8s.io/v1"

BUILT_IN: tuple[Resource, ...] = (
    _resource("v1", "ConfigMap", "configmaps", "cm"),
    _resource("v1", "Endpoints", "endpoints", "ep"),
    _resource("v1", "Event", "events", "ev"),
    _resource("v1", "Namespace", "namespaces", "ns", namespaced=False, subresources=_STATUS),
    _resource("v1", "Node", "nodes", "no", namespaced=False, subresources=_STATUS),
    _resource(
        "v1",
        "Pod",
        "pods",
        "po",
        subresources=("status", "log", "binding", "eviction"),
        categories=_ALL,
        generation=True,
    ),
    _resource("v1", "ResourceQuota", "resourcequotas", "quota", subresources=_STATUS),
    _resource("v1", "Secret", "secrets"),
    _resource("v1", "Service", "services", "svc", subresources=_STATUS, categories=_ALL),
    _resource("v1", "ServiceAccount", "serviceaccounts", "sa", subresources=("token",)),
    _resource("apps/v1", "DaemonSet", "daemonsets", "ds", subresources=_STATUS, categories=_ALL, generation=True),
    _resource("apps/v1", "Deployment", "deployments", "deploy", subresources=_SCALED, categories=_ALL, generation=True),
    _resource("apps/v1", "ReplicaSet", "replicasets", "rs", subresources=_SCALED, categories=_ALL, generation=True),
    _resource("apps/v1", "StatefulSet", "statefulsets", "sts", subresources=_SCALED, categories=_ALL, generation=True),
    _resource("batch/v1", "CronJob", "cronjobs", "cj", subresources=_STATUS, categories=_ALL, generation=True),
    _resource("batch/v1", "Job", "jobs", subresources=_STATUS, categories=_ALL, generation=True),
    _resource(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "hpa",
        subresources=_STATUS,
        categories=_ALL,
    ),
    _resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", subresources=_STATUS, generation=True),
    _resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol", generation=True),
    _resource(_RBAC, "ClusterRole", "clusterroles", namespaced=False),
    _resource(_RBAC, "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _resource(_RBAC, "Role", "roles"),
    _resource(_RBAC, "RoleBinding", "rolebindings"),
    _resource("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "pc", namespaced=False, generation=True),
    _resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", generation=True),
    _resource("coordination.k8s.io/v1", "Lease", "leases", unconditional_update=False),
    _resource(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "crd crds",
        namespaced=False,
        subresources=_STATUS,
        generation=True,
        unconditional_update=False,
    ),
    _resource(
        _AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False, create_only=True
    ),
    _resource(_AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews", namespaced=False, create_only=True),
    _resource(
        "authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False, create_only=True
    ),
)


class Kinds:
    """The resources served now. Not safe for threads; the server is one event loop."""

    def __init__(self) -> None:
        self._by_path = {(r.group, r.version, r.plural): r for r in BUILT_IN}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_path.values())

    def find(self, group: str, version: str, plural: str) -> Resource:
        """The resource under this path. Raises ApiError 404."""
        found = self._by_path.get((group, version, plural))
        if found is None:
            raise errors.no_such_path()
        return found

    def stored(self) -> dict[str, Resource]:
        """One resource per storage name: the first version wins, which is the one objects are kept in."""
        chosen: dict[str, Resource] = {}
        for resource in self:
            if not resource.create_only:
                chosen.setdefault(resource.storage, resource)
        return chosen

    def define(self, definition: Json) -> None:
        """Serve what a CustomResourceDefinition describes, in place of what it described before."""
        self.forget(definition)
        for resource in _custom(definition["spec"]):
            self._by_path[(resource.group, resource.version, resource.plural)] = resource

    def forget(self, definition: Json) -> None:
        spec = definition["spec"]
        key = (spec["group"], spec["names"]["plural"])
        self._by_path = {path: r for path, r in self._by_path.items() if not (r.custom and (path[0], path[2]) == key)}


def _custom(spec: Json) -> Iterator[Resource]:
    names = spec["names"]
    # The storage version comes first: `Kinds.stored` keeps objects in it.
    for version in sorted(spec["versions"], key=lambda entry: not entry.get("storage")):
        if not version.get("served"):
            continue
        yield Resource(
            group=spec["group"],
            version=version["name"],
            kind=names["kind"],
            plural=names["plural"],
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            namespaced=spec["scope"] == "Namespaced",
            subresources=("status",) if "status" in (version.get("subresources") or {}) else (),
            generation=True,
            unconditional_update=False,
            custom=True,
        )
