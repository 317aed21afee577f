"""The record as baseline: how wide the margins become by what its windows drifted by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.factor import Array
from dashboard.decide.record import MOST_WIDENING, WINDOW_INTERVALS, pair, widening

ONE = np.ones(2)


def record(*shares: Array) -> tuple[Array, Array]:
    """1,000 tries an interval for each metric, and the bad events of the given shares, without chance."""
    bad_events = np.stack([np.round(1000 * share) for share in shares], axis=-1)
    return np.full_like(bad_events, 1000.0), bad_events


def steady(share: float) -> Array:
    return np.full(12 * WINDOW_INTERVALS, share)


def moving(share: float) -> Array:
    """Three tenths more in every other window, and less in the rest."""
    return share * (1 + 0.3 * np.where(np.arange(12 * WINDOW_INTERVALS) // WINDOW_INTERVALS % 2, 1.0, -1.0))


def test_what_does_not_drift_is_held_to_the_margins_as_they_are() -> None:
    assert widening(*record(steady(0.1), steady(0.2)), slope=ONE, kinds=("share", "share")) == pytest.approx([1, 1])


def test_a_metric_drifts_no_less_than_its_kind_on_average_and_other_kinds_do_not_count() -> None:
    rows = record(steady(0.1), moving(0.1))
    alike, apart = (widening(*rows, slope=ONE, kinds=kinds) for kinds in (("share", "share"), ("share", "latency")))
    assert 1 < alike[0] < alike[1] == apart[1]
    assert apart[0] == pytest.approx(1)


def test_drift_in_time_widens_a_steep_share_more() -> None:
    both = widening(*record(steady(0.1), moving(0.1)), slope=np.array([2.0, 1.0]), kinds=("latency", "latency"))
    flat = widening(*record(steady(0.1), moving(0.1)), slope=ONE, kinds=("latency", "latency"))
    assert np.log(both[0]) == pytest.approx(2 * np.log(flat[0]))


def test_without_a_record_the_margins_are_as_wide_as_can_be() -> None:
    total_events, bad_events = record(steady(0.1)[:WINDOW_INTERVALS])
    assert widening(total_events, bad_events, slope=np.ones(1), kinds=("share",)) == pytest.approx([MOST_WIDENING])


def test_a_metric_that_nobody_tried_says_nothing_of_the_drift_of_others() -> None:
    total_events, bad_events = record(moving(0.1), steady(0.0))
    alone = widening(total_events[:, :1], bad_events[:, :1], slope=np.ones(1), kinds=("share",))
    total_events[:, 1] = 0.0
    assert widening(total_events, bad_events, slope=ONE, kinds=("share", "share")) == pytest.approx(
        [alone[0], alone[0]]
    )


def test_the_latest_of_the_record_comes_first_and_none_twice() -> None:
    counts = np.arange(4.0)[:, None, None]
    assert pair(counts, 6, 6)[:, 0] == pytest.approx([3, 2, 1, 0, 0, 0])
    assert pair(counts, 2, 2)[:, 0] == pytest.approx([5, 1])


@given(
    record_length=st.integers(min_value=0, max_value=400),
    watched=st.integers(min_value=1, max_value=400),
    intervals=st.integers(min_value=1, max_value=400),
    more=st.integers(min_value=0, max_value=200),
)
def test_an_interval_keeps_its_part_of_the_record_however_many_follow_it(
    record_length: int, watched: int, intervals: int, more: int
) -> None:
    counts = np.arange(1.0, record_length + 1)[:, None, None]
    early, late = pair(counts, intervals, watched), pair(counts, intervals + more, watched)
    assert early.tolist() == late[:intervals].tolist()
    assert late.sum() <= counts.sum()
