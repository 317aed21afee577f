"""What the labels of an alert say: its severity, and which service and track it is about.

Other people's rules use other labels and words than ours. What is not understood is reported as such. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from dashboard.model.alert import Alert
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.release import GovernedService, Track
from dashboard.model.words import SEVERITIES, Severity, Vocabulary, shown

_SEVERITY = ("severity", "priority", "level", "urgency", "sev", "criticality")
# Of a pair the one with `exported_` is of the thing itself: the other one is of the exporter that tells of it. A mesh
# calls the side that answers the destination.
_NAMESPACE = (
    "exported_namespace",
    "destination_workload_namespace",
    "destination_service_namespace",
    "namespace",
    "k8s_namespace_name",
    "kubernetes_namespace",
)
_SERVICE = ("service_name", "exported_service_name", "sloth_service")
_WORKLOAD = (
    "exported_deployment",
    "exported_statefulset",
    "exported_daemonset",
    "destination_workload",
    "deployment",
    "statefulset",
    "daemonset",
    "rollout",
    "k8s_deployment_name",
    "workload",
    "horizontalpodautoscaler",
)
_REPLICA_SET = ("exported_replicaset", "replicaset", "k8s_replicaset_name")
_POD = ("exported_pod", "pod", "k8s_pod_name", "pod_name", "kubernetes_pod_name")
_TRACK = ("track", "tealdeck_track", "label_tealdeck_io_track", "tealdeck_io_track")
_NO_SIGN = re.compile(r"[^A-Za-z0-9_]")
# In many rules these name the exporter, so whatever is more exact is looked at before.
_LOOSE_SERVICE: Final = (
    "exported_service",
    "destination_service_name",
    "destination_service",
    "service",
    "app_kubernetes_io_name",
    "app",
    "kubernetes_service",
)
# The name of a scrape: often that of a service, as often one for all targets, such as "kubernetes-pods".
_SCRAPE: Final = ("exported_job", "job")
SERVICE_LABELS: Final = frozenset((*_SERVICE, *_LOOSE_SERVICE, *_SCRAPE))
# Labels that never name a workload or service that could fail, whatever their value.
_ELSEWHERE = re.compile(
    r"alertname|severity|(.*_)?(namespace|container|cluster|team|owner|track)|(source|client)(_.*)?|prometheus|runbook.*"
)
_EXPORTER = re.compile(r"kube-state-metrics|exporter|kubelet|cadvisor|prometheus")
# A word before a name that tells what the name is of, as in `deployment/agent-runtime`.
_KINDS = frozenset(
    ("deployment", "deploy", "rollout", "statefulset", "daemonset", "replicaset", "pod", "service", "svc")
) | {"podMonitor", "serviceMonitor"}
# Kubernetes cuts the name that it generates a pod's name from, and then adds five letters.
_LONGEST_STEM, _LONGEST_POD = 58, 63
_CUT_HASH = re.compile(r"(-[bcdfghjklmnpqrstvwxz2456789]{1,10})?-?$")

_ORDINAL = re.compile(r"\d{1,4}")


def severity(alert: Alert, words: Vocabulary[Severity] = SEVERITIES) -> Severity:
    """The worst severity in its labels; UNKNOWN where one of them is not understood, or none states a severity."""
    meanings = [words.meaning(alert.labels[label]) for label in _SEVERITY if alert.labels.get(label)]
    if not meanings:
        return words.meaning("") or Severity.UNKNOWN
    ranked = list(Severity)
    return min((meaning or Severity.UNKNOWN for meaning in meanings), key=ranked.index)


def said_severity(alert: Alert, words: Vocabulary[Severity] = SEVERITIES) -> str:
    """Its severity words that are not understood, as written; "" where all are understood."""
    said = [alert.labels[label] for label in _SEVERITY if alert.labels.get(label)] or [""]
    unknown = [shown(word) for word in said if words.meaning(word) is None]
    return ", ".join(unknown)


def namespace(labels: Mapping[str, str]) -> str:
    """The namespace that an alert is about; "" where it names none."""
    return _first(labels, _NAMESPACE)


def place(labels: Mapping[str, str], tracks: BlueGreen = OURS, known: Collection[str] = ()) -> tuple[str, str]:
    """Service and track that labels are about; taken from the workload's name where only that is known.

    Args:
        tracks: what tracks are called there. The answer has the deck's words.
        known: the services and workloads that are there. The name of a scrape job counts only where it is one of them,
            or ends in a track: many are one name for all targets.
    """
    service, said = _placed(labels, tracks, known)
    return service, tracks.word(said, service)


def _placed(labels: Mapping[str, str], tracks: BlueGreen, known: Collection[str]) -> tuple[str, str]:
    track, workload = _said_track(labels, tracks), workload_of(labels)
    service, of_workload = _without_track(workload, tracks)
    named = _first(labels, _SERVICE)
    if named and not (workload and _EXPORTER.search(named)):
        return named, track or (of_workload if service == named else "")
    loose = _qualified(_first(labels, _LOOSE_SERVICE))[0] or _of_scrape(labels, tracks, known)
    if workload and (not loose or not _EXPORTER.search(workload) or _EXPORTER.search(loose)):
        return service, track or of_workload
    service, of_loose = _without_track(loose, tracks)
    return service, track or of_loose


def _of_scrape(labels: Mapping[str, str], tracks: BlueGreen, known: Collection[str]) -> str:
    """The service or workload that the name of a scrape is; "" where it may be a name for many."""
    name, _ = _qualified(_first(labels, _SCRAPE))
    return name if name in known or _without_track(name, tracks)[1] else ""


def names_nobody(labels: Mapping[str, str]) -> bool:
    """Whether labels name no service and no workload for certain, or only the exporter of somebody else's metric."""
    service, _ = place(labels)
    return not service or _EXPORTER.search(service) is not None


