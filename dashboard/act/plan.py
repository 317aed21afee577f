"""The order of a guarded action. This list is the specification: nothing may skip a step."""

from __future__ import annotations

from dashboard.act.step import Step
from dashboard.act.steps.announce import Announce
from dashboard.act.steps.begin import Begin
from dashboard.act.steps.finish import Finish
from dashboard.act.steps.guard import Guard
from dashboard.act.steps.lock import Lock
from dashboard.act.steps.prepare import Prepare
from dashboard.act.steps.preview import Preview
from dashboard.act.steps.read_back import ReadBack
from dashboard.act.steps.record import Record
from dashboard.act.steps.switch import Switch
from dashboard.model.action import ActionRequest


def plan(request: ActionRequest) -> tuple[Step, ...]:
    """The steps of a switch or a rollback: the same, since going back needs the same care as going on."""
    return (
        Guard(),  # who, may, really: reads only
        Announce(),  # on record before the first write of any kind
        Lock(),  # one action at a time in the whole cluster
        Record(),  # the audit entry, durable before anything changes
        Begin(),  # the intent on the Service
        Prepare(),  # the target at full strength
        Switch(),  # the selector
        Preview(track=request.source),  # the preview Service follows
        ReadBack(track=request.target),  # only the target serves, or it is taken back
        Finish(),  # outcome, Event, lock
    )
