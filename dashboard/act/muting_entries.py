"""Audit records of acts on alerts, in the same fields as those of a switch. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dashboard.act.audit import Record
from dashboard.act.entries import Phase
from dashboard.decide.alerts import place
from dashboard.model.action import ActionId, Outcome
from dashboard.model.muting import MutingKind, MutingRequest
from dashboard.model.reason import LONGEST_NAME, tidy
from dashboard.model.silence import AlertMatcher, exactly

_TYPES: Mapping[Phase, list[str]] = {"requested": ["info"], "begun": ["change", "start"], "finished": ["change", "end"]}
_MOST_NAMED = 3


def muting_entry(
    action: ActionId,
    request: MutingRequest,
    phase: Phase,
    *,
    at: datetime,
    environment: str,
    outcome: Outcome = Outcome.RUNNING,
    sentence: str = "",
    silences: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> Record:
    """The record of one phase; its place in the chain is given by the audit file.

    Args:
        silences: the ids that Alertmanager gave.
    """
    actor = tidy(request.actor.name, longest=LONGEST_NAME)
    ecs = {Outcome.RUNNING: "unknown", Outcome.SUCCEEDED: "success"}.get(outcome, "failure")
    return {
        "@timestamp": at.isoformat(timespec="milliseconds"),
        "ecs": {"version": "8.17.0"},
        "message": sentence or f"{actor} asks: {request.kind} {about(request)}",
        "event": {
            "id": f"{action}-{phase}",
            "kind": "event",
            "action": f"alerts.{request.kind}",
            "category": ["configuration"],
            "type": ["denied", "end"] if outcome is Outcome.REFUSED else _TYPES[phase],
            "outcome": ecs,
            "reason": tidy(request.reason),
        },
        "user": {"name": actor, "roles": []},
        "service": {"name": service(request), "environment": environment},
        "kubernetes": {"namespace": request.namespace},
        "agentgov": {
            "audit": {
                "phase": phase,
                "action_id": action,
                "kind": request.kind,
                "outcome": outcome,
                "target": about(request),
                "actor_origin": request.actor.origin,
                "matchers": [", ".join(map(str, one)) for one in matchers(request)],
                "until": request.until.isoformat(timespec="seconds") if request.until else None,
                "silences": list(silences),
                "facts": dict(facts or {}),
            }
        },
    }


def about(request: MutingRequest) -> str:
    """What an act is about, for people: the names of alerts, or the matchers of a silence."""
    if request.kind is MutingKind.ACKNOWLEDGE:
        names = list(
            dict.fromkeys(tidy(one.labels.get("alertname", ""), longest=LONGEST_NAME) for one in request.alerts)
        )
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        return f"{', '.join(names[:_MOST_NAMED])}{more}"
    return tidy(", ".join(str(one) for several in matchers(request) for one in several), longest=200)


def service(request: MutingRequest) -> str:
    """The service that an act is about; "" where it names none, or several."""
    labels = [one.labels for one in request.alerts] or [
        {one.name: one.value for one in several if one.is_equal and not one.is_regex} for several in matchers(request)
    ]
    found = {place(one)[0] for one in labels}
    return found.pop() if len(found) == 1 else ""


def matchers(request: MutingRequest) -> Sequence[Sequence[AlertMatcher]]:
    """The matchers of each silence that an act makes or changes."""
    if request.kind is MutingKind.ACKNOWLEDGE:
        return [exactly(one.labels) for one in request.alerts]
    if request.kind is MutingKind.SILENCE:
        return [request.matchers]
    return [request.mute.matchers] if request.mute else []
