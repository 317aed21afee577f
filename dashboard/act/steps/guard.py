"""Who, may, really: is the request still about the cluster as it is, and is it allowed?

A name is all that is known of who acts until there is a login; the audit says where the name comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.run import Run, version_of
from dashboard.act.step import Done, Refused, StepResult
from dashboard.model import service_annotations
from dashboard.model.action import ROLLBACK_REASONS, SHORTEST_REASON, ActionKind, ActionRequest
from dashboard.model.verdict import Decision, Mode, Verdict

OLDEST_VERDICT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses what must not be begun. Reads only."""

    name: str = "guard"
    title: str = "Check that this may be done"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Hold the request against the cluster, then against the rules of its kind."""
        if why_not := _stands(run):
            return Refused(why_not)
        if run.request.kind is ActionKind.ROLLBACK:
            return _may_roll_back(run)
        return _may_switch(run)


def _stands(run: Run) -> str:
    """Why the request does not fit the cluster as it is now; "" when it does."""
    request = run.request
    if not request.actor.name:
        return "nobody says who acts"
    service = run.read_service()
    if (service["metadata"].get("labels") or {}).get(service_annotations.GOVERNED) != "true":
        return f"{request.service} is no governed Service: it lacks the label {service_annotations.GOVERNED}"
    active = service_annotations.read_active(service)
    if active is not request.source:
        return f"users are on {active or 'no track'} by now, not on {request.source}"
    deployment = run.deployment(request.target)
    if deployment is None:
        return f"there is no Deployment of {request.target}"
    run.version = version_of(deployment)
    return ""


def _may_roll_back(run: Run) -> StepResult:
    """A rollback needs no GO: only a reason, and a track that did serve before."""
    request = run.request
    if request.reason not in ROLLBACK_REASONS:
        return Refused("a rollback needs a reason from the list")
    served = service_annotations.read_served_before(run.service)
    if served is None:
        return Refused("no switch has happened since the last rollback: there is nothing to go back to")
    if served.track is not request.target:
        return Refused(f"{served.track} served before, not {request.target}")
    if served.version != run.version:
        return Refused(
            f"{served.track} runs {run.version or 'another version'} now, but {served.version} served before"
        )
    return Done(f"{served.track} {served.version} served until {served.since:%Y-%m-%d %H:%M} UTC")


def _may_switch(run: Run) -> StepResult:
    """A switch needs the typed version and a GO. What is only unknown somebody may accept; else a reason is needed."""
    request = run.request
    if not run.version or request.typed_version.strip() != run.version:
        return Refused(f"the typed version is not {run.version or 'known'}, which {request.target} runs")
    run.verdict = run.judge(request.namespace, request.service)
    why_not = _is_no_answer(run, run.verdict)
    if request.accepted and not why_not and run.verdict.decision is Decision.WAIT:
        return _accepted(request, run.verdict)
    if not why_not and run.verdict.decision is not Decision.GO:
        why_not = f"the verdict is {run.verdict.decision}. {run.verdict.sentence}"
    if not why_not:
        return Done(f"GO for {request.target} {run.version}: {run.verdict.sentence}")
    if not request.break_glass:
        return Refused(why_not)
    if len(request.break_glass.strip()) < SHORTEST_REASON:
        return Refused(f"going against the verdict needs a reason of at least {SHORTEST_REASON} signs")
    return Done(f"against the verdict: {why_not}")


def _accepted(request: ActionRequest, verdict: Verdict) -> StepResult:
    """Whether everything that is unknown was accepted, by somebody who may."""
    found = verdict.acceptable_to(request.actor.name)
    if not found:
        titles = ", ".join(gate.title for gate in verdict.open)
        return Refused(f"{request.actor.name} may not accept all that is unknown: {titles}")
    news = [gate.title for gate in found if gate.gate not in request.accepted]
    if news:
        return Refused(f"by now this is unknown as well, and nobody accepted it: {', '.join(news)}")
    return Done(f"{request.actor.name} accepts as unknown: {', '.join(gate.title for gate in found)}")


def _is_no_answer(run: Run, verdict: Verdict) -> str:
    """Why this verdict says nothing about the switch; "" when it does."""
    if verdict.mode is not Mode.BEFORE or verdict.candidate is not run.request.target:
        return f"the verdict is about {verdict.candidate}, not about moving users to {run.request.target}"
    if verdict.version != run.version:
        return f"the verdict is about {verdict.version}, but {run.request.target} runs {run.version}"
    if run.now() - verdict.at > OLDEST_VERDICT:
        return "the verdict is older than 60 s"
    return ""
