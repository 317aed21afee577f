"""How the body of a query clause is read: its options by name, its one field, what it must have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deploy.local.logstore.errors import illegal, parsing

Json = Mapping[str, Any]


def only(body: Json, clause: str, allowed: Iterable[str]) -> None:
    """Raises StoreError for an option that is not supported."""
    for key in body:
        if key not in allowed:
            raise parsing(f"[{clause}] query does not support [{key}]")


def one_field(body: Json, clause: str) -> tuple[str, Any]:
    """The one field of a clause and what is asked of it."""
    if len(body) != 1:
        raise parsing(f"[{clause}] query doesn't support multiple fields, found {list(body)}")
    return next(iter(body.items()))


def field_of(body: Json, clause: str, main: str, allowed: Iterable[str]) -> tuple[str, Json]:
    """The one field of a clause with its options; a plain value stands for the option `main`."""
    name, wanted = one_field(body, clause)
    options = wanted if isinstance(wanted, Mapping) else {main: wanted}
    only(options, clause, allowed)
    if options.get(main) is None:
        raise parsing(f"[{clause}] query needs a [{main}] for the field [{name}]")
    return name, options


def required(body: Json, clause: str, key: str) -> Any:
    only(body, clause, (key,))
    if key not in body:
        raise parsing(f"[{clause}] query must be provided with a [{key}]")
    return body[key]


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def operator_is_and(name: object) -> bool:
    if str(name).lower() not in ("and", "or"):
        raise illegal(f"operator needs to be either [AND] or [OR], but not [{name}]")
    return str(name).lower() == "and"
