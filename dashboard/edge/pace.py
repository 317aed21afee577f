"""How often and how many: a token bucket for one connection, and places for connections by address and in all.

Times are seconds of a clock that never goes back. No locks: everything here lives on the server's event loop.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Bucket:
    """Lets `burst` pass at once and `per_second` in the long run."""

    per_second: float
    burst: int
    _tokens: float = field(default=-1.0)
    _at: float = 0.0

    def take(self, now: float) -> float:
        """Take a token. Answers 0, or in how many seconds there will be one; none is taken then."""
        if self._tokens < 0:
            self._tokens, self._at = float(self.burst), now
        self._tokens = min(float(self.burst), self._tokens + (now - self._at) * self.per_second)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.per_second


@dataclass(slots=True, kw_only=True)
class Places:
    """Places for visitors. One that left gives its place back after a while, as its session lives on for so long."""

    in_all: int
    per_address: int
    _taken: Counter[str] = field(default_factory=Counter)

    def why_full(self, address: str) -> str:
        """Why nobody from this address can come in now; "" when somebody can."""
        if self._taken.total() >= self.in_all:
            return f"This deck has {self.in_all} open pages, as many as it takes. Try again in a minute.\n"
        if self._taken[address] >= self.per_address:
            return f"{self.per_address} pages are open from your address, as many as one may have. Close some.\n"
        return ""

    def take(self, address: str) -> None:
        """One more from this address."""
        self._taken[address] += 1

    def give_back(self, address: str) -> None:
        """One less from this address."""
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]
