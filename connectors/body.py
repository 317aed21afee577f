"""Reads the body of an HTTP answer within a time and a size, which no client library does by itself.

Their timeouts hold for each read: a server that sends a byte a second keeps its caller for ever. And an answer of any
size would be taken into memory.
"""

from __future__ import annotations

import time

from urllib3 import BaseHTTPResponse

from connectors.errors import OversizedBody

# The largest that is expected, a page of 500 pods, has some 5 MiB. Six answers may be under way at once.
LARGEST_BYTES = 32 * 2**20
_CHUNK_BYTES = 2**16


def read(response: BaseHTTPResponse, *, deadline: float, largest_bytes: int = LARGEST_BYTES) -> bytes:
    """The whole decoded body. `deadline` is on the monotonic clock, in seconds.

    The connection goes back to its pool, or is closed where the body was not read to its end.

    Raises:
        TimeoutError: the deadline passed first.
        OversizedBody: there is more than `largest_bytes`.
        urllib3.exceptions.HTTPError, OSError: the connection broke, or the body is cut short.
    """
    parts: list[bytes] = []
    length = 0
    try:
        if int(response.headers.get("Content-Length") or 0) > largest_bytes:
            raise OversizedBody(largest_bytes)
        while part := response.read1(_CHUNK_BYTES, decode_content=True):
            parts.append(part)
            length += len(part)
            if length > largest_bytes:
                raise OversizedBody(largest_bytes)
            if time.monotonic() > deadline:
                raise TimeoutError
    except BaseException:
        response.close()
        raise
    finally:
        response.release_conn()
    return b"".join(parts)
