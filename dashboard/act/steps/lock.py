"""One action at a time on a service, in the whole cluster: the one who comes second is told who was first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.lease import Lease, LostError
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult
from dashboard.decide.leases import lease_name


@dataclass(frozen=True, slots=True)
class Lock:
    """Takes the Lease of the service."""

    name: str = "lock"
    title: str = "Lock the service for one action"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Take it, or say who has it."""
        request = run.request
        lease = Lease(
            cluster=run.cluster,
            namespace=request.namespace,
            name=lease_name(request.service),
            holder=f"{request.actor.name} ({request.kind} {run.id})",
        )
        try:
            lease.take(run.now())
        except LostError as lost:
            return Refused(f"another action is under way: {lost}")
        run.lease = lease
        return Done(f"held as {lease.holder}")
