"""The windows of a widening search: each holds the one before it, and the last is what was asked for."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboard.queries.windows import beginnings
from tests.unit.fake_logs import NOW


def test_a_day_is_searched_in_four_steps():
    begins = beginnings(NOW - timedelta(hours=24), NOW)

    assert [NOW - one for one in begins] == [timedelta(minutes=15), *(timedelta(hours=hours) for hours in (1, 6, 24))]


def test_a_quarter_of_an_hour_is_searched_at_once():
    assert beginnings(NOW - timedelta(minutes=15), NOW) == (NOW - timedelta(minutes=15),)


@given(st.integers(1, 60 * 86400), st.integers(1, 86400))
def test_each_window_holds_the_one_before_it_and_narrower_ones_begin_on_a_bucket(span: int, bucket: int):
    start = NOW - timedelta(seconds=span)
    begins = beginnings(start, NOW, bucket_seconds=bucket)

    assert begins[-1] == start
    assert list(begins) == sorted(set(begins), reverse=True)
    assert all(one.timestamp() % bucket == 0 for one in begins[:-1])
