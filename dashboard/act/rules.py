"""Whether a request is allowed now: asked by the guard, and once more directly before the users are moved."""

from __future__ import annotations

from datetime import timedelta

from dashboard.act.run import Run
from dashboard.act.step import Done, Refused
from dashboard.decide.tracks import not_what_served
from dashboard.model import service_annotations
from dashboard.model.action import ROLLBACK_REASONS, ActionKind, ActionRequest
from dashboard.model.reason import LONGEST_NAME, LONGEST_REASON, problem, tidy, visible_length
from dashboard.model.verdict import Decision, Mode, Verdict
from dashboard.model.written import span

OLDEST_VERDICT = timedelta(seconds=60)


def unfit(request: ActionRequest) -> str:
    """Why a request cannot stand in the audit, whatever it asks for; "" when it can.

    The page's fields hold people to the same bounds, but a crafted message is held to none.
    """
    if not visible_length(tidy(request.actor.name)):
        return "nobody says who acts"
    if len(request.break_glass) > LONGEST_REASON:
        return f"a request needs a reason of at most {LONGEST_REASON} characters"
    if len(request.typed_version) > LONGEST_NAME:
        return f"a typed version has at most {LONGEST_NAME} characters"
    return ""


def allowed(run: Run) -> Done | Refused:
    """Ask for the verdict where one is needed, and hold the request against the rules of its kind."""
    if run.request.kind is ActionKind.ROLLBACK:
        return _may_roll_back(run)
    return _may_switch(run)


def aged(run: Run) -> str:
    """Why the verdict is too old to go by now, naming what was judged and what runs; "" when it is not."""
    verdict = run.verdict
    age = run.now() - verdict.at if verdict else timedelta(0)
    if verdict is None or age <= OLDEST_VERDICT:
        return ""
    return (
        f"the verdict on {verdict.version or 'no version'} is {span(age)} old, older than "
        f"{span(OLDEST_VERDICT)}; {run.request.target} runs {run.version or 'no version'}"
    )


def _may_roll_back(run: Run) -> Done | Refused:
    """A rollback needs no GO: only a reason, and a track that did serve before."""
    request = run.request
    if request.reason not in ROLLBACK_REASONS:
        return Refused("a rollback needs a reason from the list")
    served = service_annotations.read_served_before(run.service)
    if served is None:
        return Refused("no switch is in effect: there is nothing to go back to")
    if served.track is not request.target:
        return Refused(f"{served.track} served before, not {request.target}")
    if why_not := not_what_served(served, run.target):
        return Refused(why_not)
    return Done(f"{served.track} {served.version} served before")


def _may_switch(run: Run) -> Done | Refused:
    """A switch needs the typed version and a GO. What is only unknown somebody may accept; else a reason is needed."""
    request = run.request
    if not run.version or request.typed_version.strip() != run.version:
        return Refused(
            f"{tidy(request.typed_version) or 'nothing'} was typed, but {request.target} runs "
            f"{run.version or 'no version'}: type the version that users will get"
        )
    run.verdict = run.judge(request.namespace, request.service, run.id)
    why_not = _beside_the_point(run, run.verdict)
    if request.accepted and not why_not and run.verdict.decision is Decision.WAIT:
        return _accepted(request, run.verdict)
    if not why_not and run.verdict.decision is not Decision.GO:
        why_not = f"the verdict is {run.verdict.decision}. {run.verdict.sentence}"
    if not why_not:
        return Done(f"GO for {request.target} {run.version}: {run.verdict.sentence}")
    if not request.break_glass:
        return Refused(why_not)
    if lacks := problem(request.break_glass):
        return Refused(f"going against the verdict {lacks}")
    return Done(f"against the verdict: {why_not}")


def _accepted(request: ActionRequest, verdict: Verdict) -> Done | Refused:
    """Whether everything that is unknown was accepted, by somebody who may."""
    found = verdict.acceptable_to(request.actor.name)
    if not found:
        titles = ", ".join(gate.title for gate in verdict.open)
        return Refused(f"{request.actor.name} may not accept everything that is unknown: {titles}")
    news = [gate.title for gate in found if gate.gate not in request.accepted]
    if news:
        return Refused(f"this is unknown now as well, and nobody accepted it: {', '.join(news)}")
    return Done(f"{request.actor.name} accepts as unknown: {', '.join(gate.title for gate in found)}")


def _beside_the_point(run: Run, verdict: Verdict) -> str:
    """Why this verdict says nothing about the switch; "" when it does."""
    target = run.request.target
    if verdict.mode is not Mode.BEFORE or verdict.candidate is not target:
        return f"the verdict is about {verdict.candidate}, not about moving users to {target}"
    if verdict.version != run.version:
        return f"the verdict is about {verdict.version or 'no version'}, but {target} runs {run.version}"
    if run.target and verdict.template and verdict.template != run.target.template:
        return (
            f"the verdict is about {verdict.version} with the template {verdict.template}, "
            f"but {target} runs {run.version} with the template {run.target.template}"
        )
    return aged(run)
