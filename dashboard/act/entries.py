"""Audit records of an action: ECS fields, in three phases. Written and read here alone, so that they agree. Pure.

An action that was refused before its first record has one record, "finished" with the outcome "refused".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from dashboard.act.audit import Record, environment_of
from dashboard.act.run import Run
from dashboard.model.action import ActionId, ActionKind, HistoryEntry, Outcome
from dashboard.model.reason import LONGEST_NAME, tidy
from dashboard.model.release import Track
from dashboard.model.verdict import Verdict

Phase = Literal["requested", "begun", "finished"]
_TYPES: Mapping[Phase, list[str]] = {"requested": ["info"], "begun": ["change", "start"], "finished": ["change", "end"]}
_ECS_OUTCOMES = {
    Outcome.RUNNING: "unknown",
    Outcome.SUCCEEDED: "success",
    Outcome.REFUSED: "failure",
    Outcome.FAILED: "failure",
}


def entry(run: Run, phase: Phase, *, outcome: Outcome = Outcome.RUNNING, sentence: str = "") -> Record:
    """The record of one phase; its place in the chain is given by the audit file."""
    request, actor = run.request, tidy(run.request.actor.name, longest=LONGEST_NAME)
    return {
        "@timestamp": run.now().isoformat(timespec="milliseconds"),
        "ecs": {"version": "8.17.0"},
        "message": sentence or f"{actor} asks: {request.kind} {request.service} to {request.target}",
        "event": {
            "id": f"{run.id}-{phase}",
            "kind": "event",
            "action": f"release.{request.kind}",
            "category": ["configuration"],
            "type": ["denied", "end"] if outcome is Outcome.REFUSED else _TYPES[phase],
            "outcome": _ECS_OUTCOMES[outcome],
            "reason": tidy(request.why),
        },
        "user": {"name": actor, "roles": []},
        "service": {"name": request.service, "environment": run.environment},
        "kubernetes": {"namespace": request.namespace},
        "agentgov": {
            "audit": {
                "phase": phase,
                "action_id": run.id,
                "kind": request.kind,
                "outcome": outcome,
                "target": target(request.namespace, request.service),
                "actor_origin": request.actor.origin,
                "before": _side(run, request.source),
                "after": {**_side(run, request.target), "version": run.version},
                "break_glass": tidy(request.break_glass),
                "accepted": list(request.accepted),
                "verdict": _verdict(run.verdict),
                "facts": dict(run.facts),
            }
        },
    }


def _side(run: Run, track: Track) -> dict[str, str]:
    """A track in the deck's word, with the label that the team tells it by where that is known by now."""
    return {"track": track, **({"label": run.blue_green.says(track)} if run.blue_green.value(track) else {})}


def target(namespace: str, service: str) -> str:
    """What an action is about, as it stands in its records."""
    return f"Service {namespace}/{service}"


def finished(record: Record, environment: str) -> tuple[str, HistoryEntry] | None:
    """The target and the outcome of an action that ended in `environment`.

    None for any other record, and for one that this version cannot read: a page shows what it can.
    """
    audit: Mapping[str, Any] = record["agentgov"]["audit"]
    if audit.get("phase") != "finished" or environment_of(record) not in ("", environment):
        return None
    try:
        at = datetime.fromisoformat(record["@timestamp"])
        return str(audit["target"]), HistoryEntry(
            at=at if at.tzinfo else at.replace(tzinfo=UTC),
            id=ActionId(audit["action_id"]),
            kind=ActionKind(audit["kind"]),
            source=Track(audit["before"]["track"]),
            target=Track(audit["after"]["track"]),
            version=str(audit["after"].get("version", "")),
            actor=str(record["user"]["name"]),
            reason=str(record["event"].get("reason", "")),
            outcome=Outcome(audit["outcome"]),
            sentence=str(record["message"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    """The verdict that the guard went by, with what each gate saw."""
    if verdict is None:
        return None
    return {
        "decision": verdict.decision,
        "sentence": verdict.sentence,
        "at": verdict.at.isoformat(),
        "mode": verdict.mode,
        "candidate": verdict.candidate,
        "version": verdict.version,
        "gates": [
            {
                "gate": gate.gate,
                "result": gate.result,
                "value": gate.value,
                "limit": gate.limit,
                "sample": gate.sample,
                "reason": gate.reason,
            }
            for gate in verdict.gates
        ],
    }
