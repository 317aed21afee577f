"""`sources --suggest` on other people's telemetry writes a file with which the right figures come, and loads."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dashboard.catalog import agents, contracts, service
from dashboard.catalog.expression import Expression
from dashboard.cli import main
from dashboard.model.telemetry import Fit
from dashboard.queries.ask import Instant, build_ask
from dashboard.queries.doctor import check
from dashboard.settings import EnvironmentSettings, Settings
from tests.foreign import test_foreign_metrics as checks
from tests.foreign.past_hour import HOUR_SECONDS, end, pod, prometheus, scraped
from tests.foreign.test_foreign_metrics import BLUE, GREEN, World

VALUES = {"namespace": "support", "service": "support-agent", "track": "", "agent": "", "contract": "", "window": "10m"}


def suggested(url: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> EnvironmentSettings:
    """The environment of the file that the command writes, read as the deck reads it."""
    file = folder / "tealdeck.toml"
    file.write_text(
        '[environments.own]\nnamespaces = ["support"]\n[environments.own.kubernetes]\nkubeconfig = "/nowhere"\n'
        f'[environments.own.prometheus]\nurl = "{url}"\nscrape_interval_seconds = 15\n'
    )
    assert main(["sources", "--suggest", "--settings", str(file)]) == 0
    return Settings.model_validate(tomllib.loads(capsys.readouterr().out)).environments["own"]


def value(environment: EnvironmentSettings, entry: Expression, **values: str) -> Any:
    ask = build_ask(environment)
    try:
        found = ask.gather({"x": Instant(entry, VALUES | values, at=end())}).samples("x")
    finally:
        ask.close()
    assert found.value is not None, found.reason
    return found.value


@pytest.mark.parametrize(
    ("scrape", "presets", "entry", "metric", "factor"),
    [
        ("otel-agents.prom", "otel-genai", agents.RUN_RATE, "gen_ai_invoke_agent_duration_seconds_count", 1.0),
        ("traceloop.prom", "traceloop", agents.TOKEN_RATE, "gen_ai_client_token_usage_token_sum", 1.0),
        ("openlit-cost.prom", "openlit", agents.COST_RATE, "gen_ai_usage_cost_USD_sum", float(HOUR_SECONDS)),
        (
            "governance-toolkit.prom",
            "agent-governance-toolkit",
            agents.COST_RATE,
            "agent_sre_cost_total_usd_total",
            float(HOUR_SECONDS),
        ),
    ],
)
def test_the_suggested_file_finds_what_the_emitter_measures(
    scrape: str,
    presets: str,
    entry: Expression,
    metric: str,
    factor: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = scraped(scrape)
    with prometheus((*pod(rows, "blue"), *pod(rows, "green")), tmp_path) as url:
        environment = suggested(url, tmp_path, capsys)
        (sample,) = value(environment, entry)

    assert environment.presets == (presets, "kube-prometheus-stack")
    counted = sum(row.value for row in rows if row.name == metric)
    assert sample.value == pytest.approx(2 * counted / HOUR_SECONDS * factor, rel=0.01)


def test_a_label_of_the_track_wins_over_the_names_of_pods(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = scraped("otel-agents.prom")
    both = (*pod(rows, "blue", color="green"), *pod(rows, "green", 0.5, color="blue"))
    with prometheus(both, tmp_path) as url:
        environment = suggested(url, tmp_path, capsys)
        runs = {sample.labels["track"]: sample.value for sample in value(environment, service.TRACK_RUNS)}

    assert environment.labels["track"].name == "color"
    assert runs["green"] == pytest.approx(2 * runs["blue"], rel=0.01)


def test_the_check_says_of_each_concept_how_it_stands(tmp_path: Path) -> None:
    rows = scraped("governance-toolkit.prom")
    with prometheus(pod(rows, "blue"), tmp_path) as url:
        local = {"namespaces": ["support"], "prometheus": {"url": url}}
        environment = Settings.model_validate({"environments": {"own": local}}).environments["own"]
        ask = build_ask(environment)
        telemetry = ask.telemetry().value
        ask.close()
    assert telemetry is not None
    found = {one.key: one for one in check(environment.mapping, telemetry)}

    assert found["cost"].standing is Fit.RENAMED
    assert found["cost"].lines == ('presets = ["agent-governance-toolkit"]',)
    assert found["retries"].standing is Fit.UNMEASURED
    assert "metrics.retries" in found["retries"].says
    assert contracts.DECISIONS.blind in found["policy_decisions"].blinds


def test_a_second_run_on_the_suggested_file_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = (*scraped("otel-agents.prom"), *scraped("governance-toolkit.prom"), *scraped("openlit-cost.prom"))
    with prometheus((*pod(rows, "blue"), *pod(rows, "green")), tmp_path) as url:
        file = tmp_path / "tealdeck.toml"
        suggested(url, tmp_path, capsys)
        assert main(["sources", "--suggest", "--settings", str(file)]) == 0
        once = capsys.readouterr().out
        file.write_text(once)
        assert main(["sources", "--suggest", "--settings", str(file)]) == 0
        assert capsys.readouterr().out == once


def test_with_the_suggested_file_the_figures_are_those_of_the_preset_and_nothing_else_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What test_foreign_metrics holds of the named presets holds of the file that the command writes."""
    rows = scraped("otel-agents.prom")
    both = (*pod(rows, "blue", BLUE), *pod(rows, "green", GREEN))
    with prometheus(both, tmp_path) as url:
        environment = suggested(url, tmp_path, capsys)
        ask = build_ask(environment)
        try:
            otel = World(rows, ask)
            checks.test_otel_runs_and_errors_are_those_of_the_scrape(otel)
            checks.test_otel_agents_are_told_apart(otel)
            checks.test_tracks_are_read_from_the_names_of_pods(otel)
            checks.test_a_verdict_counts_what_the_emitter_counted(otel)
            checks.test_what_otel_does_not_measure_is_said_and_is_no_zero(otel)
        finally:
            ask.close()
