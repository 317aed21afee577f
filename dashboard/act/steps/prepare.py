"""Enough ready pods on the target before users go there: scaled up if needed, and waited for.

What was scaled up stays so when the action fails later: taking pods away is never urgent and can hurt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.run import Run, desired_of, ready_of
from dashboard.act.step import Done, Failed, Retry, StepResult


@dataclass(frozen=True, slots=True)
class Prepare:
    """Brings the target to as many ready pods as the source asks for."""

    name: str = "prepare"
    title: str = "Bring the target to full strength"
    patience: timedelta = timedelta(seconds=120)

    def take(self, run: Run) -> StepResult:
        """Scale up where needed, then look until the pods are ready."""
        target, source = run.deployment(run.request.target), run.deployment(run.request.source)
        if target is None:
            return Failed(f"there is no Deployment of {run.request.target}")
        run.needed = max(1, desired_of(source) if source else 1)
        name = target["metadata"]["name"]
        if desired_of(target) < run.needed:
            version = target["metadata"]["resourceVersion"]
            body = {"metadata": {"resourceVersion": version}, "spec": {"replicas": run.needed}}
            run.cluster.patch("deployments", name, run.request.namespace, body, subresource="scale")
            return Retry(timedelta(seconds=1), f"{name} scaled from {desired_of(target)} to {run.needed} pods")
        ready = ready_of(target)
        if ready < run.needed:
            return Retry(timedelta(seconds=1), f"{ready} of {run.needed} pods of {name} are ready")
        return Done(f"{ready} pods of {name} are ready")
