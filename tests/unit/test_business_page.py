"""What the Business page says: shares of tasks, no figure where there is none, and a word nobody understands."""

from __future__ import annotations

import pytest

from dashboard.decide.business import by_kind, divided, outcomes, share, unclear_words, weighted
from dashboard.model.series import Sample, Series


def counted(**of: float) -> list[Sample]:
    return [Sample(labels={"task_type": "case", "outcome": word}, value=count) for word, count in of.items()]


def test_outcomes_are_told_in_anybody_s_words() -> None:
    found = outcomes(counted(Succeeded=90.0, timeout=6.0, ESCALATED=4.0))
    assert found is not None
    assert (found.succeeded, found.failed, found.handed_over, found.total) == (90, 6, 4, 100)


@pytest.mark.parametrize("word", ["zurückgestellt", "", "6"])
def test_an_outcome_that_nobody_understands_is_a_task_and_none_that_succeeded(word: str) -> None:
    found = outcomes([*counted(success=9.0), Sample(labels={"outcome": word}, value=1.0)])
    assert found is not None
    assert (found.total, found.succeeded) == (10, 9)
    assert "words.task" in unclear_words(found)


def test_a_share_of_no_task_is_no_figure() -> None:
    found = outcomes(counted(success=0.0))
    assert found is not None
    assert share(0.0, found.total) is None


@pytest.mark.parametrize(("part", "whole"), [(None, 5.0), (5.0, None), (None, None), (None, 0.0)])
def test_a_share_of_what_is_not_known_is_no_figure(part: float | None, whole: float | None) -> None:
    assert share(part, whole) is None


def test_a_line_has_a_gap_where_there_is_nothing_to_divide_by() -> None:
    times = (0.0, 1.0, 2.0)
    whole = Series(times=times, values=(10.0, 0.0, None))
    assert divided(Series(times=times, values=(5.0, 0.0, 1.0)), whole).values == (0.5, None, None)


def test_satisfaction_is_weighted_by_tasks() -> None:
    kinds = {kind: found.total for kind, found in by_kind(counted(success=9.0)).items() if found}
    assert weighted({"case": 0.9, "rare": 0.1}, kinds) == pytest.approx(0.9)
    assert weighted({}, kinds) is None
