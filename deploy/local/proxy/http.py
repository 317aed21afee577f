"""As much of HTTP/1.1 as a proxy needs: where a message's head and body end, and what concerns one hop only. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LONGEST_HEAD = 64 * 1024
_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"expect"})
_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"})
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

Body = int | Literal["chunked", "until close"]


class MalformedError(Exception):
    """The message cannot be understood in one way only, so it is not passed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The head of a request. `forwarded` is what goes to the pod; `body` is its length in bytes or "chunked"."""

    method: bytes
    forwarded: bytes
    body: Body
    keeps_alive: bool
    upgrades: bool
    awaits_continue: bool

    @property
    def is_idempotent(self) -> bool:
        return self.method in _IDEMPOTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The head of a response. `lines` are its status line and headers without those of the hop."""

    status: int
    lines: tuple[bytes, ...]
    body: Body
    keeps_alive: bool

    def head(self, *, close: bool) -> bytes:
        """What goes to the client; `close` tells it that the connection ends with this response."""
        lines = (*self.lines, b"Connection: close") if close else self.lines
        return b"\r\n".join(lines) + b"\r\n\r\n"


def parse_request(head: bytes) -> Request:
    """Raises MalformedError."""
    line, fields = _fields(head)
    parts = line.split(b" ")
    if len(parts) != 3 or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0") or not parts[1] or not _is_token(parts[0]):
        raise MalformedError("the request line is not METHOD TARGET HTTP/1.1")
    connection = _tokens(fields, b"connection")
    upgrades = b"upgrade" in connection and any(name == b"upgrade" for name, _ in fields)
    kept = [name + b": " + value for name, value in fields if name not in _HOP]
    if upgrades:
        kept.append(b"Connection: Upgrade")
    is_new = parts[2] == b"HTTP/1.1"
    return Request(
        method=parts[0],
        forwarded=b"\r\n".join([line, *kept]) + b"\r\n\r\n",
        body=_body(fields) or 0,
        keeps_alive=b"close" not in connection and (is_new or b"keep-alive" in connection),
        upgrades=upgrades,
        awaits_continue=any(name == b"expect" and value.lower() == b"100-continue" for name, value in fields),
    )


def parse_response(head: bytes, method: bytes) -> Response:
    """Raises MalformedError. `method` is the request's: a response to HEAD has no body whatever it says."""
    line, fields = _fields(head)
    parts = line.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit() or len(parts[1]) != 3:
        raise MalformedError("the status line is not HTTP/1.1 STATUS")
    status = int(parts[1])
    if method == b"HEAD" or status < 200 or status in (204, 304):
        body: Body = 0
    else:
        length = _body(fields)
        body = "until close" if length is None else length
    connection = _tokens(fields, b"connection")
    hop = _HOP - {b"connection"} if status == 101 else _HOP
    return Response(
        status=status,
        lines=(line, *(name + b": " + value for name, value in fields if name not in hop)),
        body=body,
        keeps_alive=(
            body != "until close"
            and b"close" not in connection
            and (parts[0] == b"HTTP/1.1" or b"keep-alive" in connection)
        ),
    )


def chunk_length(line: bytes) -> int:
    """The length that a chunk's first line names. Raises MalformedError."""
    text = line.split(b";", 1)[0].strip()
    try:
        if not text or len(text) > 16 or text.startswith((b"+", b"-", b"0x", b"0X")) or b"_" in text:
            raise ValueError
        return int(text, 16)
    except ValueError:
        raise MalformedError("a chunk does not begin with its length") from None


def plain(status: int, phrase: str, text: str, *, retry_seconds: int | None = None) -> bytes:
    """A whole response of the proxy's own; the connection ends with it."""
    body = f"{text}\n".encode()
    retry = f"Retry-After: {retry_seconds}\r\n" if retry_seconds else ""
    return (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"{retry}Connection: close\r\n\r\n"
    ).encode() + body


def _fields(head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    line, *rest = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    fields = []
    for one in rest:
        name, colon, value = one.partition(b":")
        if not colon or not _is_token(name):
            raise MalformedError("a header is not NAME: VALUE")
        if b"\n" in value or b"\0" in value:
            raise MalformedError("a header holds a line break")
        fields.append((name.lower(), value.strip(b" \t")))
    return line, fields


def _is_token(name: bytes) -> bool:
    return bool(name) and _TOKEN.issuperset(name)


def _tokens(fields: Iterable[tuple[bytes, bytes]], header: bytes) -> set[bytes]:
    return {token.strip().lower() for name, value in fields if name == header for token in value.split(b",")}


def _body(fields: Iterable[tuple[bytes, bytes]]) -> int | Literal["chunked"] | None:
    """A length, "chunked", or None where neither is said. Two answers are none: requests are smuggled that way."""
    lengths = {value for name, value in fields if name == b"content-length"}
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if codings:
        if lengths or codings != [b"chunked"]:
            raise MalformedError("Transfer-Encoding must be chunked, and without Content-Length")
        return "chunked"
    if not lengths:
        return None
    if len(lengths) > 1 or not (text := lengths.pop()).isdigit():
        raise MalformedError("Content-Length is not one number")
    return int(text)
