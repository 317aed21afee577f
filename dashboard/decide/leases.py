"""Who holds the lock of a service, by its Lease. Pure.

The holder renews the Lease; without a renewal for the duration in the Lease, nobody holds it. Times come from several
machines: a renewal further in the future than that duration comes from a wrong clock and is ignored, else a dead holder
with a fast clock would block everybody. A holder that loses its lock this way is kept from writing by the intent and
the resourceVersion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LENGTH = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lock that is held: by whom, and until when if it is not renewed."""

    holder: str
    until: datetime


def lease_name(service: str) -> str:
    """The name of the Lease that locks a service."""
    return f"tealdeck-{service}"


def held(lease: Mapping[str, Any], now: datetime) -> Held | None:
    """Who holds the lock; None when it was released, or its holder has stopped renewing it."""
    spec = lease.get("spec") or {}
    holder, renewed = spec.get("holderIdentity"), _instant(spec.get("renewTime"))
    length = timedelta(seconds=spec.get("leaseDurationSeconds") or LENGTH.total_seconds())
    if not holder or renewed is None or not renewed - length <= now <= renewed + length:
        return None
    return Held(holder=str(holder), until=renewed + length)


def _instant(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
