"""Where Prometheus scrapes every 30 or 60 s, lines have points: a window with one sample in it has no growth."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.prometheus import Matrix
from dashboard.catalog import agents, contracts, service
from dashboard.catalog.expression import Expression
from dashboard.model.view import View
from dashboard.queries.measures import period
from dashboard.queries.request import Range
from dashboard.settings import Settings
from tests.unit.asking import NOW, World
from tests.unit.promql import answers
from tests.unit.test_first_increments import VALUES, runs, target, up

LINES = [agents.RUN_RATE, agents.ERROR_RATIO, agents.P95, service.TRACK_RUNS, contracts.COMPLIANCE]


def asked(scrape: int, window: str) -> str:
    """The question behind a line over 15 minutes."""
    source = {"url": "http://127.0.0.1:1", "scrape_interval_seconds": scrape}
    environment = Settings.model_validate({"environments": {"x": {"namespaces": ["agents"], "prometheus": source}}})
    world = World(environment.environments["x"])
    world.prometheus.answer = Matrix(lines=())
    values = {**VALUES, "window": window, "span": ""}
    values.pop("scrape_seconds")
    try:
        world.ask.gather({"x": Range(agents.RUN_RATE, values, NOW - timedelta(minutes=15), NOW)})
        return str(world.prometheus.asked[-1][0])
    finally:
        world.ask.close()


@pytest.mark.parametrize(
    ("scrape", "window", "least"),
    [(5, "60s", "[60s]"), (15, "60s", "[60s]"), (30, "60s", "[120s]"), (60, "60s", "[240s]"), (60, "600s", "[600s]")],
)
def test_the_window_of_a_point_holds_four_scrapes(scrape: int, window: str, least: str) -> None:
    assert least in asked(scrape, window)


@pytest.mark.parametrize("line", LINES, ids=lambda one: one.name)
@pytest.mark.parametrize("scrape", [30, 60])
def test_each_line_has_a_point_at_any_moment(tmp_path: Path, line: Expression, scrape: int) -> None:
    over = period(View(env="e", ns="agents", range="15m"), NOW)
    window = f"{max(60, 4 * scrape)}s"
    what = f'{target("g-1")},gen_ai_operation_name="invoke_agent",gen_ai_agent_name="a"'
    series = [
        up(),
        runs("0+9x60"),
        *((f'gen_ai_invoke_agent_duration_seconds_bucket{{{what},le="{le}"}}', "0+9x60") for le in ("1", "+Inf")),
        (f'agentgov_contract_evaluations_total{{{target("g-1")},contract="c",outcome="pass"}}', "0+9x60"),
    ]
    values = {**VALUES, "scrape_seconds": str(scrape), "window": window}

    assert over.course_window == "60s"
    for late in (0, scrape // 3, scrape - 1):
        assert answers(tmp_path, line, values, series, f"{20 * scrape + late}s", interval=f"{scrape}s")
