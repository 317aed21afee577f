"""What people do to a release: the request, its progress, and its history.

An action outlives the session that asked for it, so these are all values that any session can show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from dashboard.model.reason import LONGEST_NAME, LONGEST_REASON, tidy
from dashboard.model.release import Track
from dashboard.model.traffic_change import TrafficChange

ActionId = NewType("ActionId", str)

# Reasons for a rollback. A fixed list: it can be counted, and nobody types at night on a phone.
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

    Finish and clear end an action that a dead process left behind: finish runs the remaining steps, clear runs none.
    """

    SWITCH = "switch"
    ROLLBACK = "rollback"
    FINISH = "finish"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. `origin` says where the name comes from: one from the operating system proves little."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """What a person confirmed. `source` and `target` are what the dialog showed; the guard checks them in the cluster.

    `typed_version` is the version typed in the dialog of a switch, `reason` the one chosen for a rollback,
    `break_glass` the reason for a switch against the verdict; "" when not asked for. `accepted` names the unknown gates
    that the person accepted. `template` is the fingerprint of the target's pod template and `change` the exact change,
    both as the dialog showed them; "" and None without a dialog. `unfinished` is the action to finish or clear.

    Text is cut just beyond its bound: the guard still refuses it, and nobody has to carry or show it whole.
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
        for name, longest in (
            ("typed_version", LONGEST_NAME),
            ("reason", LONGEST_REASON),
            ("break_glass", LONGEST_REASON),
        ):
            object.__setattr__(self, name, getattr(self, name)[: longest + 1])

    @property
    def why(self) -> str:
        """The person's reason; "" for a switch that follows the verdict."""
        if self.accepted:
            return f"accepted as unknown: {', '.join(self.accepted)}"
        return tidy(self.break_glass or self.reason)


class StepState(StrEnum):
    """The state of one step."""

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
    """The state of an action. REFUSED moved no user; FAILED was undone, or its sentence says that it was not."""

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
    """The last action that moved users to their current track: which, by whom and when."""

    kind: ActionKind
    track: Track
    version: str
    actor: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The release that an action was allowed for, as read when it was allowed.

    `name` and `uid` are the target's Deployment, `template` is the fingerprint of its pod template. `pods` is how many
    of its pods have to be ready. `selector` is what the Service selects once users are on the target.
    """

    track: Track
    name: str
    uid: str
    version: str
    images: tuple[str, ...]
    template: str
    pods: int
    selector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The record of an action on its Service: there before anything changes, and with its outcome afterwards.

    `step` is the last step begun. An intent without an outcome belongs to an action that is running, or whose process
    died. `superseded` is the unfinished action that it replaced. Each intent copies `moved` from the one before, so
    that a failed action does not hide when users were last moved. `judged` is None in intents of earlier versions.
    `preview` is the Service that was taken for the preview, "" for none; `left_behind` are those that select the pods
    that users left and that nobody moves, then or at an earlier action.
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
    judged: Judged | None = None
    preview: str = ""
    left_behind: tuple[str, ...] = ()

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
    """The track that a rollback returns to. A rollback deletes it: going forward again needs a verdict.

    `runs` is the fingerprint of what its pods ran (`TrackDeployment.runs`), and `pods` how many it asked for; "" and 0
    in notes of earlier versions.
    """

    track: Track
    version: str
    runs: str = ""
    pods: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One finished action in the audit; `misfit` says why its record does not fit the hash chain."""

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
