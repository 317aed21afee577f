"""The order of a guarded action. This list is the specification: nothing may skip a step."""

from __future__ import annotations

from dashboard.act.step import Step
from dashboard.act.steps.adopt import Adopt
from dashboard.act.steps.again import Again
from dashboard.act.steps.announce import Announce
from dashboard.act.steps.begin import Begin
from dashboard.act.steps.finish import Finish
from dashboard.act.steps.guard import Guard
from dashboard.act.steps.guard_unfinished import GuardUnfinished
from dashboard.act.steps.lock import Lock
from dashboard.act.steps.prepare import Prepare
from dashboard.act.steps.preview import Preview
from dashboard.act.steps.read_back import ReadBack
from dashboard.act.steps.record import Record
from dashboard.act.steps.switch import Switch, SwitchBack
from dashboard.model.action import ActionKind, ActionRequest


def plan(request: ActionRequest) -> tuple[Step, ...]:
    """The steps of an action. A rollback takes the same steps as a switch: going back needs the same care."""
    match request.kind:
        case ActionKind.SWITCH | ActionKind.ROLLBACK:
            return (
                Guard(),  # who, may, really: reads only
                Announce(),  # on record before the first write of any kind
                Lock(),  # one action at a time in the whole cluster
                Record(),  # the audit entry, durable before anything changes
                Begin(),  # the intent on the Service
                Prepare(),  # the target at full strength
                Again(),  # version and verdict once more: what was judged is what is switched
                Switch(),  # the selector
                ReadBack(track=request.target),  # only the target serves, or it is taken back
                Preview(shown=request.source),  # users are served: its trouble undoes nothing
                Finish(),  # outcome, Event, lock
            )
        case ActionKind.FINISH:
            return (
                GuardUnfinished(),
                Announce(),
                Lock(),
                Record(),
                Adopt(),  # the intent becomes ours, so that a process that wakes up late can do no more
                ReadBack(track=request.target),
                Preview(shown=request.source),
                Finish(),
            )
        case ActionKind.CLEAR:
            return (GuardUnfinished(), Announce(), Lock(), Record(), Adopt(), Finish())


def undo_plan(request: ActionRequest) -> tuple[Step, ...]:
    """What takes a switch back, where the selector was written and its read-back failed."""
    return (SwitchBack(), ReadBack(track=request.source))
