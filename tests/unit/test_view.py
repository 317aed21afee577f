"""A view checks itself: a period is relative or fixed, and has a length."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.model.view import View

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        pytest.param("2h", None, None, id="no such range"),
        pytest.param("1h", AT, AT + timedelta(hours=1), id="relative and fixed at once"),
        pytest.param("", None, None, id="neither"),
        pytest.param("", AT, AT, id="no length"),
    ],
)
def test_a_view_without_one_clear_period_is_refused(period: str, start: datetime | None, end: datetime | None) -> None:
    with pytest.raises(ValueError, match=r"period|range"):
        View(env="local", ns="agents", range=period, start=start, end=end)


def test_a_fixed_period_does_not_follow_the_clock() -> None:
    view = View(env="local", ns="agents", range="", start=AT, end=AT + timedelta(hours=1))
    assert not view.is_live
    assert view.window(AT + timedelta(days=9)) == (AT, AT + timedelta(hours=1))
