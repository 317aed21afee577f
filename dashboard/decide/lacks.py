"""What a governed Service lacks before its users can be moved, with the commands that fix it. Pure.

The order matters: a selector with a label that no pod has yet would leave the users without a pod. So the pod templates
get their labels first and selectors come last. Nothing is offered where a command would not help: for what Argo
Rollouts moves, what another object controls, or a label that a Deployment's own selector fixes at another value.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from dashboard.decide import objects
from dashboard.decide.blue_green import preview_service
from dashboard.decide.tracks import find_tracks, lacking, template_labels
from dashboard.model.blue_green import BlueGreen, is_of_rollout, selector_of
from dashboard.model.release import Track

Object: TypeAlias = Mapping[str, Any]

# In the place of what only a person knows.
VALUE, VERSION = "VALUE", "VERSION"


def why_not_governed(service: Object, deployments: Sequence[Object], known: BlueGreen) -> str:
    """Why a governed Service cannot be judged, with the commands in their order; "" when it names a track.

    Args:
        deployments: all of its namespace.
        known: with the two values of this Service.
    """
    if known.active(service) is not None:
        return ""
    name, label = objects.name_of(service), known.track_label
    if is_of_rollout(service):
        return f"Argo Rollouts has not yet written a hash into the selector of {name}"
    if not selector_of(service):
        return f"{name} selects no pods: it has no selector, so the deck cannot move its users"
    found = selector_of(service).get(label)
    if found:
        return (
            f"the selector of {name} has {label}={found}, which is neither {known.value(Track.BLUE)} nor "
            f"{known.value(Track.GREEN)}: set blue and green in the settings' blue_green"
        )
    commands = commands_for(service, deployments, known)
    if not commands:
        return (
            f"the selector of {name} has no {label}, and no Deployment with the pods that it selects can be given one "
            "by a command"
        )
    return f"the selector of {name} has no {label}. Templates first, the selector last: {'; then '.join(commands)}"


def commands_for(
    service: Object, deployments: Iterable[Object], known: BlueGreen, services: Iterable[Object] = ()
) -> tuple[str, ...]:
    """The commands for all that a Service lacks: labels on templates, the rollouts to wait for, selector, preview.

    Args:
        deployments, services: all of its namespace.
        known: with the two values of this Service.
    """
    if is_of_rollout(service) or known.doubt or not selector_of(service):
        return ()
    living = [item for item in deployments if not objects.part(item, "metadata").get("deletionTimestamp")]
    wanted = {name: labels for name, labels in _wanted(service, living, known).items() if labels}
    space = _kubectl(service)
    patches = [_patched(space, "deployment", name, _of_template(labels)) for name, labels in wanted.items()]
    waits = [f"{space} rollout status deployment {name}" for name in wanted]
    selector = _selector(service, living, known, wanted)
    return (*patches, *waits, *selector, *_preview(service, living, known, services))


def label_command(service: Object, known: BlueGreen) -> str:
    """The command that makes a Service a governed one."""
    return f"{_kubectl(service)} label service {objects.name_of(service)} {known.governed_label}=true"


def could_be_governed(service: Object, deployments: Iterable[Object], known: BlueGreen) -> bool:
    """Whether a Service that nobody governs looks like one of blue-green: it names a track, or has two Deployments."""
    return bool(selector_of(service).get(known.track_label)) or len(_behind(service, deployments, known)) > 1


def _wanted(service: Object, living: Sequence[Object], known: BlueGreen) -> Mapping[str, Mapping[str, str]]:
    """The labels that the pod template of each Deployment should get, by its name."""
    found = find_tracks(service, living, known)
    wanted: dict[str, dict[str, str]] = {}
    for track, one in found.items():
        selector = known.selector(service, track)
        missing = {key: value for key, value in selector.items() if template_labels(one.deployment).get(key) != value}
        wanted[one.name] = missing | ({} if one.version else {known.version_label: VERSION})
    told = {one.name for one in found.values()}
    for item in _behind(service, living, known):
        if objects.name_of(item) not in told and not template_labels(item).get(known.track_label):
            wanted[objects.name_of(item)] = {known.track_label: _value(item, known, found)}
    changeable = {objects.name_of(item): item for item in living if not objects.controller(item)[1]}
    return {
        name: labels for name, labels in wanted.items() if name in changeable and _can_get(changeable[name], labels)
    }


def _behind(service: Object, deployments: Iterable[Object], known: BlueGreen) -> list[Object]:
    """The Deployments whose pods a Service would select without regard to tracks, in the order of their names."""
    apart = {key: value for key, value in selector_of(service).items() if key != known.track_label}
    return sorted((item for item in deployments if apart and not lacking(apart, item)), key=objects.name_of)


def _can_get(deployment: Object, labels: Mapping[str, str]) -> bool:
    """Whether the API server would take these labels: a Deployment's own selector has to go on matching its pods."""
    fixed = objects.part(deployment, "spec", "selector").get("matchLabels") or {}
    return all(fixed.get(key, value) == value for key, value in labels.items())


