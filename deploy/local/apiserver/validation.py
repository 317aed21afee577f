"""What makes an object unacceptable, as a list of causes with field paths, the way clients show them (422)."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from . import errors, selectors
from .kinds import BUILT_IN, Resource

Json = dict[str, Any]
Causes = Iterator[Json]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PATH_SEGMENT = re.compile(r"(?!\.\.?$)[^/%]+")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_BUILT_IN_GROUPS = {resource.group for resource in BUILT_IN}
_PROTECTED = (".k8s.io", ".kubernetes.io")
_APPROVED = "api-approved.kubernetes.io"
_APPROVAL_RULE = "https://github.com/kubernetes/enhancements/pull/1111"
_QUANTITY = re.compile(r"[+-]?(\d+|\d+\.\d*|\.\d+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?\d+))?")


def cause(reason: str, field: str, message: str) -> Json:
    return {"reason": reason, "message": message, "field": field}


def required(field: str, why: str = "") -> Json:
    return cause("FieldValueRequired", field, f"Required value{f': {why}' if why else ''}")


def invalid_value(field: str, value: Any, why: str) -> Json:
    shown = f'"{value}"' if isinstance(value, str) else _shown(value)
    return cause("FieldValueInvalid", field, f"Invalid value: {shown}: {why}")


def unsupported(field: str, value: Any, allowed: tuple[str, ...]) -> Json:
    listed = ", ".join(f'"{name}"' for name in allowed)
    return cause("FieldValueNotSupported", field, f'Unsupported value: "{value}": supported values: {listed}')


def check(resource: Resource, obj: Json, current: Json | None = None) -> None:
    """Refuse an object that breaks the rules of its kind. Raises ApiError 422 with every cause."""
    # The first two make sure of what the rules then take for granted.
    causes = [*_metadata(resource, obj["metadata"]), *_expressions(obj, "")]
    rule = _RULES.get(resource.storage)
    if rule is not None and not causes:
        causes += rule(obj)
    if current is not None and not causes:
        causes += _immutable(resource, obj, current)
    if causes:
        raise errors.invalid(resource.qualified_kind, obj["metadata"].get("name", ""), causes)


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()


def _metadata(resource: Resource, metadata: Json) -> Causes:
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    else:
        pattern, limit, rule = _name_rule(resource)
        if len(name) > limit:
            yield invalid_value("metadata.name", name, f"must be no more than {limit} characters")
        elif not pattern.fullmatch(name):
            yield invalid_value("metadata.name", name, rule)
    yield from _labels(metadata.get("labels") or {}, "metadata.labels")
    yield from _owners(metadata)
    for key in metadata.get("annotations") or {}:
        if not _is_qualified(key.lower()):
            yield invalid_value("metadata.annotations", key, "name part must consist of alphanumeric characters")


def _expressions(value: Any, path: str) -> Causes:
    """The terms of every selector in the object, wherever it stands."""
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _expressions(entry, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, entry in value.items():
            inner = f"{path}.{name}" if path else name
            if name == "matchExpressions" and isinstance(entry, list):
                for index, term in enumerate(entry):
                    yield from _expression(term, f"{inner}[{index}]")
            else:
                yield from _expressions(entry, inner)


def _expression(term: Any, field: str) -> Causes:
    if not isinstance(term, dict) or not _is_qualified(str(term.get("key", ""))):
        yield required(f"{field}.key", "must be a label key")
    elif term.get("operator") not in _OPERATORS:
        yield unsupported(f"{field}.operator", term.get("operator", ""), _OPERATORS)


_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def _owners(metadata: Json) -> Causes:
    for index, owner in enumerate(metadata.get("ownerReferences") or []):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield required(f"metadata.ownerReferences[{index}].{name}", "must not be empty")


def _name_rule(resource: Resource) -> tuple[re.Pattern[str], int, str]:
    """The pattern and length that names of this resource keep to, and how the rule reads."""
    if resource.group == "rbac.authorization.k8s.io":
        return _PATH_SEGMENT, 253, "may not be '.' or '..' or contain '/' or '%'"
    if resource.storage == "services":
        return _SERVICE, 63, f"a DNS-1035 label {_MUST} '-', start with an alphabetic character, and {_END}"
    if resource.storage == "namespaces":
        return _LABEL, 63, f"a lowercase RFC 1123 label {_MUST} '-', and must start and {_END}"
    return _SUBDOMAIN, 253, f"a lowercase RFC 1123 subdomain {_MUST} '-' or '.', and must start and {_END}"


_MUST = "must consist of lower case alphanumeric characters or"
_END = "end with an alphanumeric character"


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253):
        return False
    return len(name) <= 63 and _LABEL_NAME.fullmatch(name) is not None


def _labels(labels: Json, field: str) -> Causes:
    for key, value in labels.items():
        if not _is_qualified(key):
            yield invalid_value(field, key, "name part must consist of alphanumeric characters, '-', '_' or '.'")
        if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            yield invalid_value(
                field, value, "a valid label must be an empty string or consist of alphanumeric characters"
            )


def _pod(obj: Json) -> Causes:
    return _pod_spec(obj.get("spec") or {}, "spec")


def _pod_spec(spec: Json, field: str) -> Causes:
    if not spec.get("containers"):
        yield required(f"{field}.containers")
    if spec.get("restartPolicy") not in ("Always", "OnFailure", "Never"):
        yield unsupported(f"{field}.restartPolicy", spec.get("restartPolicy"), ("Always", "OnFailure", "Never"))
    seen: set[str] = set()
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or []):
            path = f"{field}.{group}[{index}]"
            yield from _container(container, path, volumes)
            if container.get("name") in seen:
                yield cause("FieldValueDuplicate", f"{path}.name", f'Duplicate value: "{container["name"]}"')
            seen.add(container.get("name", ""))


def _container(container: Json, field: str, volumes: set[Any]) -> Causes:
    name = container.get("name")
    if not name:
        yield required(f"{field}.name")
    elif not _LABEL.fullmatch(name) or len(name) > 63:
        yield invalid_value(f"{field}.name", name, "a lowercase RFC 1123 label must consist of lower case characters")
    if not container.get("image"):
        yield required(f"{field}.image")
    for index, port in enumerate(container.get("ports") or []):
        if not _is_port(port.get("containerPort")):
            yield invalid_value(f"{field}.ports[{index}].containerPort", port.get("containerPort"), _PORT_RULE)
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            yield cause(
                "FieldValueNotFound", f"{field}.volumeMounts[{index}].name", f'Not found: "{mount.get("name")}"'
            )
    for group in ("requests", "limits"):
        for key, value in ((container.get("resources") or {}).get(group) or {}).items():
            if not _QUANTITY.fullmatch(str(value)):
                yield invalid_value(f"{field}.resources.{group}[{key}]", value, "quantities must match the format")


_PORT_RULE = "must be between 1 and 65535, inclusive"


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and 1 <= value <= 65535


def _workload(obj: Json) -> Causes:
    spec = obj.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        yield required("spec.selector")
    elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
        yield invalid_value("spec.selector", selector, "empty selector is invalid for deployment")
    elif not selectors.matches(selector, labels):
        yield invalid_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    replicas = spec.get("replicas", 1)
    if not isinstance(replicas, int) or replicas < 0:
        yield invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
    yield from _labels(labels, "spec.template.metadata.labels")
    yield from _pod_spec(template.get("spec") or {}, "spec.template.spec")
    if (template.get("spec") or {}).get("restartPolicy") in ("OnFailure", "Never"):
        yield unsupported("spec.template.spec.restartPolicy", template["spec"]["restartPolicy"], ("Always",))


def _job(obj: Json) -> Causes:
    template = (obj.get("spec") or {}).get("template") or {}
    yield from _pod_spec(template.get("spec") or {}, "spec.template.spec")
    if (template.get("spec") or {}).get("restartPolicy") == "Always":
        yield unsupported("spec.template.spec.restartPolicy", "Always", ("OnFailure", "Never"))


def _service(obj: Json) -> Causes:
    spec = obj["spec"]
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec.get("type") not in kinds:
        yield unsupported("spec.type", spec.get("type"), kinds)
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    names: set[str] = set()
    for index, port in enumerate(ports):
        if not _is_port(port.get("port")):
            yield invalid_value(f"spec.ports[{index}].port", port.get("port"), _PORT_RULE)
        name = port.get("name", "")
        if not name and len(ports) > 1:
            yield required(f"spec.ports[{index}].name")
        elif name in names:
            yield cause("FieldValueDuplicate", f"spec.ports[{index}].name", f'Duplicate value: "{name}"')
        names.add(name)
    yield from _labels(spec.get("selector") or {}, "spec.selector")


def _endpoint_slice(obj: Json) -> Causes:
    if obj.get("addressType") not in ("IPv4", "IPv6", "FQDN"):
        yield unsupported("addressType", obj.get("addressType"), ("FQDN", "IPv4", "IPv6"))
        return
    for index, endpoint in enumerate(obj.get("endpoints") or []):
        if not endpoint.get("addresses"):
            yield required(f"endpoints[{index}].addresses", "must contain at least 1 address")
        for place, address in enumerate(endpoint.get("addresses") or []):
            if obj["addressType"] != "FQDN":
                yield from _endpoint_address(address, f"endpoints[{index}].addresses[{place}]")


def _endpoints(obj: Json) -> Causes:
    for index, subset in enumerate(obj.get("subsets") or []):
        for group in ("addresses", "notReadyAddresses"):
            for place, entry in enumerate(subset.get(group) or []):
                yield from _endpoint_address(entry.get("ip", ""), f"subsets[{index}].{group}[{place}].ip")


def _endpoint_address(text: str, field: str) -> Causes:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        yield invalid_value(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
        return
    if address.is_loopback:
        yield invalid_value(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    elif address.is_link_local:
        yield invalid_value(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    elif address.is_unspecified:
        yield invalid_value(field, text, "may not be unspecified (0.0.0.0 or ::)")


def _config(obj: Json) -> Causes:
    for group in ("data", "binaryData"):
        for key, value in (obj.get(group) or {}).items():
            if not _CONFIG_KEY.fullmatch(key) or len(key) > 253:
                yield invalid_value(
                    f"{group}[{key}]", key, "a valid config key must consist of alphanumeric characters"
                )
            if not isinstance(value, str):
                yield invalid_value(f"{group}[{key}]", value, "must be a string")


def _autoscaler(obj: Json) -> Causes:
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if high < 1:
        yield invalid_value("spec.maxReplicas", high, "must be greater than 0")
    elif high < low:
        yield invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    if not (spec.get("scaleTargetRef") or {}).get("name"):
        yield required("spec.scaleTargetRef.name")


def _disruption_budget(obj: Json) -> Causes:
    spec = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield invalid_value("spec", spec, "minAvailable and maxUnavailable cannot be both set")


def _role_binding(obj: Json) -> Causes:
    reference = obj.get("roleRef") or {}
    if reference.get("kind") not in ("Role", "ClusterRole"):
        yield unsupported("roleRef.kind", reference.get("kind", ""), ("Role", "ClusterRole"))
    if not reference.get("name"):
        yield required("roleRef.name")


def _definition(obj: Json) -> Causes:
    spec = obj.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(names, dict):
        yield required("spec.names")
        return
    for name in ("plural", "kind"):
        if not isinstance(names.get(name), str) or not names[name]:
            yield required(f"spec.names.{name}")
    group = spec.get("group")
    if not isinstance(group, str) or "." not in group or group in _BUILT_IN_GROUPS:
        yield invalid_value("spec.group", group, "should be a domain with at least one dot, and no built-in one")
    elif f".{group}".endswith(_PROTECTED) and _APPROVED not in (obj["metadata"].get("annotations") or {}):
        why = f'protected groups must have approval annotation "{_APPROVED}", see {_APPROVAL_RULE}'
        yield required(f"metadata.annotations[{_APPROVED}]", why)
    if obj["metadata"]["name"] != f"{names.get('plural')}.{group}":
        yield invalid_value("metadata.name", obj["metadata"]["name"], 'must be spec.names.plural+"."+spec.group')
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        yield unsupported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"))
    versions = spec.get("versions")
    if not isinstance(versions, list) or not all(isinstance(v, dict) and v.get("name") for v in versions):
        yield required("spec.versions")
    elif sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid_value("spec.versions", [], "must have exactly one version marked as storage version")


# Fields that an update may not change, as paths.
_FIXED: dict[str, tuple[str, ...]] = {
    "deployments.apps": ("spec.selector",),
    "replicasets.apps": ("spec.selector",),
    "statefulsets.apps": ("spec.selector", "spec.serviceName", "spec.podManagementPolicy"),
    "daemonsets.apps": ("spec.selector",),
    "jobs.batch": ("spec.selector", "spec.template", "spec.completionMode"),
    "endpointslices.discovery.k8s.io": ("addressType",),
    "secrets": ("type",),
    "rolebindings.rbac.authorization.k8s.io": ("roleRef",),
    "clusterrolebindings.rbac.authorization.k8s.io": ("roleRef",),
    "priorityclasses.scheduling.k8s.io": ("value", "preemptionPolicy"),
}
_POD_MAY_CHANGE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")


def _immutable(resource: Resource, obj: Json, current: Json) -> Causes:
    for path in _FIXED.get(resource.storage, ()):
        if _at(obj, path) != _at(current, path):
            yield invalid_value(path, _at(obj, path), "field is immutable")
    if current.get("immutable") and any(obj.get(name) != current.get(name) for name in ("data", "binaryData")):
        yield cause("FieldValueForbidden", "data", "Forbidden: field is immutable when `immutable` is set")
    if resource.storage == "pods" and _fixed_pod_spec(obj) != _fixed_pod_spec(current):
        listed = ", ".join(f"`spec.{name}`" for name in ("containers[*].image", *_POD_MAY_CHANGE))
        message = f"Forbidden: pod updates may not change fields other than {listed}"
        yield cause("FieldValueForbidden", "spec", message)


def _at(obj: Json, path: str) -> Any:
    found: Any = obj
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _fixed_pod_spec(obj: Json) -> Json:
    spec = {key: value for key, value in obj["spec"].items() if key not in _POD_MAY_CHANGE}
    for group in ("containers", "initContainers"):
        spec[group] = [{**container, "image": ""} for container in spec.get(group) or []]
    return spec


_RULES: dict[str, Callable[[Json], Causes]] = {
    "pods": _pod,
    "deployments.apps": _workload,
    "replicasets.apps": _workload,
    "statefulsets.apps": _workload,
    "daemonsets.apps": _workload,
    "jobs.batch": _job,
    "services": _service,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "endpoints": _endpoints,
    "configmaps": _config,
    "secrets": _config,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "poddisruptionbudgets.policy": _disruption_budget,
    "rolebindings.rbac.authorization.k8s.io": _role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _role_binding,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
}
