"""One action on its way: what its steps share and hand on. Lives in one worker thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from connectors.errors import NotFound
from dashboard.act.audit import AuditFile
from dashboard.act.cluster import Cluster, Object
from dashboard.act.lease import Lease
from dashboard.decide.tracks import TrackDeployment, find_tracks
from dashboard.model import service_annotations
from dashboard.model.action import ActionId, ActionRequest, Intent, Outcome
from dashboard.model.release import Track
from dashboard.model.traffic_change import Patch, TrafficChange
from dashboard.model.verdict import Verdict

# The verdict on a namespace's service, now. The action of this id is not held against it as unfinished.
Judge: TypeAlias = Callable[[str, str, ActionId], Verdict]
Clock: TypeAlias = Callable[[], datetime]

log = logging.getLogger("tealdeck.act")


@dataclass(slots=True, kw_only=True)
class Run:
    """What the steps of one action share.

    `service` is the active Service as it was last read or written: each write carries its resourceVersion, so that a
    change by anybody else becomes a conflict and is looked at. `target` is the Deployment that was judged and `change`
    what is to be written, both set by the guard; `needed` is how many pods the target has to have. `intent` is set
    once it is written on the Service, `moved` before the selector is. `served_before` is the annotation of that name
    as it was before. `serving` is the track that was read back as the only one that serves; `preview_left` says why
    the preview Service was not moved.
    """

    id: ActionId
    request: ActionRequest
    cluster: Cluster
    audit: AuditFile
    judge: Judge
    now: Clock
    started_at: datetime
    environment: str = ""
    service: Object = field(default_factory=dict)
    target: TrackDeployment | None = None
    change: TrafficChange | None = None
    version: str = ""
    verdict: Verdict | None = None
    needed: int = 1
    lease: Lease | None = None
    intent: Intent | None = None
    moved: bool = False
    serving: Track | None = None
    served_before: str | None = None
    preview_left: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def is_through(self) -> bool:
        """Whether the target was read back as serving: from there on nothing is undone."""
        return self.serving is self.request.target

    def read_service(self) -> Object:
        """The active Service, read anew."""
        self.service = self.cluster.get("services", self.request.service, self.request.namespace)
        return self.service

    def read_preview(self) -> Object | None:
        """The preview Service that the active one names, read anew; None where there is none."""
        name = service_annotations.read_preview_service(self.service)
        try:
            return self.cluster.get("services", name, self.request.namespace) if name else None
        except NotFound:
            return None

    def read_tracks(self) -> Mapping[Track, TrackDeployment]:
        """The Deployments of both tracks, read anew."""
        return find_tracks(self.service, self.cluster.list("deployments", self.request.namespace).items)

    def send(self, patch: Patch, seen: Mapping[str, Any]) -> Object:
        """Send a patch to an object that was read, and answer the object as it is now.

        Raises:
            Conflict: it is no longer as it was read, and is untouched.
        """
        body = with_precondition(patch.body, seen)
        return self.cluster.patch(patch.kind, patch.name, self.request.namespace, body, subresource=patch.subresource)

    def write_service(self, body: Mapping[str, Any]) -> None:
        """Patch the active Service, if it is still as it was last read.

        Raises:
            Conflict: it is not, and is untouched.
        """
        self.service = self.send(Patch(kind="services", name=self.request.service, body=body), self.service)

    def write_intent(self, intent: Intent) -> None:
        """Put the intent on the Service, under the same precondition."""
        text = service_annotations.write_intent(intent)
        self.write_service({"metadata": {"annotations": {service_annotations.ACTION: text}}})
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


def with_precondition(body: Mapping[str, Any], seen: Mapping[str, Any]) -> Object:
    """The merge patch with the resourceVersion at which the object was read."""
    metadata = {**body.get("metadata", {}), "resourceVersion": seen["metadata"]["resourceVersion"]}
    return {**body, "metadata": metadata}
