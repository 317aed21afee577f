"""None is said only where something shows that there could have been some, and never more than was read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.series import Sample
from dashboard.queries import none
from dashboard.queries.measures import Period

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Counts = Reading[tuple[Sample, ...]]


def over(length: timedelta) -> Period:
    return Period(start=NOW - length, end=NOW, live=True)


SHORT, LONG = over(timedelta(hours=1)), over(timedelta(hours=24))


def counts(*values: float) -> Counts:
    return fresh(tuple(Sample(labels={}, value=v) for v in values), source=Source.PROMETHEUS, as_of=NOW)


NOTHING: Counts = empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
SILENT: Counts = missing("prometheus: no answer", source=Source.PROMETHEUS)


def test_no_violations_is_said_where_contracts_were_evaluated() -> None:
    assert none.of_violations(NOTHING, counts(40), SHORT).reason == "no violations in this period"


@pytest.mark.parametrize("evaluations", [NOTHING, counts(0), SILENT], ids=["no series", "none ended", "not known"])
def test_without_evaluations_no_violations_is_not_said(evaluations: Counts) -> None:
    found = none.of_violations(NOTHING, evaluations, SHORT)
    assert "no violations in this period" not in found.reason
    assert (found.state is State.MISSING) == (evaluations is SILENT)


def test_recorded_rates_that_lack_the_first_of_a_kind_prove_no_absence() -> None:
    assert "may be missing" in none.of_violations(NOTHING, counts(40), LONG).reason
    runs: Reading[float] = fresh(12.0, source=Source.PROMETHEUS, as_of=NOW)
    assert "may be missing" in none.error_words(runs, LONG)
    assert none.error_words(runs, SHORT) == "no run failed in this period"


def test_what_was_found_stays_and_what_is_not_known_stays_so() -> None:
    assert none.of_violations(counts(3), SILENT, SHORT) == counts(3)
    assert none.of_violations(SILENT, counts(3), SHORT) == SILENT


def test_decisions_are_none_only_where_their_series_stood_still() -> None:
    assert none.of_decisions(counts(0, 0)).reason == "no decisions in this period"
    assert none.of_decisions(NOTHING).reason == "nothing tells of policy decisions in this period"
    assert [sample.value for sample in none.of_decisions(counts(0, 2)).value or ()] == [2]


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(empty("no such series", source=Source.PROMETHEUS, as_of=NOW), id="no series"),
        pytest.param(fresh(0.0, source=Source.PROMETHEUS, as_of=NOW), id="none ended"),
        pytest.param(missing("no answer", source=Source.PROMETHEUS), id="not known"),
    ],
)
def test_no_run_failed_is_said_only_where_runs_ended(runs: Reading[float]) -> None:
    assert "failed" not in none.error_words(runs, SHORT)