def workload_of(labels: Mapping[str, str]) -> str:
    """The Deployment, or another workload, that labels name, or that the pod belongs to by its name; "" if none."""
    if named := _first(labels, _WORKLOAD):
        return named
    if replica_set := _first(labels, _REPLICA_SET):
        return _of_replica_set(replica_set)
    return workload_of_pod(_first(labels, _POD))


def workload_of_pod(pod: str) -> str:
    """The workload of a pod: a Deployment's has a hash and five letters after its name, a StatefulSet's a number."""
    if len(pod) == _LONGEST_POD and "-" not in pod[_LONGEST_STEM:]:
        return _CUT_HASH.sub("", pod[:_LONGEST_STEM])
    parts = pod.rsplit("-", 1 if _ORDINAL.fullmatch(pod.rpartition("-")[2]) else 2)
    return parts[0] if len(parts) > 1 else pod


def concerns(alert: Alert, service: GovernedService, candidate: Track) -> bool:
    """Whether an alert is about this track of the service, or about the service without naming a track.

    Rules have labels of their own, so the names of the service are looked for in every label.
    """
    every = (*alert.labels.items(), *alert.own.items())
    labels = [(label, value) for label, value in every if not _ELSEWHERE.fullmatch(label)]
    bound, home = namespace(alert.placing), service.namespace

    def named(name: str | None, *, is_workload: bool = False) -> bool:
        return bool(name) and any(
            name in _names(label, value, bound, home) or (is_workload and _is_cut(label, value, name or ""))
            for label, value in labels
            # A track may have the name of the service: then only labels that name workloads distinguish them.
            if not is_workload or name != service.name or label in (*_WORKLOAD, *_REPLICA_SET, *_POD)
        )

    tracks = {track for track, status in service.tracks.items() if named(status.deployment, is_workload=True)}
    if tracks:
        return candidate in tracks
    if named(service.preview_service):
        return candidate == service.preview
    own = tracks_of(service)
    said = own.word(_said_track(alert.placing, own), service.name)
    said = {"active": service.active, "preview": service.preview}.get(said, said)
    return named(service.name) and (said == candidate or said not in service.tracks)


def tracks_of(service: GovernedService) -> BlueGreen:
    """What the tracks of a service are called."""
    values = {track: status.value or track for track, status in service.tracks.items()}
    label = service.track_label or OURS.track_label
    return replace(OURS, track_label=label, blue=values.get(Track.BLUE, ""), green=values.get(Track.GREEN, ""))


def is_elsewhere(alert: Alert, service: GovernedService) -> bool:
    """Whether an alert, or the scrape that it tells of, is bound to another namespace than the service."""
    of_scrape = _qualified(_first(alert.labels, _SCRAPE))[1]
    return any(one not in ("", service.namespace) for one in (namespace(alert.placing), of_scrape))


def by_severity(alerts: Iterable[Alert], words: Vocabulary[Severity] = SEVERITIES) -> dict[Severity, list[Alert]]:
    """Alerts by severity, each list with the oldest first."""
    found: dict[Severity, list[Alert]] = {level: [] for level in Severity}
    for alert in sorted(alerts, key=lambda one: (one.starts_at, one.name)):
        found[severity(alert, words)].append(alert)
    return found


def _names(label: str, value: str, bound: str, home: str) -> tuple[str, ...]:
    """What one label names in the namespace `home`; a namespace in its value goes before that of the alert."""
    name, within = _qualified(value)
    if (within or bound or home) != home:
        return ()
    if label in _POD:
        return (workload_of_pod(name),)
    return (value, name, _of_replica_set(name)) if label in _REPLICA_SET else (value, name)


def _is_cut(label: str, pod: str, workload: str) -> bool:
    """Whether this is a pod of the workload whose long name was cut to make room for the last five letters."""
    if label not in _POD or len(pod) != _LONGEST_POD:
        return False
    stem = pod[:_LONGEST_STEM]
    rest = stem.removeprefix(f"{workload}-")
    return workload.startswith(stem) or (rest != stem and "-" not in rest.rstrip("-"))


def _qualified(value: str) -> tuple[str, str]:
    """Name and namespace in an address, a DNS name or `namespace/name`; the namespace is "" where it is not said."""
    scheme, is_address, rest = value.rpartition("://")
    words = [rest.partition("/")[0]] if is_address and scheme else rest.split("/")
    words = [word for word in words if word not in _KINDS and not _ORDINAL.fullmatch(word)] or [value]
    host = words[-1].partition(":")[0].split(".")
    return host[0], host[1] if len(host) > 1 else words[0] if len(words) > 1 else ""


def _of_replica_set(name: str) -> str:
    return name.rpartition("-")[0] or name


def _without_track(workload: str, tracks: BlueGreen) -> tuple[str, str]:
    """The name without the value of a track that it ends in, and that value. A known Service's own values go first."""
    for track in Track:
        for value in tracks.spellings(track):
            service = workload.removesuffix(f"-{value}")
            if service != workload and tracks.meaning(value, service) in (track, None):
                return service, value
    return workload, ""


def _said_track(labels: Mapping[str, str], tracks: BlueGreen) -> str:
    """The value of a label that tells the track: the team's own, also as kube-state-metrics writes it, then ours."""
    own = dict.fromkeys((tracks.track_label, *(one.label for one in tracks.seen)))
    plain = [_NO_SIGN.sub("_", label) for label in own]
    return _first(labels, (*plain, *(f"label_{label}" for label in plain), *_TRACK))


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
