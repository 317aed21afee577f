"""An action without an outcome: still running somewhere, or left behind by a process that died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dashboard.model.action import Intent
from dashboard.model.release import Track


class WayOn(StrEnum):
    """What a person can do with an action that was left behind."""

    RESUME = "resume"  # users were not moved: start it again, with all checks
    FINISH = "finish"  # users were moved: read back who serves, move the preview Service, record the outcome
    CLEAR = "clear"  # leave everything as it is and record that the action was given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An unfinished action and the present state.

    `users` is the track that the Service selects now. `holder` holds the lock, and `held_until` is when it expires
    unless renewed; both are empty once the action's process is gone. `doubt` says why that is not known.
    """

    intent: Intent
    users: Track | None
    holder: str = ""
    held_until: datetime | None = None
    doubt: str = ""

    @property
    def is_left_behind(self) -> bool:
        """Whether its process is gone, so that a person may continue."""
        return not self.holder and not self.doubt

    @property
    def ways_on(self) -> tuple[WayOn, ...]:
        """What a person can do now, the usual way first; empty while a process may still work on it."""
        if not self.is_left_behind:
            return ()
        if self.users is self.intent.target:
            return (WayOn.FINISH, WayOn.CLEAR)
        if self.users is self.intent.source:
            return (WayOn.RESUME, WayOn.CLEAR)
        return (WayOn.CLEAR,)
