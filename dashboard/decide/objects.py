"""Reads raw API objects: a field that is absent, null or of another type reads as empty, and never raises.

The API server leaves out what is empty, writes null for some empty lists, and custom resources write what they like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]

LONGEST_WORDS = 300

_EMPTY: Object = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCondition:
    """One entry of `status.conditions`. `status` is "True", "False" or "Unknown" as the API spells them."""

    status: str
    reason: str
    message: str
    since: datetime | None


def part(item: Object, *path: str) -> Object:
    """The object at `path`; empty where there is none."""
    found: Any = item
    for name in path:
        found = found.get(name)
        if not isinstance(found, dict):  # JSON has no other; `Mapping` would cost ten times as long to tell
            return _EMPTY
    return found  # type: ignore[no-any-return]


def parts(item: Object, *path: str) -> list[Object]:
    """The objects in the list at `path`; none where there is no list."""
    *parents, last = path
    found = part(item, *parents).get(last)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text(item: Object, name: str) -> str:
    """The field as text; "" where it is absent or null."""
    found = item.get(name)
    return "" if found is None else str(found)


def count(item: Object, name: str) -> int | None:
    """The field as a whole number, also where it is written as text; None where it is neither."""
    found = item.get(name)
    if isinstance(found, bool) or not isinstance(found, int | str):
        return None
    try:
        return int(found)
    except ValueError:
        return None


def instant(written: object) -> datetime | None:
    """An RFC 3339 time in UTC; None where it is absent or cannot be read."""
    if not isinstance(written, str):
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def name_of(item: Object) -> str:
    """The object's name."""
    return text(part(item, "metadata"), "name")


def labels(item: Object) -> Mapping[str, str]:
    """The object's labels."""
    return part(item, "metadata", "labels")


def annotations_of(item: Object) -> Mapping[str, str]:
    """The object's annotations."""
    return part(item, "metadata", "annotations")


def created_at(item: Object) -> datetime | None:
    """When the object was created."""
    return instant(part(item, "metadata").get("creationTimestamp"))


def conditions(item: Object) -> dict[str, StatusCondition]:
    """The object's conditions by type."""
    return {text(one, "type"): _condition(one) for one in parts(item, "status", "conditions")}


def condition(item: Object, kind: str) -> StatusCondition | None:
    """The object's condition of this type; None where it has none."""
    return next((_condition(one) for one in parts(item, "status", "conditions") if one.get("type") == kind), None)


def _condition(one: Object) -> StatusCondition:
    return StatusCondition(
        status=text(one, "status"),
        reason=text(one, "reason"),
        message=text(one, "message"),
        since=instant(one.get("lastTransitionTime")),
    )


def controller(item: Object) -> tuple[str, str]:
    """Kind and name of the one owner that controls the object, among several; empty when nobody does."""
    for owner in parts(item, "metadata", "ownerReferences"):
        if owner.get("controller") is True:
            return text(owner, "kind"), text(owner, "name")
    return "", ""


def clipped(words: str) -> str:
    """Outside words on one line, short enough to stand in a table."""
    flat = " ".join(words.split())
    return flat if len(flat) <= LONGEST_WORDS else f"{flat[: LONGEST_WORDS - 1]}…"
