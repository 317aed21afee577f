"""What can go wrong between us and a source, by what the caller can do about it.

    SourceError
    ├── Unreachable    nobody answers, or our own credentials cannot be read: look at the network or the settings
    ├── TimedOut       the answer takes too long: ask for less, or later
    ├── Refused        answered, but not to us (401, 403) or not to this question (400, 422): mend token or question
    ├── NotFound       answered: there is no such thing (404)
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

from urllib3.exceptions import SSLError as TlsMistake

LONGEST_DETAIL = 300


class SourceError(Exception):
    """A source did not do what it was asked. `source` is its name, `detail` the reason in a few words."""

    def __init__(self, source: str, detail: str) -> None:
        self.source = source
        self.detail = clipped(detail)
        super().__init__(f"{source}: {self.detail}")


class Unreachable(SourceError):
    """No connection, or it broke."""


class TimedOut(SourceError):
    """No answer in time."""


class Refused(SourceError):
    """The source does not let us, or does not understand the question."""


class NotFound(SourceError):
    """There is no such thing."""


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
    400: Refused,
    401: Refused,
    403: Refused,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Refused,
    504: TimedOut,
}


def from_status(source: str, status: int, text: str, *, retry_after: str | None = None) -> SourceError:
    """The error for an HTTP answer that is none; `text` is the source's own words or its body."""
    detail = f"HTTP {status}: {text.strip()}" if text.strip() else f"HTTP {status}"
    if status == 429:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return RateLimited(source, detail, retry_after_seconds=seconds)
    return _BY_STATUS.get(status, BadAnswer)(source, detail)


def from_failed_call(source: str, error: BaseException, *, timeout_seconds: float) -> SourceError:
    """The error for a call that got no HTTP answer, in plain words found anywhere in the chain of causes."""
    causes = list(_chain(error))
    if any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in causes):
        return TimedOut(source, f"no answer within {timeout_seconds:g} s")
    for cause in reversed(causes):
        if isinstance(cause, OversizedBody):
            return BadAnswer(source, str(cause))
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(source, f"its certificate is not trusted: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return Unreachable(source, f"no TLS connection: {cause.reason or cause}")
        if isinstance(cause, TlsMistake) and "ingerprint" in str(cause):
            return Unreachable(source, "its certificate is not the one that the fingerprint names")
        if isinstance(cause, socket.gaierror):
            return Unreachable(source, "its host name is not known")
        if isinstance(cause, OSError) and cause.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
            return Unreachable(source, os.strerror(cause.errno).lower())
    return Unreachable(source, "the connection broke")


@contextmanager
def understood(source: str) -> Iterator[None]:
    """Reading an answer's shape: what does not fit it is a `BadAnswer`, not a mistake of ours."""
    try:
        yield
    except json.JSONDecodeError as error:
        raise BadAnswer(source, f"its answer is not JSON: {error.doc[:100]!r}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BadAnswer(
            source, f"its answer has another shape than expected ({type(error).__name__}: {error})"
        ) from error


def clipped(text: str) -> str:
    """`text` on one line, short enough to show."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST_DETAIL else one_line[: LONGEST_DETAIL - 1] + "…"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that it was caused by. Client libraries keep causes in arguments and attributes too."""
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
