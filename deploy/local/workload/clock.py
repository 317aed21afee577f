"""The time that a component writes into its logs and spans: the machine's, unless a fault sets the clock off."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    offset_seconds: float = 0.0

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns() + int(self.offset_seconds * 1e9)
