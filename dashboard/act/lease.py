"""The lock of an action: one Lease per service, so that the whole cluster has one action at a time on it.

The holder renews it; a holder that died frees it by not doing so for `LENGTH`. Times come from several machines: one
whose clock is off by more than `LENGTH` could take a living holder's lock. That holder finds out at its next renewal,
which comes right before each write that moves users, and stops.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.errors import Conflict, NotFound
from dashboard.act.cluster import Cluster, Object
from dashboard.decide.leases import LENGTH, held

RENEW_AFTER = timedelta(seconds=15)


class LostError(Exception):
    """Somebody else has the lock now, or took it meanwhile. `str()` says who."""


@dataclass(slots=True, kw_only=True)
class Lease:
    """The lock as this holder knows it."""

    cluster: Cluster
    namespace: str
    name: str
    holder: str
    renewed_at: datetime | None = field(default=None)

    def take(self, now: datetime) -> None:
        """Make it ours. Raises LostError naming the holder when somebody else has it."""
        try:
            found = self.cluster.get("leases", self.name, self.namespace)
        except NotFound:
            self._create(now)
            return
        lock = held(found, now)
        if lock is not None and lock.holder != self.holder:
            raise LostError(f"{lock.holder}, until {lock.until:%H:%M:%S} UTC if it is not renewed")
        transitions = int(found["spec"].get("leaseTransitions") or 0) + 1
        self._replace(found, {**self._spec(now), "acquireTime": _micro(now), "leaseTransitions": transitions}, now)

    def renew(self, now: datetime) -> None:
        """Keep it. Raises LostError when it is no longer ours."""
        found = self.cluster.get("leases", self.name, self.namespace)
        holder = found["spec"].get("holderIdentity") or ""
        if holder != self.holder:
            raise LostError(holder or "nobody: it was released")
        self._replace(found, {**found["spec"], **self._spec(now)}, now)

    def renew_if_due(self, now: datetime) -> None:
        """Keep it while waiting, without writing at every look."""
        if self.renewed_at is None or now - self.renewed_at >= RENEW_AFTER:
            self.renew(now)

    def release(self, now: datetime) -> None:
        """Give it back at once; does nothing when it is not ours any more."""
        found = self.cluster.get("leases", self.name, self.namespace)
        if found["spec"].get("holderIdentity") != self.holder:
            return
        self._replace(found, {**found["spec"], "holderIdentity": "", "renewTime": _micro(now)}, now)
        self.renewed_at = None

    def _create(self, now: datetime) -> None:
        body: Object = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {**self._spec(now), "acquireTime": _micro(now), "leaseTransitions": 0},
        }
        try:
            self.cluster.create("leases", self.namespace, body)
        except Conflict:
            raise LostError(self._holder_now(now)) from None
        self.renewed_at = now

    def _replace(self, found: Object, spec: Object, now: datetime) -> None:
        try:
            self.cluster.replace("leases", self.name, self.namespace, {**found, "spec": spec})
        except Conflict:
            raise LostError(self._holder_now(now)) from None
        self.renewed_at = now

    def _holder_now(self, now: datetime) -> str:
        lock = held(self.cluster.get("leases", self.name, self.namespace), now)
        return lock.holder if lock else "somebody else"

    def _spec(self, now: datetime) -> Object:
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": int(LENGTH.total_seconds()),
            "renewTime": _micro(now),
        }


def _micro(at: datetime) -> str:
    """A time as the API's MicroTime wants it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
