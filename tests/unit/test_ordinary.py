"""Which time was no ordinary traffic, and until when the last ordinary stretch goes."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.decide import ordinary


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
