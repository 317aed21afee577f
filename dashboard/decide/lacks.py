"""What a governed Service lacks before its users can be moved, with the commands that fix it. Pure.

The order matters: a selector with a label that no pod has yet would leave the users without a pod. So the pod templates
get the label first and the selector last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from dashboard.decide import objects
from dashboard.decide.tracks import lacking, template_labels
from dashboard.model.blue_green import BlueGreen, is_of_rollout, selector_of
from dashboard.model.release import Track

Object: TypeAlias = Mapping[str, Any]


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
    found = selector_of(service).get(label)
    if found:
        return (
            f"the selector of {name} has {label}={found}, which is neither {known.value(Track.BLUE)} nor "
            f"{known.value(Track.GREEN)}: set blue and green in the settings' blue_green"
        )
    commands = "; then ".join(commands_for(service, deployments, known))
    return f"the selector of {name} has no {label}. Templates first, the selector last: {commands}"


def commands_for(service: Object, deployments: Iterable[Object], known: BlueGreen) -> tuple[str, ...]:
    """The commands that label the pods with their track, wait for the rollout, then change the selector."""
    selector = selector_of(service)
    behind = [item for item in deployments if selector and not lacking(selector, item)]
    unlabelled = [item for item in behind if not template_labels(item).get(known.track_label)]
    space = f"kubectl -n {objects.text(objects.part(service, 'metadata'), 'namespace')}"
    values = {objects.name_of(item): _value(item, known) for item in behind}
    patches = [
        f"{space} patch deployment {objects.name_of(item)} --type merge -p "
        f"'{_json({'spec': {'template': {'metadata': {'labels': {known.track_label: _value(item, known)}}}}})}'"
        for item in unlabelled
    ]
    waits = [f"{space} rollout status deployment {objects.name_of(item)}" for item in unlabelled]
    users = next(iter(values.values()), known.value(Track.BLUE) or "VALUE")
    last = (
        f"{space} patch service {objects.name_of(service)} --type merge -p "
        f"'{_json({'spec': {'selector': {known.track_label: users}}})}'"
    )
    return (*patches, *waits, last)


def _value(deployment: Object, known: BlueGreen) -> str:
    """The track's value that a Deployment has, or that its name ends in; else a person has to say."""
    own = template_labels(deployment).get(known.track_label)
    ends = (known.value(track) for track in Track)
    name = objects.name_of(deployment)
    return own or next((value for value in ends if value and name.endswith(f"-{value}")), "VALUE")


def _json(body: Object) -> str:
    return json.dumps(body, separators=(",", ":"))
