"""The proxy's other clock: every time moves, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faultproxy.shift import shifted, shifted_pairs

NOW = 1_780_000_000.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", id="a stamp"),
        pytest.param(NOW, NOW + 3600, id="epoch seconds"),
        pytest.param(int(NOW) * 1000, int(NOW) * 1000 + 3_600_000, id="epoch milliseconds"),
        pytest.param([NOW, "17"], [NOW + 3600, "17"], id="a sample"),
        pytest.param({"range": {"gte": "2026-03-01T12:00:00Z"}}, {"range": {"gte": "2026-03-01T13:00:00Z"}}, id="deep"),
        pytest.param("1.8.0", "1.8.0", id="a version"),
        pytest.param(42, 42, id="a count"),
        pytest.param(True, True, id="a truth"),
    ],
)
def test_times_move_and_nothing_else(before: Any, after: Any) -> None:
    assert shifted(before, 3600, now=NOW) == after


def test_the_times_of_a_form_move() -> None:
    form = [("query", "up"), ("start", "1780000000"), ("step", "15")]
    assert shifted_pairs(form, -3600, now=NOW) == [("query", "up"), ("start", "1779996400.000"), ("step", "15")]


VALUES = st.recursive(
    st.integers(-1000, 1000) | st.text(max_size=5) | st.integers(int(NOW) - 40_000, int(NOW) + 40_000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@given(VALUES)
def test_what_is_moved_there_and_back_is_what_it_was(value: Any) -> None:
    assert shifted(shifted(value, 3600, now=NOW), -3600, now=NOW) == value
