"""What an alert says by its labels: how bad it is, and of which service and track it speaks.

Rules of other people use other labels and other words than ours. What is not understood is told as such. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dashboard.model.alert import Alert
from dashboard.model.release import GovernedService, Track
from dashboard.model.words import SEVERITIES, Severity, Vocabulary, shown

_SEVERITY = ("severity", "priority", "level", "urgency", "sev", "criticality")
# Of a pair the one with `exported_` is of the thing itself: the other one is of the exporter that tells of it.
_NAMESPACE = ("exported_namespace", "namespace", "k8s_namespace_name", "kubernetes_namespace")
_SERVICE = ("service_name", "exported_service_name")
_WORKLOAD = (
    "deployment",
    "exported_deployment",
    "statefulset",
    "daemonset",
    "rollout",
    "k8s_deployment_name",
    "workload",
)
_POD = ("exported_pod", "pod", "k8s_pod_name", "pod_name", "kubernetes_pod_name")
_TRACK = ("track", "tealdeck_track", "label_tealdeck_io_track", "tealdeck_io_track")
# In many rules these name the exporter, so whatever is more exact is looked at before.
_LOOSE_SERVICE = ("exported_service", "service", "app_kubernetes_io_name", "app", "kubernetes_service")

_ORDINAL = re.compile(r"\d{1,4}")


def severity(alert: Alert, words: Vocabulary[Severity] = SEVERITIES) -> Severity:
    """The worst that its labels say; UNKNOWN where one of them is not understood, or none says anything."""
    meanings = [words.meaning(alert.labels[label]) for label in _SEVERITY if alert.labels.get(label)]
    if not meanings:
        return words.meaning("") or Severity.UNKNOWN
    ranked = list(Severity)
    return min((meaning or Severity.UNKNOWN for meaning in meanings), key=ranked.index)


def said_severity(alert: Alert, words: Vocabulary[Severity] = SEVERITIES) -> str:
    """The words of its severity that are not understood, shown as they are; "" where all are."""
    said = [alert.labels[label] for label in _SEVERITY if alert.labels.get(label)] or [""]
    unknown = [shown(word) for word in said if words.meaning(word) is None]
    return ", ".join(unknown)


def namespace(labels: Mapping[str, str]) -> str:
    """The namespace of what an alert speaks of; "" where it is bound to none."""
    return _first(labels, _NAMESPACE)


def place(labels: Mapping[str, str]) -> tuple[str, str]:
    """Service and track that labels speak of; taken from the workload's name where only that is known."""
    track, workload = _first(labels, _TRACK), workload_of(labels)
    service, of_workload = _without_track(workload)
    named = _first(labels, _SERVICE)
    if named:
        return named, track or (of_workload if service == named else "")
    if workload:
        return service, track or of_workload
    return _first(labels, _LOOSE_SERVICE), track


def workload_of(labels: Mapping[str, str]) -> str:
    """The Deployment, or another workload, that labels name, or that the pod belongs to by its name; "" if none."""
    if named := _first(labels, _WORKLOAD):
        return named
    if replica_set := labels.get("replicaset", ""):
        return replica_set.rpartition("-")[0] or replica_set
    return workload_of_pod(_first(labels, _POD))


def workload_of_pod(pod: str) -> str:
    """The workload of a pod: a Deployment's has a hash and five letters after its name, a StatefulSet's a number."""
    parts = pod.rsplit("-", 1 if _ORDINAL.fullmatch(pod.rpartition("-")[2]) else 2)
    return parts[0] if len(parts) > 1 else pod


def concerns(alert: Alert, service: GovernedService, candidate: Track) -> bool:
    """Whether an alert speaks of this track of the service, or of the service without saying which."""
    labels = alert.labels
    if namespace(labels) not in ("", service.namespace):
        return False
    workload = workload_of(labels)
    for track, status in service.tracks.items():
        if workload == status.deployment:
            return track == candidate
    named = _first(labels, _SERVICE) or ("" if workload else _first(labels, _LOOSE_SERVICE))
    if named and named == service.preview_service:
        return candidate == service.preview
    said = _first(labels, _TRACK)
    return named == service.name and (said == candidate or said not in service.tracks)


def by_severity(alerts: Iterable[Alert], words: Vocabulary[Severity] = SEVERITIES) -> dict[Severity, list[Alert]]:
    """Alerts by severity, each list with the oldest first."""
    found: dict[Severity, list[Alert]] = {level: [] for level in Severity}
    for alert in sorted(alerts, key=lambda one: (one.starts_at, one.name)):
        found[severity(alert, words)].append(alert)
    return found


def _without_track(workload: str) -> tuple[str, str]:
    for track in Track:
        if workload.endswith(f"-{track}"):
            return workload.removesuffix(f"-{track}"), track.value
    return workload, ""


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
