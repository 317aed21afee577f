"""Keeping a process that stalls and wakes up late from changing anything.

Its writes to the active Service fail: they carry the resourceVersion that it read, and the intent there is no longer
its own. The preview Service carries no intent, so whoever takes over changes it once: what was read before no longer
fits. A late scale-up of the target can still happen; it moves no user and is harmless.
"""

from __future__ import annotations

from connectors.errors import Conflict, SourceError
from dashboard.act.run import Run, log
from dashboard.decide.traffic_change import preview_change
from dashboard.model import service_annotations
from dashboard.model.action import ActionId
from dashboard.model.release import Track
from dashboard.model.traffic_change import Patch

_TRIES = 3


def fence_preview(run: Run, former: ActionId) -> None:
    """Note on the preview Service that the former action is over; trouble with it stops nobody."""
    for _ in range(_TRIES):
        try:
            _note(run, former)
        except Conflict:
            continue
        except SourceError as error:
            log.warning("preview not fenced id=%s reason=%s", run.id, error)
        return


def _note(run: Run, former: ActionId) -> None:
    preview, tracks = run.read_preview(), run.read_tracks()
    if preview is None or all(preview_change(run.service, preview, tracks, track)[0] for track in Track):
        return  # one that no action may change needs no fence
    annotations = {service_annotations.SUPERSEDED: former}
    name = preview["metadata"]["name"]
    run.send(Patch(kind="services", name=name, body={"metadata": {"annotations": annotations}}), preview)
