"""What is written on a governed Service: the intent of an action, the track that served before.

To and from JSON, pure. Other replicas, commands and `kubectl describe` see an action by its annotations. Text in them
that we did not write reads as absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from dashboard.model.action import ActionId, ActionKind, Intent, Judged, Move, Outcome, ServedBefore
from dashboard.model.conditions import Schema
from dashboard.model.release import Track

PREVIEW_SERVICE = "tealdeck.io/preview-service"
OWNER = "tealdeck.io/owner"
ACTION = "tealdeck.io/action"
SERVED_BEFORE = "tealdeck.io/served-before"
SUPERSEDED = "tealdeck.io/superseded-action"
FREEZE = "tealdeck.io/freeze"
BACKUP_VERIFIED = "tealdeck.io/backup-verified-at"
SCHEMA_WRITES = "tealdeck.io/schema-writes"
SCHEMA_READS = "tealdeck.io/schema-reads"

_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def write_intent(intent: Intent) -> str:
    """The intent as the annotation's text."""
    return json.dumps(asdict(intent), sort_keys=True, default=datetime.isoformat)


def read_intent(service: Mapping[str, Any]) -> Intent | None:
    """The action that was last begun on this Service; None when there is none that can be read."""
    found = _annotation(service, ACTION)
    try:
        intent = Intent(
            id=ActionId(found["id"]),
            kind=ActionKind(found["kind"]),
            source=Track(found["source"]),
            target=Track(found["target"]),
            version=str(found["version"]),
            actor=str(found["actor"]),
            reason=str(found["reason"]),
            step=str(found["step"]),
            started_at=_instant(found["started_at"]),
            outcome=Outcome(found["outcome"]),
            ended_at=_instant(found["ended_at"]) if found.get("ended_at") else None,
            superseded=str(found.get("superseded", "")),
            judged=_judged(found.get("judged")),
            preview=str(found.get("preview") or ""),
            left_behind=tuple(str(name) for name in found.get("left_behind") or ()),
        )
    except (KeyError, ValueError, TypeError):
        return None
    return replace(intent, moved=_move(found.get("moved")) or _own_move(intent))


def write_served_before(served: ServedBefore) -> str:
    """The former active track as the annotation's text."""
    return json.dumps({"track": served.track, "version": served.version, "runs": served.runs, "pods": served.pods})


def read_served_before(service: Mapping[str, Any]) -> ServedBefore | None:
    """The track that a rollback would go back to; None when no switch has happened or it was rolled back."""
    found = _annotation(service, SERVED_BEFORE)
    try:
        return ServedBefore(
            track=Track(found["track"]),
            version=str(found["version"]),
            runs=str(found.get("runs") or ""),
            pods=int(found.get("pods") or 0),
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def read_freeze(service: Mapping[str, Any]) -> str:
    """Why nobody may switch this Service now, as somebody wrote it there; "" when nobody did."""
    return _text(service, FREEZE).strip()


def read_backup_verified_at(service: Mapping[str, Any]) -> datetime | None:
    """When a backup was last restored and checked; None when there is no time that can be read."""
    try:
        return _instant(_text(service, BACKUP_VERIFIED))
    except ValueError:
        return None


def read_schema(deployment: Mapping[str, Any]) -> Schema | None:
    """What the Deployment's pods write and read, such as `5` and `4-5`; None when it does not say so."""
    template = deployment["spec"].get("template") or {}
    first, _, last = _text(template, SCHEMA_READS).partition("-")
    try:
        return Schema(writes=int(_text(template, SCHEMA_WRITES)), reads_from=int(first), reads_to=int(last or first))
    except ValueError:
        return None


def read_preview_service(service: Mapping[str, Any]) -> str:
    """The name that the Service gives of its preview Service; "" when it gives none."""
    return _text(service, PREVIEW_SERVICE)


def _move(found: Any) -> Move | None:
    try:
        return Move(
            kind=ActionKind(found["kind"]),
            track=Track(found["track"]),
            version=str(found["version"]),
            actor=str(found["actor"]),
            started_at=_instant(found["started_at"]),
            ended_at=_instant(found["ended_at"]),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _judged(found: Any) -> Judged | None:
    try:
        return Judged(
            track=Track(found["track"]),
            name=str(found["name"]),
            uid=str(found["uid"]),
            version=str(found["version"]),
            images=tuple(str(image) for image in found["images"]),
            template=str(found["template"]),
            pods=int(found["pods"]),
            selector=str(found["selector"]),
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _own_move(intent: Intent) -> Move | None:
    """The move that an intent of an earlier version implies by its outcome."""
    if intent.outcome is not Outcome.SUCCEEDED or intent.ended_at is None:
        return None
    return intent.move(intent.ended_at)


def _text(item: Mapping[str, Any], name: str) -> str:
    return str((item.get("metadata", {}).get("annotations") or {}).get(name, ""))


def _annotation(service: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_text(service, name) or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _instant(text: Any) -> datetime:
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:  # beyond it, arithmetic on times overflows
        raise ValueError(f"{text!r} is no time at which anybody acted")
    return at
