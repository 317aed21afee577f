"""Audit records of an action: ECS fields, in three phases. Written and read here alone, so that they agree. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from dashboard.act.audit import Record
from dashboard.act.run import Run
from dashboard.model.action import ActionId, ActionKind, HistoryEntry, Outcome
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
    request = run.request
    return {
        "@timestamp": run.now().isoformat(timespec="milliseconds"),
        "ecs": {"version": "8.17.0"},
        "message": sentence or f"{request.actor.name} asks: {request.kind} {request.service} to {request.target}",
        "event": {
            "id": f"{run.id}-{phase}",
            "kind": "event",
            "action": f"release.{request.kind}",
            "category": ["configuration"],
            "type": _TYPES[phase],
            "outcome": _ECS_OUTCOMES[outcome],
            "reason": request.why,
        },
        "user": {"name": request.actor.name, "roles": []},
        "service": {"name": request.service},
        "agentgov": {
            "audit": {
                "phase": phase,
                "action_id": run.id,
                "kind": request.kind,
                "outcome": outcome,
                "target": f"Service {request.namespace}/{request.service}",
                "actor_origin": request.actor.origin,
                "before": {"track": request.source},
                "after": {"track": request.target, "version": run.version},
                "break_glass": request.break_glass,
                "accepted": list(request.accepted),
                "verdict": _verdict(run.verdict),
                "facts": dict(run.facts),
            }
        },
    }


def history(records: Iterable[Record], namespace: str, service: str) -> tuple[HistoryEntry, ...]:
    """The finished actions on one service, newest first."""
    target = f"Service {namespace}/{service}"
    found = (_finished(record) for record in records if record["agentgov"]["audit"].get("target") == target)
    return tuple(sorted((entry for entry in found if entry), key=lambda entry: entry.at, reverse=True))


def _finished(record: Record) -> HistoryEntry | None:
    audit: Mapping[str, Any] = record["agentgov"]["audit"]
    if audit.get("phase") != "finished":
        return None
    return HistoryEntry(
        at=datetime.fromisoformat(record["@timestamp"]),
        id=ActionId(audit["action_id"]),
        kind=ActionKind(audit["kind"]),
        source=Track(audit["before"]["track"]),
        target=Track(audit["after"]["track"]),
        version=audit["after"]["version"],
        actor=record["user"]["name"],
        reason=record["event"]["reason"],
        outcome=Outcome(audit["outcome"]),
        sentence=record["message"],
    )


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
