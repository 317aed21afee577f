"""Which intervals were no ordinary traffic: the kill switch was engaged, or a queue was frozen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dashboard.decide import ordinary
from dashboard.decide.factor import Array
from dashboard.decide.ordinary import Flags
from dashboard.model.reading import Reading
from dashboard.model.series import Series
from dashboard.queries.readings import Readings
from dashboard.queries.trial_clock import Beginning, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """Which intervals of a grid were no ordinary traffic, with when and how long by reason."""

    flags: Flags
    spans: tuple[tuple[float, float], ...]
    seconds: Mapping[str, float]


def disturbances(answers: Readings, when: str, clock: Clock, beginning: Beginning) -> Disturbed:
    """What the kill switch and the queues say about the intervals of a grid."""
    moments = clock.moments
    stopped = _line(answers.series(f"{when}.stopped"), len(moments), "")
    frozen = np.zeros(len(moments) - 1, dtype=bool)
    # A queue without a track is one for both.
    for track in ("", beginning.candidate.other):
        age = _line(answers.series(f"{when}.queue"), len(moments), track)
        frozen |= ordinary.frozen(age, clock.step)
    by_reason = {"the kill switch": ordinary.stopped(stopped), "a frozen queue": frozen}
    by_reason = {reason: ordinary.with_aftermath(flags, clock.step) for reason, flags in by_reason.items()}
    flags: Flags = np.logical_or.reduce(list(by_reason.values()))
    seconds = {reason: float(each.sum() * clock.step) for reason, each in by_reason.items() if each.any()}
    return Disturbed(flags=flags, spans=ordinary.spans(flags, moments), seconds=seconds)


def _line(reading: Reading[tuple[Series, ...]], length: int, track: str) -> Array:
    """The largest value of a track on the grid, NaN where there is none."""
    found = np.full(length, np.nan)
    for series in reading.value or ():
        if series.labels.get("track", "") == track and len(series.values) == length:
            found = np.fmax(found, np.array([np.nan if v is None else v for v in series.values], dtype=float))
    return found
