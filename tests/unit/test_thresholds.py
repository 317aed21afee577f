"""What counts as bad stands in one table, the settings: gates, Triage, tiles, chart lines and the catalogue read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.catalog import contracts as contracts_catalog
from dashboard.catalog import triage as triage_catalog
from dashboard.decide.policy import Limits
from dashboard.decide.suspects import of_symptoms
from dashboard.model.health import SourceHealth
from dashboard.model.incident import CauseFamily, Symptoms
from dashboard.model.reading import Source, empty
from dashboard.model.view import View
from dashboard.queries.agents import agents
from dashboard.queries.ask import Readings, Request
from dashboard.queries.contracts import contracts
from dashboard.queries.policy import policy_of
from dashboard.queries.triage import triage
from dashboard.settings import EnvironmentSettings
from dashboard.settings.release import ReleaseSettings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PATIENT = ReleaseSettings(
    p95_seconds=30,
    error_ratio=0.2,
    violation_ratio=0.1,
    tool_failure_ratio=0.3,
    denial_ratio=0.4,
    objective_ratio=0.95,
    throttled_ratio=0.5,
)
VIEW = View(env="local", ns="agents")


@dataclass
class Nobody:
    """Sources that have nothing; keeps what they were asked."""

    environment = EnvironmentSettings(name="local", release=PATIENT)
    asked: Mapping[str, Request] | None = None

    def health(self) -> tuple[SourceHealth, ...]:
        return ()

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        self.asked = {**(self.asked or {}), **requests}
        nothing = empty("nothing there", source=Source.PROMETHEUS, as_of=NOW)
        return Readings(requests, dict.fromkeys(requests, nothing))


def symptoms(**more: Any) -> Symptoms:
    usual: dict[str, Any] = {"error_ratio": 0.001, "p95_seconds": 1.0, "violation_ratio": 0.001}
    rates = {"runs_per_second": 20.0, "evaluations_per_second": 80.0}
    return Symptoms(service="agent-runtime", track="green", window_seconds=15.0, **rates, **(usual | more))


def families(found: Symptoms, limits: Limits) -> list[CauseFamily]:
    return [suspect.family for suspect in of_symptoms([found], limits)]


@pytest.mark.parametrize(
    ("harm", "family"),
    [
        ({"p95_seconds": 12.0}, CauseFamily.LATENCY),
        ({"error_ratio": 0.15}, CauseFamily.ERRORS),
        ({"violation_ratio": 0.08}, CauseFamily.CONTRACTS),
    ],
)
def test_triage_suspects_what_breaks_the_limits_of_the_settings(harm: dict[str, float], family: CauseFamily) -> None:
    assert families(symptoms(**harm), Limits()) == [family]
    assert families(symptoms(**harm), policy_of(EnvironmentSettings(name="local", release=PATIENT)).limits) == []


def test_a_share_at_its_limit_is_not_suspected_by_chance() -> None:
    """300 runs: 6 failed ones are the limit of 2 %, and twice as many are seen once in a hundred looks."""
    assert families(symptoms(error_ratio=12 / 300), Limits()) == []
    assert families(symptoms(error_ratio=18 / 300), Limits()) == [CauseFamily.ERRORS]


def test_triage_shows_the_limits_of_the_settings_and_counts_budgets_by_its_objective() -> None:
    ask = Nobody()
    found = triage(ask, VIEW, NOW)  # type: ignore[arg-type]  # the fake has what pages use
    assert found.limits == {"errors": 0.2, "violations": 0.1, "p95": 30.0}
    assert ask.asked is not None
    asked = (ask.asked["burn"], ask.asked["budget"])
    assert all(one.expression.render(one.values).endswith("/ 0.05") for one in asked)  # type: ignore[union-attr]


def test_tiles_and_lines_of_pages_show_the_limits_of_the_settings() -> None:
    ask = Nobody()
    assert agents(ask, VIEW, NOW).limits == {"error_ratio": 0.2, "p95": 30.0, "tool_errors": 0.3}  # type: ignore[arg-type]
    found = contracts(ask, VIEW, NOW).limits  # type: ignore[arg-type]
    assert (found["compliance"], found["broken"], found["denials"]) == (0.95, 0.1, 0.4)
    assert ask.asked is not None
    burn = ask.asked["burn"]
    assert burn.expression.render(burn.values).endswith("/ 0.05")  # type: ignore[union-attr]


def test_the_catalogue_spends_the_budget_that_the_objective_leaves() -> None:
    values = {"namespace": "agents", "service": "", "track": ""}
    for entry in (triage_catalog.BURN_RATE_1H, triage_catalog.BUDGET_REMAINING, contracts_catalog.BURN_RATE):
        assert entry.render(values).endswith("/ 0.01")
        assert entry.render({**values, "objective": "0.999"}).endswith("/ 0.001")


def test_no_page_has_a_limit_of_its_own() -> None:
    root = Path(__file__).resolve().parents[2]
    for file in (*root.glob("pages/*.py"), *root.glob("dashboard/ui/*.py")):
        written = re.findall(r"TileSpec\([^)]*\blimit=([0-9.]+)", file.read_text(encoding="utf-8"))
        assert set(written) <= {"0.0"}, f"{file.name} holds something against a number of its own"
