"""One action on its way: what its steps share and hand on. Lives in one worker thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from dashboard.act.audit import AuditFile
from dashboard.act.cluster import Cluster, Object, selector_text
from dashboard.act.lease import Lease
from dashboard.act.step import Step
from dashboard.model import service_annotations
from dashboard.model.action import ActionId, ActionRequest, Intent, Outcome
from dashboard.model.release import Track
from dashboard.model.verdict import Verdict

Judge: TypeAlias = Callable[[str, str], Verdict]
Clock: TypeAlias = Callable[[], datetime]

log = logging.getLogger("tealdeck.act")


@dataclass(slots=True, kw_only=True)
class Run:
    """What the steps of one action share.

    `service` is the active Service as it was last read or written: each write carries its resourceVersion, so that a
    change by anybody else becomes a conflict and is looked at. `intent` is set once it is written on the Service,
    `undo` before users are moved; `served_before` is the annotation of that name as it was before. `serving` is the
    track that was read back as the only one that serves.
    """

    id: ActionId
    request: ActionRequest
    cluster: Cluster
    audit: AuditFile
    judge: Judge
    now: Clock
    started_at: datetime
    service: Object = field(default_factory=dict)
    version: str = ""
    verdict: Verdict | None = None
    needed: int = 1
    lease: Lease | None = None
    intent: Intent | None = None
    requested: bool = False
    undo: tuple[Step, ...] = ()
    serving: Track | None = None
    served_before: str | None = None
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def selector(self) -> dict[str, str]:
        """The active Service's selector without the track: what both tracks have in common."""
        found: Mapping[str, str] = self.service["spec"]["selector"]
        return {key: value for key, value in found.items() if key != service_annotations.TRACK}

    @property
    def is_through(self) -> bool:
        """Whether the target was read back as serving: from there on nothing is undone."""
        return self.serving is self.request.target

    def read_service(self) -> Object:
        """The active Service, read anew."""
        self.service = self.cluster.get("services", self.request.service, self.request.namespace)
        return self.service

    def write_service(self, notes: Mapping[str, str | None], track: Track | None = None) -> None:
        """Annotate the active Service and, with `track`, move its users there, in one write.

        Raises:
            Conflict: it is no longer as it was last read, and is untouched.
        """
        name, namespace = self.request.service, self.request.namespace
        version = self.service["metadata"]["resourceVersion"]
        self.service = self.cluster.patch("services", name, namespace, service_patch(version, notes, track))

    def write_intent(self, intent: Intent) -> None:
        """Put the intent on the Service, under the same precondition."""
        self.write_service({service_annotations.ACTION: service_annotations.write_intent(intent)})
        self.intent = intent

    def is_ours(self) -> bool:
        """Whether the Service, as last read, still carries this action as the one under way."""
        found = service_annotations.read_intent(self.service)
        return found is not None and found.id == self.id and found.outcome is Outcome.RUNNING

    def read_again(self) -> str:
        """After a conflict: read the Service, and answer why the action may not go on; "" when it may."""
        self.read_service()
        if self.intent is not None and not self.is_ours():
            other = service_annotations.read_intent(self.service)
            return f"another action took over: {other.kind} by {other.actor}" if other else "the intent was removed"
        return ""

    def deployment(self, track: Track) -> Object | None:
        """The one Deployment of a track, read anew."""
        labels = {**self.selector, service_annotations.TRACK: track.value}
        found = self.cluster.list("deployments", self.request.namespace, selector_text(labels)).items
        return found[0] if found else None


def service_patch(version: str, notes: Mapping[str, str | None], track: Track | None) -> Object:
    """The merge patch that changes a Service only if it is still at this resourceVersion."""
    metadata: Object = {"resourceVersion": version}
    if notes:
        metadata["annotations"] = dict(notes)
    selector = {} if track is None else {"spec": {"selector": {service_annotations.TRACK: track.value}}}
    return {"metadata": metadata, **selector}


def version_of(deployment: Object) -> str:
    """The version that a Deployment's pods carry."""
    labels = deployment["spec"]["template"]["metadata"].get("labels") or {}
    return str(labels.get(service_annotations.VERSION, ""))


def desired_of(deployment: Object) -> int:
    """How many pods a Deployment asks for; the API's default is one."""
    return int(deployment["spec"].get("replicas", 1))


def ready_of(deployment: Object) -> int:
    """How many pods are ready, counted for the Deployment as it is now written; 0 while the controller is behind."""
    status = deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return 0
    return int(status.get("readyReplicas", 0))
