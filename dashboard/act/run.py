"""One action on its way: what its steps share and hand on. Lives in one worker thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from connectors.errors import NotFound, SourceError
from dashboard.act.audit import AuditFile
from dashboard.act.cluster import Cluster, Object, selector_text
from dashboard.act.lease import Lease
from dashboard.decide.blue_green import of_service, preview_service
from dashboard.decide.track_pods import TrackPods, track_pods
from dashboard.decide.tracks import TrackDeployment, find_tracks
from dashboard.model import service_annotations
from dashboard.model.action import ActionId, ActionRequest, Intent, Outcome
from dashboard.model.blue_green import OURS, BlueGreen
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
    change by anybody else becomes a conflict and is looked at. The guard sets what was judged: `target` is the
    Deployment, `change` is to be written, `needed` is how many pods the target has to have (a rollback is content with
    fewer after `full_until`), and `selector` is what the Service is to select, as text. `intent` is set once it is
    written on the Service, `moved` before the selector is. `served_before` is the annotation of that name as it was
    before. `serving` is the track that was read back as the only one that serves; `preview_name` is the preview
    Service, and `preview_left` says why it was not moved. `moved_on` says where users were found at the end when that
    was no longer the target. `blue_green` has the two values of this Service once it was read.
    """

    id: ActionId
    request: ActionRequest
    cluster: Cluster
    audit: AuditFile
    judge: Judge
    now: Clock
    started_at: datetime
    environment: str = ""
    blue_green: BlueGreen = OURS
    service: Object = field(default_factory=dict)
    target: TrackDeployment | None = None
    change: TrafficChange | None = None
    version: str = ""
    verdict: Verdict | None = None
    needed: int = 1
    full_until: datetime | None = None
    selector: str = ""
    lease: Lease | None = None
    intent: Intent | None = None
    moved: bool = False
    serving: Track | None = None
    served_before: str | None = None
    preview_left: str = ""
    preview_name: str = ""
    moved_on: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def is_through(self) -> bool:
        """Whether the target was read back as serving: from there on nothing is undone."""
        return self.serving is self.request.target

    def read_service(self) -> Object:
        """The active Service, read anew."""
        self.service = self.cluster.get("services", self.request.service, self.request.namespace)
        if not self.blue_green.is_fixed:
            self.blue_green = of_service(self.blue_green, self.service, deployments=self._deployments())
        return self.service

    def read_preview(self) -> Mapping[str, Any] | None:
        """The preview Service of the active one, read anew; None where there is none."""
        name = service_annotations.read_preview_service(self.service)
        if not name:
            services = self.cluster.list("services", self.request.namespace).items
            return preview_service(self.service, services, self.blue_green)
        try:
            return self.cluster.get("services", name, self.request.namespace)
        except NotFound:
            return None

    def read_tracks(self) -> Mapping[Track, TrackDeployment]:
        """The Deployments of both tracks, read anew."""
        return find_tracks(self.service, self._deployments(), self.blue_green)

    def read_pods(self, track: TrackDeployment) -> TrackPods:
        """The pods that carry the labels of a track, by what they belong to, read anew."""
        replica_sets = self.cluster.list("replicasets", self.request.namespace).items
        selector = selector_text(self.blue_green.selector(self.service, track.track))
        return track_pods(track, replica_sets, self.cluster.list("pods", self.request.namespace, selector).items)

    def _deployments(self) -> Sequence[Object]:
        return self.cluster.list("deployments", self.request.namespace).items

    def active(self) -> Track | None:
        """The track that the active Service selects, as it was last read."""
        return self.blue_green.active(self.service)

    def users_now(self) -> str:
        """Where users are, read anew: "users are on blue"; where it cannot be read, where they were and why not."""
        try:
            self.read_service()
        except SourceError as error:
            return f"users were on {self.active() or 'no track'} when that was last read ({error})"
        return f"users are on {self.active() or 'no track'}"

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
