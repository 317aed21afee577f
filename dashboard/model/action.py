"""What people do to a release: the request, how far it has come, and what is remembered of it.

An action outlives the session that asked for it, so all of these are values that can be shown by anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from dashboard.model.reason import tidy
from dashboard.model.release import Track
from dashboard.model.traffic_change import TrafficChange

ActionId = NewType("ActionId", str)

# What a rollback may be for. A list, since free text is neither counted nor typed at night with one thumb.
ROLLBACK_REASONS = (
    "Errors went up",
    "Answers are slow",
    "Contracts are violated",
    "Users report wrong results",
    "Costs went up",
    "Dependency or data problem",
    "Precaution",
)


class ActionKind(StrEnum):
    """Switch moves the users to the preview track; rollback moves them back to the track that served before.

    Finish and clear end an action that a dead process left behind: with what is still to do, or as it is.
    """

    SWITCH = "switch"
    ROLLBACK = "rollback"
    FINISH = "finish"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. `origin` says how that is known, since a name from the operating system proves little."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """What a person confirmed. `source` and `target` are what the dialog showed; the guard checks them in the cluster.

    `typed_version` is the version typed in the dialog of a switch, `reason` the one chosen for a rollback,
    `break_glass` the reason for switching against the verdict; "" when it was not asked for. `accepted` names the gates
    that the person was shown as unknown and accepted. `template` is the fingerprint of the target's pod template and
    `change` the exact change, both as shown; "" and None where no dialog showed them. `unfinished` is the action that
    a finish or a clear is about.
    """

    kind: ActionKind
    namespace: str
    service: str
    source: Track
    target: Track
    actor: Actor
    typed_version: str = ""
    reason: str = ""
    break_glass: str = ""
    accepted: tuple[str, ...] = ()
    template: str = ""
    change: TrafficChange | None = None
    unfinished: ActionId | None = None

    def __post_init__(self) -> None:
        if self.target is self.source:
            raise ValueError(f"{self.kind} from {self.source} to itself")

    @property
    def why(self) -> str:
        """The reason given by the person; "" for a switch that the verdict carries."""
        if self.accepted:
            return f"accepted as unknown: {', '.join(self.accepted)}"
        return tidy(self.break_glass or self.reason)


class StepState(StrEnum):
    """How far one step has come."""

    AHEAD = "ahead"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """One step as a person sees it; `detail` is what it found or what it waits for."""

    name: str
    title: str
    state: StepState
    detail: str = ""


class Outcome(StrEnum):
    """How an action stands. REFUSED moved no user; FAILED was undone, or says in its sentence that it was not."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionState:
    """One action now. `facts` are what was read back from the cluster: selector, endpoints, versions."""

    id: ActionId
    request: ActionRequest
    outcome: Outcome
    sentence: str
    steps: tuple[StepProgress, ...]
    started_at: datetime
    ended_at: datetime | None = None
    facts: Mapping[str, str]

    @property
    def is_running(self) -> bool:
        """Whether steps are still to come."""
        return self.outcome is Outcome.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The last action that moved users to the track where they are: what it was, whose, and when."""

    kind: ActionKind
    track: Track
    version: str
    actor: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The record of an action on its Service: there before anything changes, and with its outcome afterwards.

    `step` is the step that was begun last. An intent without an outcome belongs to an action that is under way, or to
    one whose process is gone. `superseded` is the unfinished action that it took over from. `moved` is handed on from
    intent to intent, so that an action that failed does not hide when users were last moved.
    """

    id: ActionId
    kind: ActionKind
    source: Track
    target: Track
    version: str
    actor: str
    reason: str
    step: str
    started_at: datetime
    outcome: Outcome
    ended_at: datetime | None = None
    superseded: str = ""
    moved: Move | None = None

    def move(self, ended_at: datetime) -> Move:
        """This action as the one that moved users."""
        return Move(
            kind=self.kind,
            track=self.target,
            version=self.version,
            actor=self.actor,
            started_at=self.started_at,
            ended_at=ended_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBefore:
    """The track that a rollback would go back to. Gone after a rollback: what was left is not gone back to unjudged."""

    track: Track
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One finished action as the audit remembers it; `misfit` says why its record does not fit the audit's chain."""

    at: datetime
    id: ActionId
    kind: ActionKind
    source: Track
    target: Track
    version: str
    actor: str
    reason: str
    outcome: Outcome
    sentence: str
    misfit: str = ""
