"""How long answers are shared: as many ask as seldom as one does, and nobody waits long for what is new."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit
from dashboard.queries import release_conditions
from dashboard.queries.request import Instant, Range
from dashboard.queries.source_calls import SourceCalls, Sources
from dashboard.queries.source_calls.call import LONGEST_STEP_SECONDS
from dashboard.settings import Settings

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
UP = Expression(name="up", promql="up{}", unit=Unit.COUNT, blind="nothing")


def _calls(refresh: int, now: datetime) -> SourceCalls:
    environment = Settings.model_validate({"environments": {"x": {"refresh_seconds": refresh}}}).environments["x"]
    nobody = cast(Any, SimpleNamespace())
    sources = Sources(prometheus=nobody, alertmanager=nobody, elasticsearch=nobody, kubernetes=nobody)
    return SourceCalls(environment, sources, lambda: now)


@given(st.integers(2, 300), st.integers(60, 30 * 86400))
def test_many_viewers_ask_hardly_more_often_than_one(refresh: int, span: int):
    lives = _calls(refresh, NOW).of(Range(UP, {}, NOW - timedelta(seconds=span), NOW)).ttl_seconds

    # One viewer comes every `refresh` seconds, of many there is always one who comes when the answer is over.
    one_asks_every = math.ceil(lives / refresh) * refresh
    assert one_asks_every / lives <= 1.1
    assert one_asks_every <= max(refresh, LONGEST_STEP_SECONDS + refresh / 2)


@pytest.mark.parametrize(
    ("ago", "lives"),
    [(None, 4.75), (timedelta(hours=1), 120.0), (timedelta(seconds=30), 4.75), (timedelta(hours=1.0000001), 4.75)],
    ids=["now", "a moment long past", "samples may still come", "an hour ago, whenever it is asked"],
)
def test_what_can_no_more_change_is_not_asked_at_every_look(ago: timedelta | None, lives: float):
    at = None if ago is None else NOW - ago

    assert _calls(5, NOW).of(Instant(UP, {}, at)).ttl_seconds == pytest.approx(lives)


@given(st.floats(0, 86400), st.floats(0, 86400))
def test_a_later_look_at_a_release_finds_the_last_answers_to_show_meanwhile(first: float, later: float):
    def keys(seconds: float) -> dict[str, Any]:
        now = NOW + timedelta(seconds=seconds)
        requests = release_conditions.requests("agents", "agent-runtime", now)
        return {name: _calls(5, now).of(cast(Any, request)).key for name, request in requests.items()}

    assert keys(first) == keys(later)
