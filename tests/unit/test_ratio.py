"""The bounds of how many times as many: they hold the truth, say what the gates say, and never favour the candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.decide.policy import Policy
from dashboard.decide.ratio import Ratio, ratios
from dashboard.decide.weighing import weigh
from dashboard.model.trial import Columns, Trial
from dashboard.model.verdict import Mode
from tests.unit.release_trial import trial

POLICY = Policy()


def of(found: Trial, metric: str = "errors") -> Ratio:
    return next(ratio for ratio in ratios(found, POLICY, Mode.BEFORE) if ratio.metric == metric)


def holds(ratio: Ratio, truth: float) -> bool:
    return ratio.low <= truth and (ratio.high is None or truth <= ratio.high)


def test_the_truth_is_hardly_ever_outside_at_any_look() -> None:
    releases, outside = 60, 0
    for seed in range(releases):
        looks = [trial(intervals=60, history=30, runs=60, worse={"tools": 2.0}, seed=seed)]
        looks += [_until(looks[0], intervals) for intervals in (5, 10, 20, 40)]
        outside += not all(holds(of(look, "tools"), 2.0) for look in looks)
    # Beyond the upper bound with 5 %, beyond the lower one with a part of 1 %: 10 of 60 come once in 3,000 times.
    assert outside < 10


def _until(found: Trial, intervals: int) -> Trial:
    """The trial as it was after so many intervals."""
    end = found.history + intervals

    def cut(columns: Mapping[str, Columns]) -> dict[str, Columns]:
        return {
            name: replace(one, candidate=one.candidate[:end], first=one.first[:end], second=one.second[:end])
            for name, one in columns.items()
        }

    return replace(found, total_events=cut(found.total_events), bad_events=cut(found.bad_events))


def test_more_counts_bound_it_closer() -> None:
    short, long = of(trial(intervals=10), "denials"), of(trial(intervals=300), "denials")

    assert short.high is not None
    assert long.high is not None
    assert long.high / long.low < 0.6 * (short.high / short.low)
    assert long.low < 1 < long.high


@pytest.mark.parametrize("worse", [1.0, 3.0])
def test_a_bar_beyond_the_margin_is_a_measure_that_fails(worse: float) -> None:
    found = trial(worse={"tools": worse})
    guilty = {weighed.metric.name: weighed.is_guilty for weighed in weigh(found, POLICY, Mode.BEFORE).metrics}

    for ratio in ratios(found, POLICY, Mode.BEFORE):
        assert (ratio.low > ratio.fail) == guilty[ratio.metric], ratio
    assert guilty["tools"] == (worse > 1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), at=st.integers(0, 59), more=st.integers(1, 40))
def test_more_bad_ones_on_the_candidate_never_lower_the_bounds(seed: int, at: int, more: int) -> None:
    found = trial(seed=seed)
    errors = found.bad_events["errors"]
    rows = list(errors.candidate)
    place = found.history + at
    rows[place] = min(rows[place] + more, found.total_events["runs"].candidate[place])
    worse = replace(found, bad_events={**found.bad_events, "errors": replace(errors, candidate=tuple(rows))})

    before, after = of(found), of(worse)

    assert after.low >= before.low
    assert after.high is None or (before.high is not None and after.high >= before.high)


def test_without_a_bad_one_anywhere_nothing_is_said_at_face_value() -> None:
    found = trial(intervals=3, history=0, runs=1, seed=3)
    assert sum(found.bad_events["violations"].first + found.bad_events["violations"].second) == 0

    ratio = of(found, "violations")

    assert ratio.best is None
    assert (ratio.low, ratio.high) == (0.0, None)


def test_a_track_without_traffic_has_no_bar() -> None:
    found = trial(runs=0)
    assert ratios(found, POLICY, Mode.BEFORE) == ()
