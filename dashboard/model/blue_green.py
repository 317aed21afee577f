"""How an environment does blue-green in its cluster: which label tells the track, which Services are governed.

One value of this type goes from the settings to everything that reads or writes the cluster. Its defaults are the
labels of deploy/production/base. Pure.
"""

from __future__ import annotations

import re
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
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
ROLLOUT_REVISION = "rollout.argoproj.io/revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackValues:
    """The label that tells the tracks of one governed Service, and its value for each; "" where no pods carry one."""

    service: str
    label: str
    blue: str
    green: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen:
    """The labels and names of one environment, or of one service once its values were seen.

    The deck calls tracks blue and green everywhere. What a team calls them is translated here and nowhere else:
    `meaning` and `word` from the team's value to ours, `spellings` from ours to all values that mean it.

    Attributes:
        track_label: the label on pods and in the selector that tells the track.
        blue, green: its value for each track. Both empty: the two values that are seen; see `decide/blue_green.py`.
        version_label: the label on pods with the version; without it the tag of the image is the version.
        governed_label: a Service with this label at "true" is governed.
        services: Services that are governed by name, without a label.
        preview_name: the name of a preview Service, {} for the name of the Service. The annotation wins over it.
        doubt: why it is not known which value is which track; "" when it is.
        seen: the values of the Services of one namespace that are not `blue` and `green`, once they were looked up.
    """

    track_label: str = TRACK
    blue: str = "blue"
    green: str = "green"
    version_label: str = VERSION
    governed_label: str = GOVERNED
    services: tuple[str, ...] = ()
    preview_name: str = "{}-preview"
    doubt: str = ""
    seen: tuple[TrackValues, ...] = ()

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

    def meaning(self, value: str, service: str = "", label: str = "") -> Track | None:
        """The track that a value means on `service`, or on all of them; None where it means none, or either."""
        tracks = {track for pair in self._pairs(service, label) for track in Track if value and pair[track] == value}
        return tracks.pop() if len(tracks) == 1 else None

    def word(self, value: str, service: str = "") -> str:
        """A track's value in the deck's word; a value that means none, or either, as it is.

        The deck's own word means itself, unless a Service calls a track so that is the other one elsewhere.
        """
        is_contested = value in tuple(Track) and any(value in pair.values() for pair in self._pairs(service))
        return self.meaning(value, service) or (f"{self.track_label}={value}" if is_contested else value)

    def values(self, track: Track, service: str = "") -> tuple[str, ...]:
        """Every value of the label that means a track; none where it is not known."""
        values = (pair[track] for pair in self._pairs(service))
        return tuple(dict.fromkeys(value for value in values if self.meaning(value, service) is track))

    def spellings(self, track: str, service: str = "") -> tuple[str, ...]:
        """Every value that means a track, the deck's own word last; a text that is no track alone."""
        if track not in tuple(Track):
            return (track,)
        own_word = (track,) if self.word(track, service) == track else ()
        return tuple(dict.fromkeys((*self.values(Track(track), service), *own_word)))

    def track_shown(self, labels: Mapping[str, Any]) -> str:
        """The track that a pod's labels tell, in the deck's word; a value that means none as it is."""
        for label in (self.track_label, *(one.label for one in self.seen)):
            if found := self.meaning(str(labels.get(label) or ""), label=label):
                return found
        value = str(labels.get(self.track_label) or "")
        return f"{self.track_label}={value}" if value in tuple(Track) and self._pairs() else value

    def _pairs(self, service: str = "", label: str = "") -> tuple[Mapping[Track, str], ...]:
        """The values of both tracks: those of one service where they are known, else of every one."""
        seen = [one for one in self.seen if label in ("", one.label)]
        mine = [one for one in seen if one.service == service]
        pairs: list[tuple[str, str]] = [(one.blue, one.green) for one in mine or seen]
        if self.is_fixed and not mine and label in ("", self.track_label):
            pairs.append((self.blue, self.green))
        return tuple({Track.BLUE: blue, Track.GREEN: green} for blue, green in dict.fromkeys(pairs))

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
    return ROLLOUT_HASH in selector_of(service) or bool(_managed_by(service))


def rollout_of(service: Object) -> str:
    """The name of the Rollout that moves a Service; "" when none says that it does, or what it says is no name.

    The name becomes part of commands to copy, and anybody who may annotate the Service writes it.
    """
    found = _managed_by(service)
    return found if _OBJECT_NAME.fullmatch(found) else ""


def _managed_by(service: Object) -> str:
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
