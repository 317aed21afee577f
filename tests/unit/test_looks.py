"""A look later: the counts that an earlier look weighed are weighed again as they were, before and after a switch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.policy import Policy
from dashboard.decide.trial_tables import limit_table, limits_of, metrics_of, plan_of, tables
from dashboard.decide.weighing import weigh
from dashboard.model.trial import Columns, Trial
from dashboard.model.verdict import Mode
from tests.unit.release_trial import trial

MODES = pytest.mark.parametrize("mode", Mode)
TRIALS = st.builds(
    trial,
    intervals=st.integers(min_value=2, max_value=130),
    history=st.sampled_from([0, 29, 60, 360]),
    runs=st.sampled_from([1, 20, 400]),
    worse=st.fixed_dictionaries({"errors": st.sampled_from([1.0, 3.0, 20.0]), "slow_1": st.sampled_from([1.0, 1.5])}),
    seed=st.integers(min_value=0, max_value=1000),
)


def at(look: int, whole: Trial) -> Trial:
    """The same trial as it was after `look` intervals."""
    end = whole.history + look

    def until(columns: Columns) -> Columns:
        return Columns(candidate=columns.candidate[:end], first=columns.first[:end], second=columns.second[:end])

    return replace(
        whole,
        total_events={name: until(columns) for name, columns in whole.total_events.items()},
        bad_events={name: until(columns) for name, columns in whole.bad_events.items()},
        cost=until(whole.cost) if whole.cost else None,
        active=until(whole.active) if whole.active else None,
    )


@MODES
@given(whole=TRIALS, data=st.data())
def test_no_look_counts_an_interval_otherwise_than_an_earlier_one_did(
    mode: Mode, whole: Trial, data: st.DataObject
) -> None:
    look = data.draw(st.integers(min_value=1, max_value=whole.intervals))
    early, late = (_rows(given_trial, mode) for given_trial in (at(look, whole), whole))
    assert early == [rows[:look] for rows in late]


@MODES
@given(whole=TRIALS)
def test_what_has_stopped_a_release_goes_on_doing_so(mode: Mode, whole: Trial) -> None:
    looks = sorted({1, whole.intervals // 2 or 1, whole.intervals - 1, whole.intervals})
    course = [weigh(at(look, whole), Policy(), mode).most for look in looks]
    assert course == sorted(course)


def _rows(given_trial: Trial, mode: Mode) -> list[list[object]]:
    """All tables that evidence is weighed from, by the interval."""
    policy = Policy()
    metrics, limits = metrics_of(given_trial, policy), limits_of(given_trial, policy)
    plan = plan_of(given_trial, metrics, policy)
    table, _ = tables(given_trial, metrics, mode, plan)
    against = limit_table(given_trial, limits, mode, plan.scales)
    pairs = (
        (table.candidate_total, table.candidate_bad),
        (table.baseline_total, table.baseline_bad),
        (table.parts_total, table.parts_bad),
        (against.total, against.bad),
        (against.parts_total, against.parts_bad),
    )
    return [rows.tolist() for pair in pairs for rows in pair]
