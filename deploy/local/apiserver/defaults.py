"""The values the API fills in when a manifest leaves them out, as far as clients and controllers rely on them.

Every function changes the object it is given, which is a fresh copy, and leaves what is set alone.
"""

import base64
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def fill(storage: str, obj: Json) -> None:
    """Fill the defaults of an object of this resource in."""
    rule = _RULES.get(storage)
    if rule is not None:
        rule(obj)


def _set(target: Json, **values: Any) -> None:
    for key, value in values.items():
        if target.get(key) is None:
            target[key] = value


def _pod(obj: Json) -> None:
    _set(obj.setdefault("spec", {}), serviceAccountName="default")
    pod_spec(obj["spec"])
    _set(obj["spec"], enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0)
    for container in _dicts(obj["spec"].get("containers")):
        resources = container["resources"]
        if isinstance(resources, dict) and isinstance(resources.get("limits"), dict):
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def pod_spec(spec: Any) -> None:
    if not isinstance(spec, dict):
        return
    _set(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        schedulerName="default-scheduler",
        securityContext={},
    )
    if spec.get("serviceAccountName"):
        _set(spec, serviceAccount=spec["serviceAccountName"])
    for container in (*_dicts(spec.get("containers")), *_dicts(spec.get("initContainers"))):
        _container(container)
    for volume in _dicts(spec.get("volumes")):
        for kind in ("configMap", "secret", "projected", "downwardAPI"):
            if isinstance(volume.get(kind), dict):
                _set(volume[kind], defaultMode=420)


def _container(container: Json) -> None:
    image = str(container.get("image") or "")
    tag = image.rpartition("/")[2]
    latest = (":" not in tag and "@" not in tag) or tag.endswith(":latest")
    _set(
        container,
        imagePullPolicy="Always" if latest else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        resources={},
    )
    for port in _dicts(container.get("ports")):
        _set(port, protocol="TCP")
    for variable in _dicts(container.get("env")):
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if isinstance(reference, dict):
            _set(reference, apiVersion="v1")
    for name in _PROBES:
        if isinstance(container.get(name), dict):
            _probe(container[name])


def _probe(probe: Json) -> None:
    _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if isinstance(probe.get("httpGet"), dict):
        _set(probe["httpGet"], path="/", scheme="HTTP")


def _template(obj: Json) -> Json:
    spec: Json = obj.setdefault("spec", {})
    template = spec.get("template")
    if isinstance(template, dict):
        pod_spec(template.setdefault("spec", {}))
    return spec


def _deployment(obj: Json) -> None:
    spec = _template(obj)
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    _set(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _set(spec["strategy"], rollingUpdate={})
        _set(spec["strategy"]["rollingUpdate"], maxSurge="25%", maxUnavailable="25%")


def _replica_set(obj: Json) -> None:
    _set(_template(obj), replicas=1)


def _stateful_set(obj: Json) -> None:
    spec = _template(obj)
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", updateStrategy={})
    _set(spec["updateStrategy"], type="RollingUpdate")


def _daemon_set(obj: Json) -> None:
    spec = _template(obj)
    _set(spec, revisionHistoryLimit=10, updateStrategy={"type": "RollingUpdate"})


def _job(obj: Json) -> None:
    _set(_template(obj), parallelism=1, completions=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)


def _cron_job(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _set(
        spec,
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )


def _service(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster", ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"])
    for port in _dicts(spec.get("ports")):
        _set(port, protocol="TCP", targetPort=port.get("port"))


def _endpoint_slice(obj: Json) -> None:
    for port in _dicts(obj.get("ports")):
        _set(port, name="", protocol="TCP")


def _autoscaler(obj: Json) -> None:
    _set(obj.setdefault("spec", {}), minReplicas=1)


def _namespace(obj: Json) -> None:
    _set(obj.setdefault("spec", {}), finalizers=["kubernetes"])
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")


def _secret(obj: Json) -> None:
    plain = obj.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}
    _set(obj, type="Opaque")


def _binding(obj: Json) -> None:
    group = "rbac.authorization.k8s.io"
    if isinstance(obj.get("roleRef"), dict):
        _set(obj["roleRef"], apiGroup=group)
    for subject in _dicts(obj.get("subjects")):
        _set(subject, **({} if subject.get("kind") == "ServiceAccount" else {"apiGroup": group}))


def _network_policy(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, policyTypes=["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _dicts(value: Any) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


_RULES: dict[str, Callable[[Json], None]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "namespaces": _namespace,
    "secrets": _secret,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "networkpolicies.networking.k8s.io": _network_policy,
}
