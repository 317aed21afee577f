"""Which Deployments are the tracks of a governed Service. The page, the guard and every step ask this one function.

A Service selects pods, so the labels of the pod template decide. Labels on the Deployment alone still name the track,
with a `problem` that says what its pods lack. A ReplicaSet of an Argo Rollout is read like a Deployment. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dashboard.decide import objects
from dashboard.decide.containers import DEFAULT_CONTAINER
from dashboard.model.action import Judged, ServedBefore
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.release import Track

Object: TypeAlias = Mapping[str, Any]

_RUNS = ("name", "image", "command", "args", "env", "envFrom", "volumeMounts")
# Labels that name the app a pod runs.
_APP_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/component", "app", "k8s-app", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackDeployment:
    """The Deployment of one track.

    `template` is a fingerprint of its pod template: it changes with every rollout, a restart included, and not with
    the number of pods. `runs` is one of its images, commands and variables alone: a restart or another limit of memory
    does not change it. `problem` says why users cannot be moved to it; "" when they can.
    """

    track: Track
    name: str
    uid: str
    version: str
    images: tuple[str, ...]
    template: str
    runs: str
    desired: int
    problem: str
    deployment: Object


def find_tracks(
    service: Object, deployments: Iterable[Object], blue_green: BlueGreen = OURS
) -> Mapping[Track, TrackDeployment]:
    """The tracks of a Service, out of all Deployments of its namespace; one that is being deleted is none.

    `blue_green` has the two values of this Service.
    """
    if not service["spec"].get("selector"):
        return {}
    living = sorted(
        (item for item in deployments if not item["metadata"].get("deletionTimestamp")),
        key=lambda item: str(item["metadata"]["name"]),
    )
    found = {track: _of_track(service, living, track, blue_green) for track in Track if blue_green.value(track)}
    return {track: one for track, one in found.items() if one is not None}


def template_labels(deployment: Object) -> Mapping[str, str]:
    """The labels that a Deployment's pods get."""
    return (deployment["spec"]["template"].get("metadata") or {}).get("labels") or {}


def lacking(selector: Mapping[str, str], deployment: Object) -> str:
    """The labels that a selector asks for and a Deployment's pods do not carry, as `key=value`; "" when it has all."""
    labels = template_labels(deployment)
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()) if labels.get(key) != value)


def release_name(version: str, images: Iterable[str], template: str, *, beside: str = "") -> str:
    """A release in words: its version, with images and template where that does not tell it from version `beside`."""
    if version and version != beside:
        return version
    return f"{version or 'no version'} (images {', '.join(images) or 'unknown'}, template {template or 'unknown'})"


def rolled_on(judged: TrackDeployment | Judged, now: TrackDeployment | None) -> str:
    """Why a track no longer runs what was judged, naming both versions; "" while it does."""
    if now is None:
        return f"{judged.version or judged.name} was judged, but {judged.track} has no Deployment now"
    if (now.name, now.template, now.version) == (judged.name, judged.template, judged.version):
        made_again = f"{now.name} was deleted and made again since it was judged" if now.uid != judged.uid else ""
        return now.problem or made_again
    before = release_name(judged.version, judged.images, judged.template, beside=now.version)
    after = release_name(now.version, now.images, now.template, beside=judged.version)
    return f"{judged.track} was rolled out again: {before} was judged, but it runs {after} now"


def not_what_served(served: ServedBefore, now: TrackDeployment | None) -> str:
    """Why a track no longer runs what served users before, naming both; "" when it does."""
    if now is None or now.version != served.version:
        runs = now.version or "no version" if now else "nothing"
        return f"{served.track} runs {runs} now, but {served.version or 'no version'} served before"
    if served.runs and now.runs != served.runs:
        was, images = served.version or "no version", ", ".join(now.images) or "unknown"
        return (
            f"{served.track} is {was} still, but with other images, commands, variables or volumes than served before "
            f"({images})"
        )
    return ""