def _selector(
    service: Object, living: Sequence[Object], known: BlueGreen, wanted: Mapping[str, Any]
) -> tuple[str, ...]:
    """The command that names a track in the selector; none where it has one, or where users would be left without pods.

    Args:
        wanted: the Deployments whose pods get their labels by the commands before it.
    """
    if selector_of(service).get(known.track_label):
        return ()
    told = [
        item
        for item in _behind(service, living, known)
        if template_labels(item).get(known.track_label) or objects.name_of(item) in wanted
    ]
    if not told:
        return ()
    running = [item for item in told if objects.part(item, "spec").get("replicas", 1)] or told
    users = _value(running[0], known, {})
    body = {"spec": {"selector": {known.track_label: users}}}
    return (_patched(_kubectl(service), "service", objects.name_of(service), body),)


def _preview(
    service: Object, living: Sequence[Object], known: BlueGreen, services: Iterable[Object]
) -> tuple[str, ...]:
    """The command that makes a preview Service on the other track, with the ports of the users' one."""
    listed, active = list(services), known.active(service)
    name = known.preview_name.replace("{}", objects.name_of(service))
    is_taken = any(objects.name_of(item) == name for item in listed)
    if not listed or not known.preview_name or active is None or is_taken:
        return ()
    if preview_service(service, listed, known) is not None or active.other not in find_tracks(service, living, known):
        return ()
    ports = [
        {key: port[key] for key in ("name", "protocol", "port", "targetPort", "appProtocol") if key in port}
        for port in objects.part(service, "spec").get("ports") or ()
    ]
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": objects.text(objects.part(service, "metadata"), "namespace")},
        "spec": {"selector": dict(known.selector(service, active.other)), "ports": ports},
    }
    return (f"echo {shlex.quote(_json(body))} | kubectl apply -f -",)


def _value(deployment: Object, known: BlueGreen, found: Mapping[Track, Any]) -> str:
    """The track's value that a Deployment has, or that its name ends in; else a person has to say.

    Args:
        found: the tracks that others have already.
    """
    own = template_labels(deployment).get(known.track_label)
    free = [known.value(track) for track in Track if known.value(track) and track not in found]
    name = objects.name_of(deployment)
    return own or next((value for value in free if name.endswith(f"-{value}")), VALUE)


def _of_template(labels: Mapping[str, str]) -> Object:
    return {"spec": {"template": {"metadata": {"labels": labels}}}}


def _kubectl(service: Object) -> str:
    return f"kubectl -n {objects.text(objects.part(service, 'metadata'), 'namespace')}"


def _patched(space: str, kind: str, name: str, body: Object) -> str:
    return f"{space} patch {kind} {name} --type merge -p {shlex.quote(_json(body))}"


def _json(body: Object) -> str:
    return json.dumps(body, separators=(",", ":"))
