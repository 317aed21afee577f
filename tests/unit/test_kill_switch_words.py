"""The kill switch as its metric says it: a number that is none is not "not engaged"."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dashboard.decide import condition_gates
from dashboard.decide.policy import Limits
from dashboard.model.reading import Source, fresh
from dashboard.model.series import Sample
from dashboard.model.verdict import Result
from dashboard.queries.release_conditions import kill_switch
from tests.unit.release_evidence import NOW, evidence


class Answers:
    """The kill switch by scope."""

    def __init__(self, **scopes: float | None) -> None:
        self._samples = tuple(Sample(labels={"scope": name}, value=value) for name, value in scopes.items())

    def samples(self, key: str) -> Any:
        assert key == "kill_switch"
        return fresh(self._samples, source=Source.PROMETHEUS, as_of=NOW)


@pytest.mark.parametrize(
    ("scopes", "result"),
    [
        ({"all": 0.0}, Result.PASS),
        ({"all": None}, Result.UNKNOWN),
        ({"all": 0.0, "payments": None}, Result.UNKNOWN),
        ({"all": 1.0, "payments": None}, Result.FAIL),
    ],
)
def test_only_a_zero_says_that_agents_may_run(scopes: dict[str, float | None], result: Result) -> None:
    found = kill_switch(cast(Any, Answers(**scopes)))

    assert condition_gates.kill_switch(evidence(kill_switch=found), Limits()).result is result
