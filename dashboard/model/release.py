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
    """One track as the cluster reports it. `serving` counts the ready endpoints behind the active Service."""

    track: Track
    deployment: str
    version: str
    desired: int
    ready: int
    restarts: int
    serving: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernedService:
    """A Service with a blue and a green Deployment. `active` is what its selector says, at `resource_version`."""

    namespace: str
    name: str
    active: Track
    resource_version: str
    preview_service: str | None
    preview_resource_version: str | None
    owner: str
    tracks: Mapping[Track, TrackStatus]

    @property
    def preview(self) -> Track:
        """The track that does not serve users."""
        return self.active.other
