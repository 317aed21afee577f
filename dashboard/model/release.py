"""Blue and green: which track of a governed service serves, and what stands behind each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Track(StrEnum):
    """One of the two Deployments behind a governed Service."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> Track:
        """The track that this one is compared with."""
        return Track.GREEN if self is Track.BLUE else Track.BLUE


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackStatus:
    """One track as the cluster reports it.

    `ready` and `restarts` are of the pods that its Deployment made from the present template. `serving` counts the pods
    with its labels that get connections of the active Service, whoever made them. `foreign` names the pods with its
    labels that its Deployment did not make: users would reach them too. `ready_earlier` counts ready pods that it made
    from an earlier template. `template` is a fingerprint of the pod
    template. `problem` says why users cannot be moved to it; "" when they can. `rolling` says why not all of its pods
    are of the template that it names, as in a rollout; "" when they are. `not_served` says why it does not run what
    served users before the last switch; "" when it does, or did not serve. `value` is the value of the Service's
    `track_label`: what the team calls the track.
    """

    track: Track
    deployment: str
    version: str
    desired: int
    ready: int
    restarts: int
    serving: int
    template: str = ""
    problem: str = ""
    rolling: str = ""
    not_served: str = ""
    value: str = ""
    foreign: tuple[str, ...] = ()
    ready_earlier: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernedService:
    """A Service with a blue and a green Deployment. `active` is the track that its selector names.

    `moved_by` says who moves its users instead of the deck, and how; "" when the deck may. `track_label` is the label
    on pods that tells the track.
    """

    namespace: str
    name: str
    active: Track
    preview_service: str | None
    owner: str
    tracks: Mapping[Track, TrackStatus]
    moved_by: str = ""
    track_label: str = ""

    @property
    def preview(self) -> Track:
        """The track that does not serve users."""
        return self.active.other

    def own_name(self, track: Track) -> str:
        """What the team calls a track, as a selector has it: `slot=a`; "" where that is the deck's word."""
        value = self.tracks[track].value if track in self.tracks else ""
        return f"{self.track_label}={value}" if value not in ("", track) else ""
