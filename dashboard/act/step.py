"""How a step ends: as a value, so that the executor and not the step decides what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
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
    """The action may not go on. Nothing was changed by it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The action cannot go on. What was changed is undone by the executor, newest change first."""

    reason: str


StepResult: TypeAlias = Done | Retry | Refused | Failed


class Step(Protocol):
    """One step. Taking it twice does no harm, since a retry does just that.

    `patience` is how long it may be retried. A `SourceError` out of `take` counts as a retry: the source may come back.
    """

    @property
    def name(self) -> str:
        """Stable and short: stands in the intent and in tests."""
        ...

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        ...

    @property
    def patience(self) -> timedelta:
        """From the first try on."""
        ...

    def take(self, run: Run) -> StepResult:
        """Do it, or find it done."""
        ...
