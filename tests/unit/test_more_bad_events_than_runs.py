"""More bad events than runs in an interval: where they are a metric of their own an outage is all bad, not nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.decide import counters
from dashboard.model.release import Track
from dashboard.settings import EnvironmentSettings
from tests.unit.release_stage import ENVIRONMENT
from tests.unit.test_evidence import HISTORY, Counters, ask

OWN = EnvironmentSettings.model_validate(
    {
        **ENVIRONMENT.model_dump(exclude_unset=True),
        "metrics": {
            "agent_runs": {"series": "bot_turn_seconds", "bad_series": "bot_failed_total"},
            "tool_calls": {"series": "bot_tool_seconds", "bad_series": "bot_tool_failed_total"},
        },
    }
)


def outage(only: str, bad_each: float, runs_each: float | None = None) -> Any:
    """From interval 10 to 20 of the trial green has so many bad events, and so many runs where that is given."""

    def change(name: str, pod: str, values: list[Any]) -> list[Any]:
        if not pod.startswith("green") or len(values) > 1000 or (name != only and name != "release_run_counter"):
            return values
        rows = np.diff(np.array(values, dtype=float), prepend=0.0)
        during = slice(HISTORY + 11, HISTORY + 21)
        if name == only:
            rows[during] = bad_each
        elif runs_each is not None:
            rows[during] = runs_each
        return np.cumsum(rows).tolist()

    return change


@pytest.mark.parametrize(
    ("metric", "counter", "what"),
    [("errors", "release_failed_counter", "runs"), ("tools", "release_failed_tool_counter", "tools")],
)
@pytest.mark.parametrize("times", [1.0, 3.0])
def test_an_outage_with_several_errors_a_run_is_all_bad(metric: str, counter: str, what: str, times: float) -> None:
    each = {"runs": 100.0, "tools": 300.0}[what]
    found = ask(Counters(outage(counter, times * each), environment=OWN))
    total, bad = (
        rows[what if rows is found.total_events else metric].candidate
        for rows in (found.total_events, found.bad_events)
    )
    during = slice(HISTORY + 10, HISTORY + 20)
    assert bad[during] == total[during]
    assert sum(bad[during]) >= 10 * 2 * each
    assert found.left_out[Track.GREEN] == 0.0


def test_an_outage_in_which_no_run_ends_is_seen_by_its_errors() -> None:
    found = ask(Counters(outage("release_failed_counter", 60.0, 0.0), environment=OWN))
    during = slice(HISTORY + 13, HISTORY + 20)  # after they have waited for runs to be errors of
    assert found.bad_events["errors"].candidate[during] == (120,) * 7
    assert found.total_events["runs"].candidate[during] == (120,) * 7


def test_bad_events_among_events_that_are_more_than_these_are_left_out_and_that_is_counted() -> None:
    found = ask(Counters(outage("release_failed_counter", 300.0)))
    assert sum(found.total_events["runs"].candidate[HISTORY + 10 : HISTORY + 20]) == 0
    assert found.left_out[Track.GREEN] == pytest.approx(10 / 30, abs=1e-3)


def test_an_error_that_is_counted_before_its_run_is_one_of_it() -> None:
    dice = np.random.default_rng(1)
    moments = np.arange(0.0, 6001.0, 10.0)
    begins = np.sort(dice.uniform(0, 6000, 1200))
    fails = dice.random(1200) < 0.5
    runs = np.histogram(begins + dice.exponential(10, 1200), moments)[0].astype(float)
    errors = np.histogram(begins[fails], moments)[0].astype(float)
    total, bad = counters.among(runs, errors)
    assert bad.sum() / total.sum() == pytest.approx(0.5, abs=0.05)
    assert total.sum() <= 1.05 * runs.sum()
    assert np.all(bad <= total)


def test_what_was_counted_is_not_changed_by_what_comes_later() -> None:
    dice = np.random.default_rng(2)
    runs, errors = (dice.poisson(3.0, 60).astype(float) for _ in range(2))
    whole = counters.among(runs, errors)
    part = counters.among(runs[:40], errors[:40])
    assert all(np.array_equal(some[:40], other) for some, other in zip(whole, part, strict=True))
