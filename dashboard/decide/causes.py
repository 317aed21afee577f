"""Whether an incident goes on under another cause than it began with. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from dashboard.model.series import Series


def causes_in_turn(lines: Iterable[Series], pods: Collection[str]) -> tuple[tuple[str, datetime], ...]:
    """Of what the containers of these pods died, in the order in which each cause was first seen.

    Empty where there was only one, or where all were there from the beginning: then nothing is known of their order.

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
