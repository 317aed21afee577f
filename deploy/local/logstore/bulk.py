"""The lines of a bulk request. No action at all refuses the whole; a bad document, that document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from deploy.local.logstore.errors import StoreError, illegal, invalid
from deploy.local.logstore.store import Order, Written

_ACTIONS = ("create", "index")
_METADATA = ("_index", "_id", "require_alias")


def orders_of(body: bytes, index: str) -> list[Order]:
    """The orders of a body of NDJSON. Raises StoreError."""
    if not body.strip():
        raise StoreError(400, "parse_exception", "request body is required")
    if not body.endswith(b"\n"):
        raise illegal("The bulk request must be terminated by a newline [\\n]")
    return list(_orders([line for line in body.split(b"\n") if line.strip()], index))


def item(order: Order, written: Written) -> dict[str, Any]:
    """What became of one document, under the name of its action."""
    found: dict[str, Any] = {"_index": written.index or order.index, "_id": written.id or order.id or None}
    if written.error:
        return {order.action: {**found, "status": written.error.status, "error": written.error.document()["error"]}}
    return {order.action: {**acknowledgement(written), "status": _STATUS[written.result]}}


def acknowledgement(written: Written) -> dict[str, Any]:
    return {
        "_index": written.index, "_id": written.id, "_version": written.version, "result": written.result,
        "_shards": {"total": 1, "successful": 1, "failed": 0}, "_seq_no": written.sequence, "_primary_term": 1,
    }  # fmt: skip


_STATUS = {"created": 201, "updated": 200}


def _orders(lines: list[bytes], index: str) -> Iterator[Order]:
    at = 0
    while at < len(lines):
        action, options = _action(lines[at], at + 1)
        name = options.get("_index", index)
        if not isinstance(name, str) or not name:
            raise invalid("index is missing")
        identity = options.get("_id")
        identity = "" if identity is None else str(identity)
        at += 1
        if at >= len(lines):
            raise illegal(f"Malformed action/metadata line [{at}]: no document follows it")
        yield _with_source(action, name, identity, lines[at])
        at += 1


def _action(line: bytes, number: int) -> tuple[str, dict[str, Any]]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise illegal(f"Malformed action/metadata line [{number}]: {error}") from error
    if not isinstance(found, dict) or len(found) != 1:
        raise illegal(f"Malformed action/metadata line [{number}], expected START_OBJECT with one field")
    ((action, options),) = found.items()
    if action not in _ACTIONS:
        raise illegal(
            f"Malformed action/metadata line [{number}], expected field {list(_ACTIONS)} but found [{action}]"
        )
    if not isinstance(options, dict):
        raise illegal(f"Malformed action/metadata line [{number}], expected START_OBJECT for [{action}]")
    for option in options:
        if option not in _METADATA:
            raise illegal(f"Action/metadata line [{number}] contains an unknown parameter [{option}]")
    return action, options


def _with_source(action: str, index: str, identity: str, line: bytes) -> Order:
    try:
        source = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Order(action, index, identity, {}, _unreadable(f"failed to parse: {error}"))
    if not isinstance(source, dict):
        return Order(action, index, identity, {}, _unreadable("Malformed content, must start with an object"))
    return Order(action, index, identity, source)


def _unreadable(reason: str) -> StoreError:
    return StoreError(400, "document_parsing_exception", reason)
