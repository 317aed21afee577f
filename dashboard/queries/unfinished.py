"""The action on a service that has not ended, from the copies of Services and Leases that are kept up to date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboard.decide.unfinished import unfinished
from dashboard.model.blue_green import BlueGreen
from dashboard.model.reading import Reading, State
from dashboard.model.unfinished import Unfinished


def unfinished_of(
    service: Mapping[str, Any],
    leases: Reading[tuple[Mapping[str, Any], ...]],
    now: datetime,
    blue_green: BlueGreen,
) -> Unfinished | None:
    """None when there is none. A stale copy of the Leases proves nothing: they may have been renewed since."""
    known = leases.value or () if leases.state in (State.FRESH, State.EMPTY) else None
    return unfinished(service, known, now, doubt=leases.reason, blue_green=blue_green)
