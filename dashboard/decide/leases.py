"""Who holds the lock of a service, by its Lease. Pure.

Times come from several machines. The holder renews the Lease; once it has not done so for the length that the Lease
names, nobody holds it.
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
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    if not holder or not renewed:
        return None
    length = timedelta(seconds=spec.get("leaseDurationSeconds") or LENGTH.total_seconds())
    until = datetime.fromisoformat(renewed) + length
    return Held(holder=str(holder), until=until) if now <= until else None
