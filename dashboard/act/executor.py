"""Runs the steps of one action in their order and tells how far it is.

Retries until a step's patience ends, takes back what was changed when one fails, and closes the action in every case
but one: when this process is told to stop, an action that cannot end in time is left so that a person can go on with
it. It is the only place that decides what follows from a step's answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias, assert_never

from connectors import errors
from dashboard.act.lease import LostError
from dashboard.act.run import Run, log
from dashboard.act.step import Done, Failed, Refused, Retry, Step
from dashboard.act.steps.finish import close, ending, leave
from dashboard.model.action import ActionState, Outcome, StepProgress, StepState
from dashboard.model.written import span

_AFTER_CONFLICT = timedelta(milliseconds=200)
_AFTER_FAULT = timedelta(seconds=1)
STOPPING = "this deck is being stopped"

Told: TypeAlias = Callable[[ActionState], None]
Wait: TypeAlias = Callable[[timedelta], None]


@dataclass(frozen=True, slots=True)
class _Left:
    """The process is to stop: the action is not taken further here."""

    step: str


def begun(run: Run, steps: Sequence[Step]) -> ActionState:
    """The state of an action whose first step is still ahead."""
    return ActionState(
        id=run.id,
        request=run.request,
        outcome=Outcome.RUNNING,
        sentence="under way",
        steps=tuple(StepProgress(name=step.name, title=step.title, state=StepState.AHEAD) for step in steps),
        started_at=run.started_at,
        facts={},
    )


class Executor:
    """One action's way through its steps.

    Args:
        undo: the steps that take the action back once the selector was written.
        told: gets each new state.
        wait: passes time between two tries.
        leave: set when the process has no more time; the action is then left at the next step or try.
    """

    def __init__(
        self,
        run: Run,
        steps: Sequence[Step],
        *,
        undo: Sequence[Step],
        told: Told,
        wait: Wait,
        leave: threading.Event | None = None,
    ) -> None:
        self._run = run
        self._steps = steps
        self._undo = undo
        self._told = told
        self._wait = wait
        self._leave = leave or threading.Event()
        self._state = begun(run, steps)

    def execute(self) -> ActionState:
        """Take all steps. Always ends with an outcome that says what was read back or why not."""
        self._told(self._state)
        try:
            for step in self._steps:
                match self._persist(step):
                    case Done():
                        pass
                    case Refused() | Failed() if self._run.is_through:
                        pass  # users are served: what is left of the steps is taken all the same
                    case Refused(reason):
                        return self._give_up(reason, is_refusal=True)
                    case Failed(reason):
                        return self._give_up(reason)
                    case _Left(name):
                        return self._leave_behind(name)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave an action without an end
            log.exception("action broke id=%s", self._run.id)
            return self._give_up(f"a fault of the deck itself: {type(error).__name__}: {error}")
        return self._end(*ending(self._run))

    def _persist(self, step: Step) -> Done | Refused | Failed | _Left:
        """Take one step until it ends or its patience does; the last real reason is what is told."""
        deadline = self._run.now() + step.patience
        self._show(step, StepState.RUNNING)
        while True:
            if self._leave.is_set() and not self._run.is_through:
                self._show(step, StepState.FAILED, STOPPING)
                return _Left(step.name)
            match self._attempt(step):
                case Done(detail) as done:
                    self._show(step, StepState.DONE, detail)
                    return done
                case Refused(reason) as refused:
                    self._show(step, StepState.REFUSED, reason)
                    return refused
                case Failed(reason) as failed:
                    self._show(step, StepState.FAILED, reason)
                    return failed
                case Retry(after, waiting_for):
                    if self._run.now() + after > deadline:
                        reason = f"gave up after {span(step.patience)}: {waiting_for}"
                        self._show(step, StepState.FAILED, reason)
                        return Failed(reason)
                    self._show(step, StepState.RUNNING, waiting_for)
                    self._wait(after)
                case _ as other:
                    assert_never(other)

    def _attempt(self, step: Step) -> Done | Retry | Refused | Failed:
        """Keep the lock, note the step on the Service, take it; a fault of the cluster is worth another try."""
        run = self._run
        try:
            if not run.is_through:
                self._keep(step)
            return step.take(run)
        except LostError as lost:
            return Failed(f"the lock was lost to {lost}")
        except errors.Conflict:
            return self._after_conflict()
        except errors.Rejected as error:
            return Failed(str(error))
        except errors.SourceError as error:
            return Retry(_AFTER_FAULT, str(error))

    def _keep(self, step: Step) -> None:
        run = self._run
        if run.lease is not None:
            run.lease.renew_if_due(run.now())
        if run.intent is not None and run.intent.step != step.name:
            run.write_intent(replace(run.intent, step=step.name))

    def _after_conflict(self) -> Retry | Failed:
        """Somebody wrote in between: read again and go on only if the action is still ours. Never forced."""
        try:
            why_not = self._run.read_again()
        except errors.SourceError as error:
            return Retry(_AFTER_FAULT, str(error))
        return Failed(why_not) if why_not else Retry(_AFTER_CONFLICT, "somebody else writes at the same time")

    def _give_up(self, reason: str, *, is_refusal: bool = False) -> ActionState:
        """Take back what was changed and say the truth about it."""
        run = self._run
        if run.is_through:
            outcome, sentence = ending(run)
            return self._close(outcome, f"{sentence} ({reason})")
        not_undone: list[str] = []
        for step in self._undo if run.moved else ():
            match self._persist(step):
                case Refused(why) | Failed(why):
                    not_undone.append(why)
                case _Left(name):
                    return self._leave_behind(name)
                case Done():
                    pass
        outcome = Outcome.REFUSED if run.intent is None or (is_refusal and not run.moved) else Outcome.FAILED
        return self._close(outcome, f"{outcome.capitalize()}: {reason}.{self._standing(not_undone)}")

    def _standing(self, not_undone: Sequence[str]) -> str:
        """Where users are after an action that did not succeed: somebody may have moved them while it waited."""
        run = self._run
        if not_undone:
            return f" It could not be taken back: {'; '.join(not_undone)}"
        if run.moved:
            return f" Taken back: users are on {run.request.source}, as before."
        if run.intent is None:
            return ""
        users, source = run.users_now(), run.request.source
        return f" Users stayed on {source}." if users == f"users are on {source}" else f" {users.capitalize()}."

    def _leave_behind(self, step: str) -> ActionState:
        """End here and give the lock back, so that a person can resume, finish or clear the action at once."""
        run = self._run
        if run.intent is None:
            return self._give_up(STOPPING, is_refusal=True)
        sentence = (
            f"Left unfinished at the step {step}, since {STOPPING}: {run.users_now()}. "
            "It can be resumed, finished or cleared."
        )
        problem = leave(run, sentence)
        return self._end(Outcome.FAILED, f"{sentence} ({problem})" if problem else sentence)

    def _close(self, outcome: Outcome, sentence: str) -> ActionState:
        problem = close(self._run, outcome, sentence)
        return self._end(outcome, f"{sentence} ({problem})" if problem else sentence)

    def _end(self, outcome: Outcome, sentence: str) -> ActionState:
        self._state = replace(
            self._state,
            outcome=outcome,
            sentence=sentence,
            ended_at=self._run.now(),
            facts=dict(self._run.facts),
        )
        self._told(self._state)
        log.info("action ended id=%s outcome=%s", self._run.id, outcome)
        return self._state

    def _show(self, step: Step, state: StepState, detail: str = "") -> None:
        """Tell how far a step is; steps that undo are added to the list when they begin."""
        shown = StepProgress(name=step.name, title=step.title, state=state, detail=detail)
        steps = list(self._state.steps)
        places = [index for index, known in enumerate(steps) if (known.name, known.title) == (step.name, step.title)]
        open_places = [index for index in places if steps[index].state in (StepState.AHEAD, StepState.RUNNING)]
        if open_places:
            steps[open_places[0]] = shown
        else:
            steps.append(shown)
        self._state = replace(self._state, steps=tuple(steps))
        self._told(self._state)
