"""Builders of trials: counts per interval of both tracks, healthy unless a test asks for harm."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dashboard.model.release import Track
from dashboard.model.trial import Columns, SlowBound, Trial

BOUNDS = (
    SlowBound(quantile=0.5, seconds=0.8, share=0.5, slope=1.3),
    SlowBound(quantile=0.9, seconds=1.5, share=0.15, slope=2.5),
    SlowBound(quantile=0.99, seconds=3.0, share=0.014, slope=4.1),
)
_TRIES = {"runs": 1, "evaluations": 4, "tools": 3, "decisions": 3}
_SHARES = {"errors": 0.004, "violations": 0.001, "tools": 0.01, "denials": 0.02}
_OVER_LIMIT = 0.014
_OF = {"errors": "runs", "violations": "evaluations", "tools": "tools", "denials": "decisions"}


def trial(
    *,
    intervals: int = 60,
    history: int = 60,
    runs: int = 100,
    worse: Mapping[str, float] | None = None,
    seed: int = 1,
    **changes: Any,
) -> Trial:
    """`runs` an interval on the candidate and on each half of the baseline; `worse` multiplies shares of bad events."""
    dice = np.random.default_rng(seed)
    length = history + intervals
    shares = {**_SHARES, **{f"slow_{index}": bound.share for index, bound in enumerate(BOUNDS)}}
    shares["over_limit"] = _OVER_LIMIT

    def column(total_events: int, share: float, begins: int) -> tuple[int, ...]:
        return tuple([0] * begins + dice.binomial(total_events, min(share, 1.0), length - begins).tolist())

    def total_events(factor: int) -> Columns:
        whole = (runs * factor,)
        return Columns(candidate=(0,) * history + whole * intervals, first=whole * length, second=whole * length)

    bad_events = {
        name: Columns(
            candidate=column(runs * _TRIES[_OF.get(name, "runs")], share * (worse or {}).get(name, 1.0), history),
            first=column(runs * _TRIES[_OF.get(name, "runs")], share, 0),
            second=column(runs * _TRIES[_OF.get(name, "runs")], share, 0),
        )
        for name, share in shares.items()
    }

    def dollars(begins: int, times: float) -> tuple[int, ...]:
        return tuple(
            [0] * begins + [round(runs * 20_000 * times * (0.9 + 0.2 * dice.random())) for _ in range(length - begins)]
        )

    cost = Columns(
        candidate=dollars(history, (worse or {}).get("cost", 1.0)), first=dollars(0, 1.0), second=dollars(0, 1.0)
    )
    under_way = Columns(  # a run takes 2 s
        candidate=(0,) * history + (runs // 5,) * intervals, first=(runs // 5,) * length, second=(runs // 5,) * length
    )
    given: dict[str, Any] = {
        "started_at": datetime(2026, 3, 1, 2, 50, tzinfo=UTC),
        "interval_seconds": 10,
        "history": history,
        "total_events": {name: total_events(factor) for name, factor in _TRIES.items()},
        "bad_events": bad_events,
        "bounds": BOUNDS,
        "left_out": dict.fromkeys(Track, 0.0),
        "problems": {},
        "over_seconds": 3.0,
        "cost": cost,
        "active": under_way,
    }
    return Trial(**{**given, **changes})
