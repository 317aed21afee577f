"""Whether a Service carries an action without an outcome, and whether somebody still works on it. Pure.

The intent on the Service says what was begun, the Lease says whether a process still holds the lock. A process that
died holds nobody up for longer than its Lease lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from dashboard.decide.leases import LENGTH, Held, held, lease_name
from dashboard.model import service_annotations
from dashboard.model.action import Intent, Outcome
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.unfinished import Unfinished

Object: TypeAlias = Mapping[str, Any]

# Services and Leases are watched apart: the copy of a Lease may be older than that of the Service.
_OUT_OF_STEP = timedelta(seconds=5)


def unfinished(
    service: Object,
    leases: Iterable[Object] | None,
    now: datetime,
    *,
    doubt: str = "",
    blue_green: BlueGreen = OURS,
) -> Unfinished | None:
    """The action that was begun on the Service and has not ended; None when there is none.

    Args:
        leases: the Leases of its namespace; None when they are not known, for the reason in `doubt`.
        blue_green: with the two values of this Service.
    """
    intent = service_annotations.read_intent(service)
    if intent is None or intent.outcome is not Outcome.RUNNING:
        return None
    users = blue_green.active(service)
    if leases is None:
        return Unfinished(intent=intent, users=users, doubt=doubt or "the Leases are not known")
    name = lease_name(service["metadata"]["name"])
    lease = next((item for item in leases if item["metadata"]["name"] == name), None)
    lock = _lock(intent, lease, now)
    if lock is None:
        return Unfinished(intent=intent, users=users)
    return Unfinished(intent=intent, users=users, holder=lock.holder, held_until=lock.until)


def _lock(intent: Intent, lease: Object | None, now: datetime) -> Held | None:
    """Who works on the action. For a short while after its beginning the Lease may not be known yet."""
    found = held(lease, now) if lease is not None else None
    grace = LENGTH if lease is None else _OUT_OF_STEP
    if found is None and now - intent.started_at < grace:
        return Held(holder=intent.actor, until=intent.started_at + grace)
    return found
