"""A reading never lets a missing value pass for a number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.reading import VALUELESS, Reading, Source, State, beside, combine, empty, fresh, missing

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def reading_in(state: State, value: float = 1.0) -> Reading[float]:
    has_value = state not in VALUELESS
    return Reading(
        value=value if has_value else None,
        source=Source.PROMETHEUS,
        state=state,
        as_of=None if state is State.MISSING else NOW,
        reason="" if state is State.FRESH else "because",
    )


def test_a_missing_reading_cannot_carry_a_value_and_a_fresh_one_must() -> None:
    with pytest.raises(ValueError, match="cannot have the value"):
        Reading(value=0.0, source=Source.PROMETHEUS, state=State.MISSING, as_of=None, reason="down")
    with pytest.raises(ValueError, match="cannot have the value"):
        Reading(value=None, source=Source.PROMETHEUS, state=State.FRESH, as_of=NOW)


def test_what_is_not_fresh_must_say_why() -> None:
    with pytest.raises(ValueError, match="must say why"):
        Reading(value=1.0, source=Source.PROMETHEUS, state=State.STALE, as_of=NOW)


@given(st.sampled_from(State))
def test_mapping_keeps_state_and_reason(state: State) -> None:
    mapped = reading_in(state).map(lambda value: value * 2)
    assert (mapped.state, mapped.reason) == (state, reading_in(state).reason)
    assert mapped.value == (None if state in VALUELESS else 2.0)


def test_mapping_to_nothing_is_empty_not_zero() -> None:
    mapped = reading_in(State.FRESH).map(lambda _: None, empty="no traffic")
    assert (mapped.value, mapped.state, mapped.reason) == (None, State.EMPTY, "no traffic")


@given(st.sampled_from(State), st.sampled_from(State))
def test_two_readings_together_are_no_better_than_the_worse(first: State, second: State) -> None:
    order = [State.FRESH, State.PARTIAL, State.STALE, State.EMPTY, State.UNMEASURED, State.MISSING]
    both = combine(reading_in(first, 1.0), reading_in(second, 2.0))
    assert order.index(both.state) == max(order.index(first), order.index(second))
    assert (both.value is None) == (both.state in VALUELESS)


def test_a_pair_is_as_old_as_its_older_half() -> None:
    older = fresh(1.0, source=Source.PROMETHEUS, as_of=NOW - timedelta(minutes=5))
    newer = fresh(2.0, source=Source.KUBERNETES, as_of=NOW)
    assert combine(older, newer).as_of == older.as_of
    assert combine(older, newer).age(NOW) == timedelta(minutes=5)


def test_no_answer_and_an_answer_of_nothing_stay_two_things() -> None:
    down: Reading[float] = missing("Prometheus does not answer", source=Source.PROMETHEUS)
    idle: Reading[float] = empty("no traffic", source=Source.PROMETHEUS, as_of=NOW)
    assert (down.state, idle.state) == (State.MISSING, State.EMPTY)


_WORSE = {State.FRESH: 0, State.EMPTY: 0, State.UNMEASURED: 0, State.PARTIAL: 1, State.MISSING: 1, State.STALE: 2}


@given(st.sampled_from(State), st.lists(st.sampled_from(State), max_size=4))
def test_what_is_shown_beside_others_is_believed_no_more_than_the_worst_of_them(
    lead: State, others: list[State]
) -> None:
    named = {f"column {number}": reading_in(state) for number, state in enumerate(others)}
    found = beside(reading_in(lead), named)

    assert found.value == reading_in(lead).value
    if found.value is None:
        assert found.state is lead
        return
    assert _WORSE[found.state] == max(_WORSE[state] for state in (lead, *others))
    assert all(
        name in found.reason for name, one in named.items() if _WORSE[one.state] and one.state is not State.EMPTY
    )
