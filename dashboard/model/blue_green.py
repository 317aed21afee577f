"""How an environment does blue-green in its cluster: which label tells the track, which Services are governed.

One value of this type goes from the settings to everything that reads or writes the cluster. Its defaults are the
labels of deploy/production/base. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dashboard.model.release import Track

Object: TypeAlias = Mapping[str, Any]

TRACK = "tealdeck.io/track"
VERSION = "app.kubernetes.io/version"
GOVERNED = "tealdeck.io/governed"
# Argo Rollouts writes this hash of the pod template into the selectors of the Services that it moves.
ROLLOUT_HASH = "rollouts-pod-template-hash"
ROLLOUT = "argo-rollouts.argoproj.io/managed-by-rollouts"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen:
    """The labels and names of one environment, or of one service once its values were seen.

    Attributes:
        track_label: the label on pods and in the selector that tells the track.
        blue, green: its value for each track. Both empty: the two values that are seen; see `decide/blue_green.py`.
        version_label: the label on pods with the version; without it the tag of the image is the version.
        governed_label: a Service with this label at "true" is governed.
        services: Services that are governed by name, without a label.
        preview_name: the name of a preview Service, {} for the name of the Service. The annotation wins over it.
        doubt: why it is not known which value is which track; "" when it is.
    """

    track_label: str = TRACK
    blue: str = "blue"
    green: str = "green"
    version_label: str = VERSION
    governed_label: str = GOVERNED
    services: tuple[str, ...] = ()
    preview_name: str = "{}-preview"
    doubt: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether it is known which value is which track."""
        return bool(self.blue or self.green)

    def value(self, track: Track) -> str:
        """The label's value for a track; "" when no pods carry one."""
        return self.blue if track is Track.BLUE else self.green

    def track(self, value: str) -> Track | None:
        """The track that a value of the label means; None when it means none."""
        return next((track for track in Track if value and self.value(track) == value), None)

    def says(self, track: Track) -> str:
        """The track as a selector has it: `color=green`."""
        return f"{self.track_label}={self.value(track)}"

    def patch(self, track: Track) -> Mapping[str, Any]:
        """The merge patch that points a Service at a track."""
        return {"spec": {"selector": {self.track_label: self.value(track)}}}

    def selector(self, service: Object, track: Track) -> Mapping[str, str]:
        """What a Service selects, or would select, when it points at the track."""
        return {**selector_of(service), self.track_label: self.value(track)}

    def active(self, service: Object) -> Track | None:
        """The track that a Service's selector names; None when it names none."""
        return self.track(selector_of(service).get(self.track_label, ""))

    def is_governed(self, service: Object) -> bool:
        """Whether the deck may judge and switch this Service."""
        metadata = service["metadata"]
        return metadata["name"] in self.services or (metadata.get("labels") or {}).get(self.governed_label) == "true"

    def track_shown(self, labels: Mapping[str, Any]) -> str:
        """The track in the deck's word; a value that means no track is returned unchanged."""
        value = str(labels.get(self.track_label) or "")
        return self.track(value) or value

    def version(self, labels: Mapping[str, Any]) -> str:
        """The version in the labels; "" without one."""
        return str(labels.get(self.version_label) or "")


OURS = BlueGreen()


def selector_of(service: Object) -> Mapping[str, str]:
    """The labels that a Service selects; empty when it selects none."""
    found: Mapping[str, str] = (service.get("spec") or {}).get("selector") or {}
    return found


def is_of_rollout(service: Object) -> bool:
    """Whether Argo Rollouts moves this Service."""
    return ROLLOUT_HASH in selector_of(service) or bool(rollout_of(service))


def rollout_of(service: Object) -> str:
    """The name of the Rollout that moves a Service; "" when none says that it does."""
    return str((service.get("metadata", {}).get("annotations") or {}).get(ROLLOUT, ""))


def moved_by(service: Object) -> str:
    """Why the deck may not move the users of a Service, and the command that does; "" when it may.

    Argo Rollouts rewrites the selector at once, so a patch of ours would not last.
    """
    if not is_of_rollout(service):
        return ""
    metadata = service["metadata"]
    name, where = rollout_of(service) or "ROLLOUT", f"-n {metadata['namespace']}"
    return (
        f"Argo Rollouts moves the users of {metadata['name']}: promote with "
        f"`kubectl argo rollouts promote {name} {where}`, go back with `kubectl argo rollouts abort {name} {where}` "
        f"before the promotion and `kubectl argo rollouts undo {name} {where}` after it"
    )