def _of_track(service: Object, living: Iterable[Object], track: Track, blue_green: BlueGreen) -> TrackDeployment | None:
    """The Deployment whose pods the Service can select on this track, else one that is labelled as if it could."""
    selector = blue_green.selector(service, track)
    labelled = [item for item in living if selector.items() <= _labels(item).items()]
    selectable = [item for item in labelled if not lacking(selector, item)]
    # Of two, the one scaled to zero is left over from an earlier release.
    candidates = [item for item in selectable if _desired(item)] or selectable or labelled
    if not candidates:
        return None
    return _track_deployment(candidates, selector, track, blue_green)


def _track_deployment(
    candidates: list[Object], selector: Mapping[str, str], track: Track, blue_green: BlueGreen
) -> TrackDeployment:
    deployment = candidates[0]
    missing, images = lacking(selector, deployment), _images(deployment)
    ambiguous = _ambiguous(candidates, track) if len(candidates) > 1 else ""
    return TrackDeployment(
        track=track,
        name=deployment["metadata"]["name"],
        uid=str(deployment["metadata"].get("uid") or ""),
        version=_version(deployment, blue_green),
        images=images,
        template=fingerprint(deployment["spec"]["template"]),
        runs=fingerprint(_what_runs(deployment)),
        desired=_desired(deployment),
        problem=blue_green.doubt or ambiguous or _unselectable(deployment, missing),
        deployment=deployment,
    )


def _ambiguous(candidates: Iterable[Object], track: Track) -> str:
    names = ", ".join(item["metadata"]["name"] for item in candidates)
    return f"more than one Deployment is {track}: {names}"


def _unselectable(deployment: Object, missing: str) -> str:
    if not missing:
        return ""
    return f"the pods of {deployment['metadata']['name']} lack the labels {missing}, so no Service can select them"


def _labels(deployment: Object) -> Mapping[str, str]:
    """The labels of the pods, and where they have none of a key, those of the Deployment itself."""
    return {**(deployment["metadata"].get("labels") or {}), **template_labels(deployment)}


def _images(deployment: Object) -> tuple[str, ...]:
    pod = deployment["spec"]["template"].get("spec") or {}
    return tuple(str(container.get("image", "")) for container in pod.get("containers") or ())


def _version(deployment: Object, blue_green: BlueGreen) -> str:
    """The version by its label. Only where there is no such label at all, the tag of the main image tells it."""
    labels = _labels(deployment)
    return blue_green.version(labels) if blue_green.version_label in labels else _tag(_main_image(deployment))


def _main_image(deployment: Object) -> str:
    """The image of the container that the service is; "" where a proxy or collector beside it could be meant as well.

    The annotation of kubectl names it, or it is named like the Deployment or its app. Being the first proves nothing.
    """
    template = objects.part(deployment, "spec", "template")
    containers = objects.part(template, "spec").get("containers") or ()
    images = {str(one.get("name") or ""): str(one.get("image") or "") for one in containers}
    if len(set(map(_tag, images.values()))) == 1:
        return next(iter(images.values()))
    annotations = objects.part(template, "metadata").get("annotations") or {}
    if (chosen := annotations.get(DEFAULT_CONTAINER)) in images:
        return images[chosen]
    labels = _labels(deployment)
    apps = {objects.name_of(deployment), *(labels.get(key, "") for key in _APP_LABELS)}
    named = [name for name in images if name in apps]
    return images[named[0]] if len(named) == 1 else ""


def _tag(image: str) -> str:
    """The tag of an image. An image by digest alone or at `latest` tells no version."""
    name = image.partition("@")[0].rpartition("/")[2]
    tag = name.partition(":")[2]
    return "" if tag == "latest" else tag


def _desired(deployment: Object) -> int:
    """How many pods it asks for; the API's default is one."""
    return int(deployment["spec"].get("replicas", 1))


def _what_runs(deployment: Object) -> tuple[Any, ...]:
    """Per container its image, command, variables and mounts, then what is mounted: a ConfigMap of another name is
    another configuration."""
    pod = deployment["spec"]["template"].get("spec") or {}
    containers = (*(pod.get("initContainers") or ()), *(pod.get("containers") or ()))
    ran = tuple(tuple(container.get(key) or None for key in _RUNS) for container in containers)
    volumes = pod.get("volumes") or ()
    return (*ran, volumes) if volumes else ran


def fingerprint(value: Any) -> str:
    """A short hash of a JSON value that does not depend on the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
