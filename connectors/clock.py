"""How far a source's clock is from ours, by the Date header of what it answers.

Not every source sends one: Elasticsearch itself does not, a proxy before it may. Its clock is then not known.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime


class SourceClock:
    """The clock of one source. Safe for threads."""

    ahead_seconds: float | None = None
    """How far it was ahead of ours at its newest answer, to a second or so; None while it has told no time."""

    def heard(self, date: str | None) -> None:
        """An answer came with this header."""
        told = _epoch_seconds(date)
        if told is not None:
            self.ahead_seconds = told + 0.5 - time.time()  # the header cuts the parts of a second off


def _epoch_seconds(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
