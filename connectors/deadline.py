"""Connections with one deadline for the whole answer, status line and headers included.

The client libraries' timeouts hold for each read of the socket: a server that sends its headers a byte a second keeps
a caller, and one of the few threads that ask it, for minutes.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from socket import socket
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Within(io.RawIOBase):
    """Reads from a socket until the deadline, in seconds of the monotonic clock."""

    def __init__(self, raw: io.RawIOBase, connection: socket, deadline: float) -> None:
        self.deadline = deadline
        self._raw = raw
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer that takes the socket's read timeout as the deadline of all its reads together."""

    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if (seconds := sock.gettimeout()) is not None:
            raw: io.RawIOBase = self.fp.detach()
            self.fp = io.BufferedReader(_Within(raw, sock, time.monotonic() + seconds))


class PlainConnection(HTTPConnection):
    """A connection over HTTP."""

    response_class = _TimedResponse


class TlsConnection(HTTPSConnection):
    """A connection over HTTPS."""

    response_class = _TimedResponse


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


# As a urllib3 `PoolManager` takes them.
POOLS: dict[str, type] = {"http": _PlainPool, "https": _TlsPool}


def extend(response: BaseHTTPResponse, seconds: float) -> None:
    """Gives the rest of an answer that streams, such as a watch, so much time from now on."""
    answer: Any = response
    answer._original_response.fp.raw.deadline = time.monotonic() + seconds
