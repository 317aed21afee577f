"""The bad days of a source, by name."""

from __future__ import annotations

from enum import StrEnum

RETRY_AFTER_SECONDS = 2
CLOCK_AHEAD_SECONDS = 3600


class Fault(StrEnum):
    """What the proxy does to what goes through it."""

    HANG = "hang"  # takes the request and never answers; what was streaming stops
    TRICKLE = "trickle"  # answers a byte at a time, from the status line on
    RESET = "reset"  # the connection is torn down
    SERVER_ERROR = "server error"  # 500
    TOO_MANY = "too many requests"  # 429 with Retry-After
    HTML = "HTML"  # 200 with a login page
    CUT = "cut"  # 200 with half of the JSON
    OVERSIZED = "oversized"  # ten times more than is taken
    WRONG_CA = "wrong CA"  # a certificate of an authority that nobody named
    EXPIRED = "expired token"  # 401
    NO_NAME = "no name"  # the host's name cannot be looked up
    CLOCK_AHEAD = "clock ahead"  # by an hour: the Date header and every time in questions and answers
    WATCH_CLOSES = "watch closes"  # every watch ends after a second, in good order or not
    GONE = "gone"  # every watch is told that its version is too old
    SHARD_FAILS = "shard fails"  # one shard of two takes no part in a search


# With these what streams stands still; at the others' beginning all connections are torn down, as by a restart.
STANDS_STILL = frozenset({Fault.HANG, Fault.TRICKLE})
