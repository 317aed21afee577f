"""Metrics of systems that are not ours: with the preset named and no more, figures are right or said to be missing.

Each scrape was read off a real program. It grew evenly for an hour, so a rate is the scrape's count over the hour. What
is held: every concept the emitter has answers with the number counted from the scrape; every other one says that it is
not measured here and by what it could be; nothing answers 0 that was never measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashboard.catalog import agents, contracts, release, service
from dashboard.catalog.escaping import Regex
from dashboard.catalog.expression import Expression
from dashboard.catalog.index import ENTRIES
from dashboard.model.reading import Reading, State
from dashboard.queries.ask import Ask, Instant, build_ask
from dashboard.settings import EnvironmentSettings, Settings
from tests.foreign.past_hour import HOUR_SECONDS, Row, end, pod, prometheus, scraped

VALUES = {
    "namespace": "support",
    "service": "support-agent",
    "track": "",
    "agent": "",
    "contract": "",
    "window": "10m",
    "bounds": "0.4",
}
BLUE, GREEN = 1.0, 0.5  # the share of the scrape that each track has counted
ALL = BLUE + GREEN


def settings(url: str, **names: Any) -> EnvironmentSettings:
    """An environment with these names and a Prometheus."""
    local = {"namespaces": ["support"], "prometheus": {"url": url, "scrape_interval_seconds": 15}, **names}
    return Settings.model_validate({"environments": {"local": local}}).environments["local"]


@dataclass(frozen=True, slots=True)
class World:
    """A scrape, and the deck that reads it."""

    rows: tuple[Row, ...]
    ask: Ask

    def reading(self, entry: Expression, **values: str) -> Reading[Any]:
        request = Instant(entry, VALUES | values, at=end())
        return self.ask.gather({"x": request}).samples("x")

    def value(self, entry: Expression, **values: str) -> float:
        """The only value."""
        samples = self.reading(entry, **values).value
        assert samples is not None, self.reading(entry, **values).reason
        (sample,) = samples
        assert sample.value is not None
        return float(sample.value)

    def by(self, entry: Expression, *labels: str) -> Mapping[Any, float]:
        """Values by our labels."""
        samples = self.reading(entry).value
        assert samples is not None, self.reading(entry).reason
        return {tuple(s.labels.get(label, "") for label in labels): s.value for s in samples}

    def counted(self, name: str, **labels: str) -> float:
        """What the scrape itself says, counted without the deck."""
        return sum(r.value for r in self.rows if r.name == name and labels.items() <= r.labels.items())

    def rate(self, name: str, **labels: str) -> float:
        return ALL * self.counted(name, **labels) / HOUR_SECONDS

    def unmeasured(self) -> set[str]:
        asked = {e.name: Instant(e, VALUES, at=end()) for e in ENTRIES}
        found = self.ask.gather(asked)
        return {name for name in asked if found.samples(name).state is State.UNMEASURED}


def world(folder: Path, rows: tuple[Row, ...], **names: Any) -> Iterator[World]:
    both = (*pod(rows, "blue", BLUE), *pod(rows, "green", GREEN))
    with prometheus(both, folder) as url:
        ask = build_ask(settings(url, **names))
        yield World(rows, ask)
        ask.close()


# The official instrumentation for agents.


@pytest.fixture(scope="module")
def otel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    presets = ["otel-genai", "kube-prometheus-stack"]
    yield from world(tmp_path_factory.mktemp("otel"), scraped("otel-agents.prom"), presets=presets)


RUNS = "gen_ai_invoke_agent_duration_seconds_count"


def test_otel_runs_and_errors_are_those_of_the_scrape(otel: World) -> None:
    failed = otel.counted(RUNS, error_type="_OTHER")

    assert otel.value(agents.RUN_RATE) == pytest.approx(otel.rate(RUNS), rel=0.01)
    assert otel.value(agents.ERROR_RATIO) == pytest.approx(failed / otel.counted(RUNS), rel=0.01)
    assert otel.by(agents.ERRORS_BY_TYPE, "error_type", "track") == pytest.approx(
        {
            ("_OTHER", "blue"): BLUE * failed / HOUR_SECONDS,
            ("_OTHER", "green"): GREEN * failed / HOUR_SECONDS,
        },
        rel=0.01,
    )


def test_otel_agents_are_told_apart(otel: World) -> None:
    found = otel.by(agents.AGENT_RUN_RATE, "gen_ai_agent_name")

    for name in ("weather-agent", "triage-agent"):
        assert found[(name,)] == pytest.approx(otel.rate(RUNS, gen_ai_agent_name=name), rel=0.01)


def test_tracks_are_read_from_the_names_of_pods(otel: World) -> None:
    runs = otel.by(service.TRACK_RUNS, "service_name", "track")
    counted = otel.counted(RUNS) / HOUR_SECONDS

    assert runs == pytest.approx(
        {("support-agent", "blue"): BLUE * counted, ("support-agent", "green"): GREEN * counted}, rel=0.01
    )
    assert otel.value(agents.RUN_RATE, track="green") == pytest.approx(GREEN * counted, rel=0.01)


def test_a_verdict_counts_what_the_emitter_counted(otel: World) -> None:
    runs, failed = otel.by(release.RUNS, "track"), otel.by(release.FAILED, "track")
    window = 600 / HOUR_SECONDS

    for track, share in (("blue", BLUE), ("green", GREEN)):
        assert runs[(track,)] == pytest.approx(share * otel.counted(RUNS) * window, rel=0.05)
        bad = share * otel.counted(RUNS, error_type="_OTHER") * window
        assert failed[(track,)] == pytest.approx(bad, rel=0.05)


def test_what_otel_does_not_measure_is_said_and_is_no_zero(otel: World) -> None:
    silent = otel.unmeasured()

    assert {e.name for e in (agents.RETRY_RATE, agents.QUEUE_DEPTH, agents.COST_RATE, agents.RUNS_ACTIVE)} <= silent
    assert {e.name for e in vars(contracts).values() if isinstance(e, Expression)} <= silent
    assert {release.EVALUATIONS.name, release.VIOLATIONS.name, release.COST.name, release.KILL_SWITCH.name} <= silent
    reason = otel.reading(agents.RETRY_RATE).reason
    assert "agentgov_agent_retries_total" in reason
    assert "metrics.retries" in reason


# Traceloop, OpenLIT, the Agent Governance Toolkit.


@pytest.fixture(scope="module")
def traceloop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    presets = ["traceloop", "kube-prometheus-stack"]
    yield from world(tmp_path_factory.mktemp("traceloop"), scraped("traceloop.prom"), presets=presets)


def test_traceloop_tokens_and_models_are_those_of_the_scrape(traceloop: World) -> None:
    tokens = "gen_ai_client_token_usage_token_sum"

    assert traceloop.value(agents.TOKEN_RATE) == pytest.approx(traceloop.rate(tokens), rel=0.01)
    by_model = traceloop.by(agents.MODEL_TOKEN_RATE, "gen_ai_request_model")
    for model in ("gpt-4.1-2024-07-18", "gpt-4o-mini-2024-07-18"):
        assert by_model[(model,)] == pytest.approx(traceloop.rate(tokens, gen_ai_response_model=model), rel=0.01)
    assert agents.RUN_RATE.name in traceloop.unmeasured()


@pytest.fixture(scope="module")
def openlit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    presets = ["openlit", "kube-prometheus-stack"]
    yield from world(tmp_path_factory.mktemp("openlit"), scraped("openlit-cost.prom"), presets=presets)


def test_openlit_cost_is_the_sum_of_its_histogram(openlit: World) -> None:
    spent = openlit.rate("gen_ai_usage_cost_USD_sum") * HOUR_SECONDS

    assert openlit.value(agents.COST_RATE) == pytest.approx(spent, rel=0.01)
    assert openlit.reading(agents.AGENT_COST_PER_RUN).state is State.UNMEASURED


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    presets = ["agent-governance-toolkit", "kube-prometheus-stack"]
    yield from world(tmp_path_factory.mktemp("toolkit"), scraped("governance-toolkit.prom"), presets=presets)


def test_the_toolkit_says_what_policies_denied(toolkit: World) -> None:
    denied = toolkit.counted("agent_os_requests_total", status="denied")

    ratio = denied / toolkit.counted("agent_os_requests_total")
    assert toolkit.value(contracts.DENIAL_RATIO) == pytest.approx(ratio, rel=0.01)
    decisions = toolkit.by(contracts.DECISIONS, "decision", "stage")
    window = 600 / HOUR_SECONDS
    assert decisions[("deny", "tool_call")] == pytest.approx(ALL * denied * window, rel=0.05)


def test_the_toolkit_says_who_violates_and_what_it_costs(toolkit: World) -> None:
    violated = toolkit.by(contracts.VIOLATIONS_BY_RULE, "contract", "severity")
    spent = toolkit.rate("agent_sre_cost_total_usd_total") * HOUR_SECONDS

    expected = ALL * toolkit.counted("agent_os_violations_total") * 600 / HOUR_SECONDS
    assert violated == pytest.approx({("no-pii", "high"): expected}, rel=0.05)
    assert toolkit.value(agents.COST_RATE) == pytest.approx(spent, rel=0.01)
    by_agent = toolkit.by(agents.AGENT_RUN_RATE, "gen_ai_agent_name")
    runs = toolkit.rate("agent_task_duration_milliseconds_count", agent_id="triage-agent")
    assert by_agent[("triage-agent",)] == pytest.approx(runs, rel=0.01)


def test_the_toolkit_claims_no_compliance_since_it_counts_no_evaluation(toolkit: World) -> None:
    assert {contracts.COMPLIANCE.name, release.VIOLATIONS.name, agents.P95.name} <= toolkit.unmeasured()
    assert toolkit.reading(agents.ERROR_RATIO).state is State.UNMEASURED


# A made-up emitter: other names, milliseconds, a label of its own for the track.


def made_up() -> tuple[Row, ...]:
    rows = [Row(name="bot_turns_total", labels={"result": "ok"}, value=900.0)]
    rows += [Row(name="bot_turns_total", labels={"result": "crashed"}, value=100.0)]
    for bound, within in (("250", 500.0), ("2500", 990.0), ("+Inf", 1000.0)):
        rows.append(Row(name="bot_turn_millis_bucket", labels={"le": bound}, value=within))
    rows.append(Row(name="bot_turn_millis_count", labels={}, value=1000.0))
    rows.append(Row(name="bot_turn_millis_sum", labels={}, value=400_000.0))
    rows.append(Row(name="bot_tokens_k_total", labels={"llm": "m1"}, value=20.0))
    rows.append(Row(name="bot_verdicts_total", labels={"gate": "pii", "say": "nope"}, value=30.0))
    rows.append(Row(name="bot_verdicts_total", labels={"gate": "pii", "say": "yep"}, value=70.0))
    return tuple(rows)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    rows = made_up()
    blue = pod(rows, "blue", BLUE, slot="a", app="bot")
    green = pod(rows, "green", GREEN, slot="b", app="bot")
    names = {
        "labels": {"service": "app", "track": {"name": "slot", "values": {"blue": "a", "green": "b"}}},
        "metrics": {
            "agent_runs": {
                "series": "bot_turn_millis",
                "count": "bot_turns_total",
                "unit": "ms",
                "bad": 'result="crashed"',
                "labels": {"agent": "", "error": "result"},
            },
            "tokens": {
                "total": "bot_tokens_k_total",
                "unit": "thousand",
                "labels": {"agent": "", "model": "llm"},
            },
            "policy_decisions": {
                "series": "bot_verdicts_total",
                "labels": {
                    "policy": "gate",
                    "stage": "",
                    "decision": {"name": "say", "values": {"deny": "nope", "allow": "yep"}},
                },
            },
        },
    }
    with prometheus((*blue, *green), tmp_path_factory.mktemp("own")) as url:
        ask = build_ask(settings(url, **names))
        yield World(rows, ask)
        ask.close()


BOT = {"service": "bot"}


def test_an_own_mapping_gives_rates_errors_and_tracks(own: World) -> None:
    assert own.value(agents.RUN_RATE, **BOT) == pytest.approx(ALL * 1000 / HOUR_SECONDS, rel=0.01)
    assert own.value(agents.ERROR_RATIO, **BOT) == pytest.approx(0.1, rel=0.01)
    green = own.value(agents.RUN_RATE, track="green", **BOT)
    assert green == pytest.approx(GREEN * 1000 / HOUR_SECONDS, rel=0.01)


def test_milliseconds_become_seconds(own: World) -> None:
    assert own.value(agents.P50, **BOT) == pytest.approx(0.25, rel=0.02)
    assert 0.25 < own.value(agents.P95, **BOT) < 2.5


def test_bounds_of_buckets_are_seconds_in_the_verdict_too(own: World) -> None:
    told = {sample.labels["le"] for sample in own.reading(release.BUCKETS, **BOT).value or ()}
    within = own.reading(release.WITHIN_COUNTER, **BOT, bounds=Regex("2\\.5")).value

    assert told == {"0.25", "2.5", "+Inf"}
    assert {sample.labels["le"] for sample in within or ()} == {"2.5"}


def test_a_metric_that_the_settings_name_and_nobody_has_is_missing_and_not_left_out(own: World, tmp_path: Path) -> None:
    with prometheus(pod(made_up(), "blue"), tmp_path) as url:
        ask = build_ask(settings(url, metrics={"cost": "bot_dollars_total"}, labels={"service": "job"}))
        found = ask.gather({"x": Instant(release.COST, VALUES, at=end())}).samples("x")
        ask.close()
    assert found.state is State.MISSING
    assert "bot_dollars_total" in found.reason


def test_thousands_of_tokens_become_tokens(own: World) -> None:
    assert own.value(agents.TOKEN_RATE, **BOT) == pytest.approx(ALL * 20_000 / HOUR_SECONDS, rel=0.01)


# Emitters that write input, output and the sum of both as three kinds of tokens.
KINDS = {"input": 3000.0, "output": 600.0, "total": 3600.0}


@pytest.mark.parametrize(
    ("label", "kinds", "tokens"),
    [
        ("gen_ai_token_type", ("input", "output", "total"), 3600.0),
        ("gen_ai_token_type", ("input", "output"), 3600.0),
        ("gen_ai_token_type", ("total",), 3600.0),
        ("kind", ("input", "output", "total"), 3600.0),
    ],
)
def test_the_sum_of_both_directions_is_not_counted_beside_them(
    tmp_path: Path, label: str, kinds: tuple[str, ...], tokens: float
) -> None:
    model = "gen_ai_request_model"
    rows = tuple(
        Row(name="gen_ai_client_token_usage_total", labels={label: kind, model: "m"}, value=KINDS[kind])
        for kind in kinds
    )
    metric: dict[str, Any] = {"total": "gen_ai_client_token_usage_total", "labels": {"agent": "", "token_type": label}}
    names: dict[str, Any] = {"presets": ["kube-prometheus-stack"], "metrics": {"tokens": metric}}
    with prometheus(pod(rows, "blue"), tmp_path) as url:
        ask = build_ask(settings(url, **names))
        found = World(rows, ask)
        assert found.value(agents.TOKEN_RATE) == pytest.approx(tokens / HOUR_SECONDS, rel=0.01)
        assert found.by(agents.MODEL_TOKEN_RATE, model) == {("m",): pytest.approx(tokens / HOUR_SECONDS, rel=0.01)}
        ask.close()


def test_own_words_for_decisions_become_ours(own: World) -> None:
    assert own.value(contracts.DENIAL_RATIO, **BOT) == pytest.approx(0.3, rel=0.01)


def test_an_emitter_without_a_preset_is_not_measured_and_never_zero(
    tmp_path: Path,
) -> None:
    with prometheus(pod(made_up(), "blue"), tmp_path) as url:
        ask = build_ask(settings(url))
        asked = {e.name: Instant(e, VALUES, at=end()) for e in ENTRIES}
        found = ask.gather(asked)
        ask.close()
    told = {name: found.samples(name) for name in asked}
    assert {name for name, reading in told.items() if reading.state is State.FRESH} <= {
        release.TARGETS.name,
        "scrape_age",
    }
    assert all(reading.reason for reading in told.values() if reading.value is None)
