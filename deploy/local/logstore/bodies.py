"""How the body of a clause is read: its options by name, its one field, what it must have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deploy.local.logstore.errors import illegal, parsing

Json = Mapping[str, Any]


def only(body: Json, clause: str, allowed: Iterable[str]) -> None:
    for key in body:
        if key not in allowed and key not in ("boost", "_name"):
            raise parsing(f"[{clause}] query does not support [{key}]")
    if "_name" in body:
        raise illegal("named queries are not known to this store")


def one_field(body: Json, clause: str) -> Json:
    if len(body) != 1:
        raise parsing(f"[{clause}] query doesn't support multiple fields, found {list(body)}")
    return body


def field_of(body: Json, clause: str, main: str, allowed: Iterable[str]) -> tuple[str, Json]:
    """The one field of a clause with its options; a plain value stands for the main one."""
    ((name, wanted),) = one_field(body, clause).items()
    options = wanted if isinstance(wanted, Mapping) else {main: wanted}
    only(options, clause, allowed)
    if options.get(main) is None and not (clause == "wildcard" and "wildcard" in options):
        raise parsing(f"[{clause}] query needs a [{main}] for the field [{name}]")
    return name, options


def required(body: Json, clause: str, key: str) -> Any:
    if key not in body:
        raise parsing(f"[{clause}] query must be provided with a [{key}]")
    return body[key]


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def operator_is_and(name: object) -> bool:
    if str(name).lower() not in ("and", "or"):
        raise illegal(f"operator needs to be either [AND] or [OR], but not [{name}]")
    return str(name).lower() == "and"


def at_least(asked: Any, count: int) -> int:
    """How many of `count` optional clauses must match: `2`, `-1`, `75%`, `-25%`."""
    text = str(asked)
    try:
        share = int(text.removesuffix("%"))
    except ValueError:
        raise illegal(f"minimum_should_match must be a number or a percentage, not [{asked}]") from None
    wanted = int(count * abs(share) / 100) * (1 if share >= 0 else -1) if text.endswith("%") else share
    return max(0, min(count, wanted if wanted >= 0 else count + wanted))


def literal(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "*?\\" else sign for sign in text)
