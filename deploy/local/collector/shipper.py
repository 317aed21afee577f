"""Documents to Elasticsearch in bulks: acknowledged, refused for good, or to be tried again."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import aiohttp
import orjson

from deploy.local.collector.documents import Document

_LOG = logging.getLogger("collector")
_CONFLICT = 409


class AwayError(Exception):
    """The store did not take the bulk; it may later."""


@dataclass(slots=True)
class Counters:
    """What was sent and what was refused for good, since the start."""

    sent: int = 0
    refused: int = 0


async def ship(
    session: aiohttp.ClientSession, url: str, stream: str, entries: list[tuple[str, Document]], counters: Counters
) -> None:
    """Creates documents. One that is there already was sent before; one that is refused is logged and let go.

    Raises AwayError when the whole must be sent again.
    """
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
    if not found["errors"]:
        counters.sent += len(entries)
        return
    for item in found["items"]:
        (result,) = item.values()
        error = result.get("error")
        if error is None or result["status"] == _CONFLICT:
            counters.sent += 1
        elif result["status"] == 429 or result["status"] >= 500:
            raise AwayError(error["reason"])
        else:
            counters.refused += 1
            _LOG.error("document refused stream=%s id=%s reason=%s", stream, result["_id"], error["reason"])
