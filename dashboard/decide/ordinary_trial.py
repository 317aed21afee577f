"""Removes from a trial the time in which its baseline did not show what is usual. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dashboard.decide import ordinary
from dashboard.decide.factor import Array
from dashboard.decide.ordinary import Flags
from dashboard.decide.trial_tables import TOTALS
from dashboard.model.trial import Columns, PastColumns, Trial, TrialPast

# Faults are searched for minute by minute.
_WINDOW_SECONDS = 60
_LEAST_PAST_SECONDS = 6 * 3600.0


def ordinary_past(past: TrialPast, disturbed: Flags) -> TrialPast:
    """The past without the windows of these flags."""
    return (
        past
        if not past.total_events
        else replace(
            past,
            total_events={name: _without(columns, disturbed) for name, columns in past.total_events.items()},
            bad_events={name: _without(columns, disturbed) for name, columns in past.bad_events.items()},
        )
    )


def without_faults(trial: Trial, limits: Mapping[str, float]) -> Trial:
    """The trial without those minutes of the past in which the baseline itself was far above a limit.

    Only a fault that came once or twice in a past of hours is left out. Bad minutes that come again and again are
    usual: without them the past looks calmer than the service is, and the next ones, of either release, would look like
    harm. A short past cannot tell the two apart, so it stays as it is.

    `limits` are shares of bad events by metric. Counts since the release began stay: there a gate says that the
    baseline cannot be compared with.
    """
    each = max(1, _WINDOW_SECONDS // trial.interval_seconds)
    history, past = np.zeros(trial.history, dtype=bool), None
    for metric, limit in limits.items():
        total, bad = trial.total_events.get(TOTALS[metric]), trial.bad_events.get(metric)
        if total is not None and bad is not None:
            history |= ordinary.faults(_before(total, trial.history), _before(bad, trial.history), limit, each)
        n, x = trial.past.total_events.get(TOTALS[metric]), trial.past.bad_events.get(metric)
        if n is not None and x is not None:
            found = ordinary.faults(np.array(n.baseline, dtype=float), np.array(x.baseline, dtype=float), limit, 1)
            past = found if past is None else past | found
    if past is None or _known_seconds(trial.past) < _LEAST_PAST_SECONDS:
        return trial
    if ordinary.episodes(past, trial.past.window_seconds) > ordinary.MOST_FAULTS:
        return trial
    if past.any():
        past = ordinary.with_aftermath(past, trial.past.window_seconds)
        trial = replace(trial, past=ordinary_past(trial.past, past))
    if not 0 < ordinary.episodes(history, trial.interval_seconds) <= ordinary.MOST_FAULTS:
        return trial
    history = ordinary.with_aftermath(history, trial.interval_seconds)
    out = np.concatenate([history, np.zeros(trial.intervals, dtype=bool)])
    seconds = float(history.sum() * trial.interval_seconds)
    return replace(
        trial,
        total_events={name: _columns_without(columns, out) for name, columns in trial.total_events.items()},
        bad_events={name: _columns_without(columns, out) for name, columns in trial.bad_events.items()},
        set_aside={**trial.set_aside, "a fault of the baseline": seconds},
    )


def _known_seconds(past: TrialPast) -> float:
    """For how long anything is known of the baseline."""
    rows = [np.array(columns.baseline) > 0 for columns in past.total_events.values()]
    return float(np.logical_or.reduce(rows).sum() * past.window_seconds) if rows else 0.0


def _before(columns: Columns, history: int) -> Array:
    rows: Array = np.array(columns.first, dtype=float) + np.array(columns.second, dtype=float)
    return rows[:history]


def _columns_without(columns: Columns, flags: Flags) -> Columns:
    return Columns(
        candidate=_rows_without(columns.candidate, flags),
        first=_rows_without(columns.first, flags),
        second=_rows_without(columns.second, flags),
    )


def _rows_without(rows: tuple[int, ...], flags: Flags) -> tuple[int, ...]:
    return tuple(0 if is_out else value for value, is_out in zip(rows, flags.tolist(), strict=True))


def _without(columns: PastColumns, flags: Flags) -> PastColumns:
    return PastColumns(
        candidate=_rows_without(columns.candidate, flags), baseline=_rows_without(columns.baseline, flags)
    )
