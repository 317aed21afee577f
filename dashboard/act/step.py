"""One step of an action, and how it ends: as a value, so that the executor and not the step decides what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

from dashboard.act.run import Run


@dataclass(frozen=True, slots=True)
class Done:
    """The step is through; `detail` says what it found."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not yet: take the step again after this time. What it waits for is what a person sees meanwhile."""

    after: timedelta
    waiting_for: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The action may not go on. No user was moved."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The action cannot go on. The executor takes back what was changed."""

    reason: str


StepResult: TypeAlias = Done | Retry | Refused | Failed


class Step(Protocol):
    """One step. Taking it twice does no harm, since a retry does just that.

    `patience` is how long it may be retried. A `SourceError` out of `take` counts as a retry: the source may come back.
    """

    @property
    def name(self) -> str:
        """Stable and short: it is written in the intent."""
        ...

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        ...

    @property
    def patience(self) -> timedelta:
        """Counted from the first try."""
        ...

    def take(self, run: Run) -> StepResult:
        """Do it, or find it done."""
        ...
