"""Documents to Elasticsearch in bulks: acknowledged, refused for good, or to be tried again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from deploy.local.collector.documents import Document

_LOG = logging.getLogger("collector")
_CONFLICT = 409


class AwayError(Exception):
    """The store did not accept the bulk, but may accept it later."""


@dataclass(slots=True)
class Counters:
    """What was sent and what was refused for good, since the start."""

    sent: int = 0
    refused: int = 0


async def ship(
    session: aiohttp.ClientSession, url: str, stream: str, entries: list[tuple[str, Document]], counters: Counters
) -> None:
    """Creates documents. One that exists was sent before; one that is refused for good is logged and dropped.

    Raises AwayError when the whole bulk must be sent again.
    """
    if not entries:
        return
    lines = []
    for document_id, document in entries:
        lines.append(orjson.dumps({"create": {"_index": stream, "_id": document_id}}))
        lines.append(orjson.dumps(document))
    headers = {"Content-Type": "application/x-ndjson"}
    try:
        async with session.post(f"{url}/_bulk", data=b"\n".join(lines) + b"\n", headers=headers) as answer:
            if answer.status != 200:
                raise AwayError(f"HTTP {answer.status}: {(await answer.text())[:200]}")
            found = orjson.loads(await answer.read())
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
        raise AwayError(str(error) or type(error).__name__) from error
    results = [result for item in found["items"] for result in item.values()] if found["errors"] else []
    for result in results:
        if _is_passing(result):
            raise AwayError(result["error"]["reason"])
    refused = [result for result in results if "error" in result and result["status"] != _CONFLICT]
    for result in refused:
        reason = result["error"]["reason"]
        _LOG.error("document refused stream=%s id=%s reason=%s", stream, result["_id"], reason)
    counters.sent += len(entries) - len(refused)
    counters.refused += len(refused)


def _is_passing(result: dict[str, Any]) -> bool:
    """Whether a document may be taken later: the store is busy, full or ill."""
    return result["status"] == 429 or result["status"] >= 500
