"""Which time was no ordinary traffic, and until when the last ordinary stretch goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from dashboard.decide import ordinary
from dashboard.decide.ordinary_trial import without_faults
from dashboard.decide.policy import Policy
from dashboard.decide.weighing import weigh
from dashboard.model.release import Track
from dashboard.model.trial import Columns, PastColumns, Trial, TrialPast
from dashboard.model.verdict import Mode


def test_an_interval_with_a_kill_switch_at_either_end_is_out_and_a_gap_is_as_what_was_read_before_it() -> None:
    found = ordinary.stopped(np.array([0.0, 1.0, np.nan, 0.0, 0.0]))
    assert found.tolist() == [True, True, True, False]


def test_a_queue_is_frozen_while_its_oldest_task_ages_as_fast_as_time() -> None:
    age = np.array([5.0, 15.0, 25.0, 35.0, 45.0, 2.0, np.nan, 60.0])
    assert ordinary.frozen(age, 10.0).tolist() == [False, False, True, True, False, False, False]


def test_minutes_far_above_the_limit_are_faults_and_a_few_bad_events_are_not() -> None:
    total, bad = np.full(12, 100.0), np.zeros(12)
    bad[6:] = 30.0
    bad[1] = 5.0
    assert ordinary.faults(total, bad, 0.02, 6).tolist() == [False] * 6 + [True] * 6


def test_the_minute_after_belongs_to_it() -> None:
    flags = np.array([False, True, *[False] * 8])
    assert ordinary.with_aftermath(flags, 10.0).sum() == 7
    assert ordinary.with_aftermath(flags[:3], 60.0).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("at", "stretch"),
    [(5.0, (None, 5.0)), (15.0, (None, 10.0)), (40.0, (30.0, 40.0)), (55.0, (30.0, 50.0)), (90.0, (60.0, 90.0))],
)
def test_the_last_ordinary_stretch_ends_where_a_disturbance_begins(
    at: float, stretch: tuple[float | None, float]
) -> None:
    flags = np.array([False, True, True, False, False, True])
    spans = ordinary.spans(flags, np.arange(7) * 10.0)
    assert spans == ((10.0, 30.0), (50.0, 60.0))
    assert ordinary.last_ordinary(at, spans) == stretch


def test_what_begins_again_within_minutes_is_one_episode() -> None:
    flags = np.zeros(60, dtype=bool)
    flags[[5, 6, 8, 20, 40, 41]] = True
    assert ordinary.episodes(flags, 60.0) == 3
    assert ordinary.episodes(flags, 10.0) == 2
    assert ordinary.episodes(np.zeros(5, dtype=bool), 60.0) == 0


def with_bursts(dice: np.random.Generator, minutes_between: float, days: float = 1.0) -> Trial:
    """Both releases alike: 0.3 % of 12 runs a second fail, and 10 % in the minute of each burst, for both tracks."""
    history, intervals, long = 360, 60, round(days * 8640)
    length = long + intervals
    share = np.full(length, 0.003)
    at = 300.0
    while at < length:
        share[int(at) : int(at) + 6] = 0.1
        at += 6 + dice.exponential(6 * minutes_between)
    total = dice.poisson(np.array([[120.0], [60.0], [60.0]]), (3, length))
    bad = dice.binomial(total, share)

    def columns(rows: Any) -> Columns:
        some = rows[:, long - history :].copy()
        some[0, :history] = 0
        return Columns(candidate=tuple(some[0].tolist()), first=tuple(some[1].tolist()), second=tuple(some[2].tolist()))

    def minutes(rows: Any) -> PastColumns:
        both = rows[1:, :long].sum(axis=0).reshape(-1, 6).sum(axis=1)
        return PastColumns(candidate=(0,) * len(both), baseline=tuple(both.tolist()))

    return Trial(
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
        interval_seconds=10,
        history=history,
        total_events={"runs": columns(total)},
        bad_events={"errors": columns(bad)},
        bounds=(),
        left_out=dict.fromkeys(Track, 0.0),
        problems={},
        past=TrialPast(total_events={"runs": minutes(total)}, bad_events={"errors": minutes(bad)}),
    )


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(("minutes_between", "days"), [(10.0, 1.0), (30.0, 1.0), (10.0, 1 / 24)])
def test_bad_minutes_that_come_again_and_again_are_usual_and_stop_no_release(
    mode: Mode, minutes_between: float, days: float
) -> None:
    stopped = 0
    for seed in range(8):
        found = with_bursts(np.random.default_rng(seed), minutes_between, days)
        kept = without_faults(found, {"errors": 0.02})
        assert kept == found
        stopped += weigh(kept, Policy(), mode).most >= 100
    assert stopped <= 2  # bursts that often are more than the drift that is allowed for


def test_one_fault_in_a_day_is_no_measure_of_what_is_usual() -> None:
    found = with_bursts(np.random.default_rng(1), 10**6)
    kept = without_faults(found, {"errors": 0.02})
    assert sum(kept.past.bad_events["errors"].baseline) < sum(found.past.bad_events["errors"].baseline)
    short = with_bursts(np.random.default_rng(1), 10**6, days=1 / 24)
    assert without_faults(short, {"errors": 0.02}) == short, "an hour does not tell a fault from what is usual"
