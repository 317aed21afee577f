"""The health of Deployments and other workloads, worst first, with the reason. Pure: API objects in, model types out.

`decide/replicas.py` reads desired and running pods, which each kind stores elsewhere. This module judges them; queries
also import pods, events and limits from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.decide import objects
from dashboard.decide.cluster_events import events
from dashboard.decide.lasting import has_lasted
from dashboard.decide.limits import limits
from dashboard.decide.objects import Object
from dashboard.decide.pods import COMPONENT, pods
from dashboard.decide.replicas import READERS, Replicas, Stuck
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.workload import SICK, Health, Pod, Workload

__all__ = ["events", "limits", "pods", "workloads"]

# A workload that lacks pods for longer is degraded; replacing a pod, as after a crash, takes less.
SICK_AFTER = timedelta(seconds=30)

_ORDER = list(Health)


def workloads(
    deployments: Iterable[Object],
    of: Sequence[Pod],
    *,
    others: Mapping[str, Iterable[Object]] | None = None,
    now: datetime | None = None,
    warnings: Mapping[tuple[str, str], str] | None = None,
    blue_green: BlueGreen = OURS,
) -> tuple[Workload, ...]:
    """Workloads with the restarts and troubles of their pods `of`, worst first, then by name.

    Args:
        others: more of them by the plural name of their kind in the API, such as `statefulsets`. A ReplicaSet that a
            Deployment or Rollout controls is no workload of its own.
        now: None when the time is not known: then no lack of pods is excused as recent.
        warnings: the newest warning about an object, by kind and name: except for Deployments and ReplicaSets, only
            events say why pods cannot be created.
        blue_green: the labels that tell track and version.
    """
    by_owner: dict[tuple[str, str], list[Pod]] = {}
    for pod in of:
        by_owner.setdefault((pod.workload_kind, pod.workload), []).append(pod)
    kinds = [("deployments", tuple(deployments)), *((kind, tuple(items)) for kind, items in (others or {}).items())]
    templates = {
        objects.name_of(one): _template(one) for kind, items in kinds if kind == "deployments" for one in items
    }
    found: list[Workload] = []
    for plural, items in kinds:
        for item, replicas in READERS[plural](items):
            key = replicas.kind, objects.name_of(item)
            # A Rollout may leave its template to a Deployment, which is scaled to zero.
            borrowed = templates.get(objects.text(objects.part(item, "spec", "workloadRef"), "name"), {})
            labels = _template(item) or borrowed
            mine = [pod for pod in by_owner.get(key, ()) if pod.health is not Health.OVER]
            judged = _judge(item, replicas, mine, now, (warnings or {}).get(key, ""))
            found.append(_workload(item, replicas, mine, labels, judged, blue_green))
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.health), one.name, one.kind)))


def _template(item: Object) -> Mapping[str, str]:
    return objects.labels(objects.part(item, "spec", "template"))


def _workload(
    item: Object,
    replicas: Replicas,
    mine: Sequence[Pod],
    labels: Mapping[str, str],
    judged: _WorkloadState,
    blue_green: BlueGreen,
) -> Workload:
    staying = [pod for pod in mine if not pod.terminating]
    words = (*replicas.not_understood, *(word for pod in mine for word in pod.not_understood))
    return Workload(
        kind=replicas.kind,
        name=objects.name_of(item),
        component=str(labels.get(COMPONENT) or ""),
        track=blue_green.track_shown(labels),
        version=blue_green.version(labels),
        desired=replicas.desired,
        ready=replicas.ready,
        available=replicas.available,
        updated=replicas.updated,
        restarts=sum(pod.restarts for pod in staying),
        trouble=judged.trouble,
        since=judged.since,
        health=judged.health,
        not_understood=tuple(dict.fromkeys(words)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _WorkloadState:
    health: Health
    trouble: str = ""
    since: datetime | None = None


def _judge(item: Object, replicas: Replicas, mine: Sequence[Pod], now: datetime | None, warning: str) -> _WorkloadState:
    if replicas.is_over:
        return _WorkloadState(health=Health.OVER, trouble=replicas.held)
    stuck = replicas.stuck
    if replicas.kind == "Job" and stuck is not None:
        return _WorkloadState(health=Health.FAILING, trouble=stuck.words, since=stuck.since)
    if replicas.desired == 0 and replicas.is_seen:  # what a DaemonSet wants is counted by its controller
        return _WorkloadState(health=Health.IDLE, trouble=replicas.held)
    if stuck is not None and not stuck.is_certain and not has_lasted(stuck.since, now, SICK_AFTER):
        stuck = None
    lack = _lack(item, replicas, mine, now, warning)
    sick = next((pod for pod in mine if pod.health in SICK), None)
    if stuck is not None or sick is not None or lack is not None:
        health = Health.DEGRADED if replicas.available or replicas.kind == "Job" else Health.FAILING
        return _said(health, stuck, sick, lack)
    odd = next((pod for pod in mine if pod.health is Health.UNKNOWN), None)
    if odd is not None or replicas.not_understood:
        trouble = odd.trouble if odd else f"not understood: {', '.join(replicas.not_understood)}"
        return _WorkloadState(health=Health.UNKNOWN, trouble=trouble)
    settled = replicas.is_seen and replicas.is_rolled_out and replicas.available >= replicas.desired
    waits = replicas.held or ("" if replicas.is_seen else "its controller has not seen the last change yet")
    return _WorkloadState(health=Health.HEALTHY if settled else Health.CHANGING, trouble=waits)


def _said(health: Health, stuck: Stuck | None, sick: Pod | None, lack: _WorkloadState | None) -> _WorkloadState:
    """The most informative cause: the controller's reason, then a pod's, then the lack of pods."""
    for words, since in (
        (stuck.words, stuck.since) if stuck else ("", None),
        (sick.trouble, sick.since) if sick else ("", None),
        (lack.trouble, lack.since) if lack else ("", None),
    ):
        if words:
            return _WorkloadState(health=health, trouble=words, since=since or (lack.since if lack else None))
    return _WorkloadState(health=health)


def _lack(
    item: Object, replicas: Replicas, mine: Sequence[Pod], now: datetime | None, warning: str
) -> _WorkloadState | None:
    """That it has fewer pods than it should for too long. A Job's pods come and go: only one that has none may lack."""
    is_busy = replicas.kind == "Job" and not (warning and replicas.updated == 0)
    if is_busy or replicas.available >= replicas.desired:
        return None
    since = replicas.lacks_since or _unready_since(mine, now) or objects.created_at(item)
    if not has_lasted(since, now, SICK_AFTER):
        return None
    return _WorkloadState(
        health=Health.DEGRADED,
        trouble=warning or f"{replicas.available} of {replicas.desired} pods available",
        since=since,
    )


def _unready_since(mine: Sequence[Pod], now: datetime | None) -> datetime | None:
    """When the first of the pods that are not ready began; now where pods only leave, as in a rolling update."""
    starting = [pod for pod in mine if pod.health is not Health.HEALTHY and not pod.terminating]
    began = [at for pod in starting if (at := pod.since or pod.started_at) is not None]
    if began:
        return min(began)
    return now if any(pod.terminating for pod in mine) else None
