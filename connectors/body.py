"""Reads an HTTP body within a deadline and a size limit, which no client library does by itself.

Their timeouts hold for each read: a server that sends a byte a second keeps its caller for ever. And an answer of any
size would be taken into memory.
"""

from __future__ import annotations

import time

from urllib3 import BaseHTTPResponse

from connectors.errors import OversizedBody
from connectors.long_strings import StringCutter

# The largest that is expected, a page of 500 pods, has some 5 MiB. Six answers may be under way at once.
LARGEST_BYTES = 32 * 2**20
_CHUNK_BYTES = 2**16
# JSON whose long strings may be cut is read up to so many times the size that is kept of it.
_READ_OF_KEPT = 16
# Ordinary answers are smaller, and are not scanned for long strings.
_SCANNED_BYTES = 2**20


def read(
    response: BaseHTTPResponse, *, deadline: float, largest_bytes: int = LARGEST_BYTES, cut_strings: bool = False
) -> bytes:
    """The whole decoded body. `deadline` is on the monotonic clock, in seconds.

    The connection goes back to its pool, or is closed where the body was not read to its end.

    Args:
        cut_strings: the body is JSON, and in a large one long strings are cut rather than the answer refused.

    Raises:
        TimeoutError: the deadline passed first.
        OversizedBody: there is more than `largest_bytes`.
        urllib3.exceptions.HTTPError, OSError: the connection broke, or the body is cut short.
    """
    parts: list[bytes] = []
    kept = arrived = 0
    cutter: StringCutter | None = None
    most = largest_bytes * (_READ_OF_KEPT if cut_strings else 1)
    try:
        if int(response.headers.get("Content-Length") or 0) > most:
            raise OversizedBody(most)
        while part := response.read1(_CHUNK_BYTES, decode_content=True):
            arrived += len(part)
            if cut_strings and cutter is None and arrived > _SCANNED_BYTES:
                cutter = StringCutter()
                parts, part = [], b"".join((*parts, part))
                kept = 0
            part = part if cutter is None else cutter.feed(part)
            parts.append(part)
            kept += len(part)
            if kept > largest_bytes or arrived > most:
                raise OversizedBody(largest_bytes)
            if time.monotonic() > deadline:
                raise TimeoutError
        if cutter is not None:
            parts.append(cutter.rest())
    except BaseException:
        response.close()
        raise
    finally:
        response.release_conn()
    return b"".join(parts)
