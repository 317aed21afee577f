"""Errors between us and a source, by what the caller can do about them.

    SourceError
    ├── Unreachable    nobody answers, or our own credentials cannot be read: look at the network or the settings
    │   └── ConnectionBroken   it broke in the middle of an answer: ask for less, or look at the source
    ├── TimedOut       the answer takes too long: ask for less, or later
    ├── Rejected        it does not take this question or document (400, 413, 422): change it
    │   ├── Unauthorized   it does not accept our credentials (401), so it will answer nothing: fix the token
    │   └── Forbidden      we may not do that (403): fix our permissions
    ├── NotFound       answered: there is no such thing (404)
    │   └── NotServed      the cluster has no such kind of object: its controller is not installed
    ├── Conflict       somebody else changed it since it was read (409): read again
    ├── Gone           the resource version is too old (410): list again
    ├── RateLimited    asked too often (429): wait `retry_after_seconds`
    └── BadAnswer      answered, but with an error of its own (5xx) or something that is no answer

`detail` is short, plain and free of secrets: it is shown to people. The cause is chained.
"""
# ruff: noqa: N818 - the names say what happened, as `except TimedOut` reads best

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from urllib3.exceptions import SSLError as TlsMistake

from connectors.secrets import without_secrets

LONGEST_DETAIL = 300


class SourceError(Exception):
    """A request to a source failed. `source` is its name, `detail` the reason in a few words."""

    def __init__(self, source: str, detail: str) -> None:
        self.source = source
        self.detail = clipped(without_secrets(detail))
        super().__init__(f"{source}: {self.detail}")


class Unreachable(SourceError):
    """No connection, or it broke."""


class ConnectionBroken(Unreachable):
    """A connection was there and broke before the answer was whole."""


class TimedOut(SourceError):
    """No answer in time."""


class Rejected(SourceError):
    """The source does not let us, or does not understand the question."""


class Incomplete(Rejected):
    """The source answered a question about what there is in part: what it does not name may be there."""


class Unauthorized(Rejected):
    """The source does not accept our credentials."""


class Forbidden(Rejected):
    """Our credentials are accepted, but do not permit this."""


class NotFound(SourceError):
    """There is no such thing."""


class NotServed(NotFound):
    """The source has no such kind of thing at all."""


class Conflict(SourceError):
    """It exists already, or changed since it was read."""


class Gone(SourceError):
    """The source no longer has the history that was asked for."""


class RateLimited(SourceError):
    """Asked too often."""

    def __init__(self, source: str, detail: str, *, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(source, detail)


class BadAnswer(SourceError):
    """The source failed, or its answer cannot be read."""


class OversizedBody(OSError):
    """An answer has more than `largest_bytes`: what a connector makes of it is a `BadAnswer`."""

    def __init__(self, largest_bytes: int) -> None:
        super().__init__(f"its answer is larger than {largest_bytes // 2**20} MiB")


_BY_STATUS: dict[int, type[SourceError]] = {
    400: Rejected,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Rejected,
    422: Rejected,
    504: TimedOut,
}


def from_status(source: str, status: int, text: str, *, retry_after: str | None = None) -> SourceError:
    """The error for an HTTP status that is not a success; `text` is the source's message or its body.

    An HTML page is left out: it is made for a browser. `retry_after` is the header: seconds, or a date.
    """
    words = "" if _is_web_page(text) else text.strip()
    detail = f"{_meaning(status)}: {words}" if words else _meaning(status)
    if status == 429:
        return RateLimited(source, detail, retry_after_seconds=_seconds(retry_after))
    return _BY_STATUS.get(status, BadAnswer)(source, detail)


def _meaning(status: int) -> str:
    """An HTTP status in plain words, where they say more than the source's message."""
    if status >= 500:
        return f"it failed (HTTP {status})"
    if 300 <= status < 400:
        return f"it redirects, for example to a login page (HTTP {status})"
    return {
        401: "it does not accept our credentials (HTTP 401)",
        403: "it does not allow that (HTTP 403)",
        429: "it is asked too often (HTTP 429)",
    }.get(status, f"HTTP {status}")


def _seconds(retry_after: str | None) -> float | None:
    """How long to wait; None where the header is not there or cannot be read."""
    if not retry_after:
        return None
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # not a date, or one without a time zone
        return None


def _is_web_page(text: str) -> bool:
    return text.lstrip().startswith("<")


def from_failed_call(source: str, error: BaseException, *, timeout_seconds: float) -> SourceError:
    """The error for a call that got no HTTP answer, in plain words found anywhere in the chain of causes."""
    causes = list(causes_of(error))
    if any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in causes):
        return TimedOut(source, f"no answer within {timeout_seconds:.3g} s")
    for cause in reversed(causes):
        if isinstance(cause, OversizedBody):
            return BadAnswer(source, str(cause))
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(source, f"its certificate is not trusted: {cause.verify_message}")
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            break  # an open connection was torn down; TLS reports that in its own words
        if isinstance(cause, ssl.SSLError):
            return Unreachable(source, f"no TLS connection: {cause.reason or cause}")
        if isinstance(cause, TlsMistake) and "ingerprint" in str(cause):
            return Unreachable(source, "its certificate is not the one that the fingerprint names")
        if isinstance(cause, socket.gaierror):
            return Unreachable(source, "its host name is not known")
        if isinstance(cause, OSError) and cause.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
            return Unreachable(source, os.strerror(cause.errno).lower())
    return ConnectionBroken(source, "the connection broke")


@contextmanager
def understood(source: str) -> Iterator[None]:
    """While an answer is parsed: an unexpected shape is a `BadAnswer`, not a bug of ours."""
    try:
        yield
    except json.JSONDecodeError as error:
        raise BadAnswer(source, not_json(error)) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BadAnswer(
            source, f"its answer has another shape than expected ({type(error).__name__}: {error})"
        ) from error


def not_json(error: json.JSONDecodeError) -> str:
    """What arrived instead of JSON, in plain words."""
    if _is_web_page(error.doc):
        return "its answer is a web page, not data: a login page or a proxy may stand before it"
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "its answer ends in the middle"
    return f"its answer is not JSON: {error.doc[:100]!r}"


def clipped(text: str) -> str:
    """`text` on one line, short enough to show."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST_DETAIL else one_line[: LONGEST_DETAIL - 1] + "…"


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """`error` and all its causes. Client libraries keep causes in arguments and attributes too."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        more = getattr(current, "errors", None) or ()
        waiting += [cause for cause in (*inner, *more) if isinstance(cause, BaseException)]
