"""Whether the cause of an incident has changed since it began. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from dashboard.model.series import Series


def causes_in_turn(lines: Iterable[Series], pods: Collection[str]) -> tuple[tuple[str, datetime], ...]:
    """The termination reasons of these pods' containers, in the order in which each was first seen.

    Empty where there was only one, or where all were there from the start: then their order is not known.

    Args:
        lines: by `pod` and `reason`, above 0 while the last end of a container was for that reason.
    """
    first: dict[str, float] = {}
    for line in lines:
        if line.labels.get("pod") not in pods:
            continue
        seen = next((at for at, value in zip(line.times, line.values, strict=True) if value), None)
        if seen is not None:
            reason = line.labels.get("reason") or "no reason given"
            first[reason] = min(seen, first.get(reason, seen))
    if len(first) < 2 or len(set(first.values())) < 2:
        return ()
    return tuple((reason, datetime.fromtimestamp(at, UTC)) for reason, at in sorted(first.items(), key=lambda x: x[1]))
