"""`sources --suggest` adds to a settings file: every line that stands there stays, and a second run changes nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.model.telemetry import Fit, Telemetry
from dashboard.queries.doctor import candidates, check
from dashboard.queries.suggestion import with_suggestion
from dashboard.settings import Settings
from dashboard.settings.names import preset_names

EXAMPLE = Path("deploy/production/tealdeck.toml.example").read_text(encoding="utf-8")
OWN = """\
# Our deck. Ask the platform team before you edit this.
hosts = ["deck.acme.example"]

[environments.own]
namespaces = ["support"]   # the agents of support
refresh_seconds = 10
presets = [
    "openlit", # costs
]

[environments.own.prometheus]
url = "http://prometheus:9090"

[environments.own.metrics]
# what billing counts
cost = { series = "billing_cents_total", unit = "cent" }

[environments.own.words]
severity = { P2 = "critical" }

[environments.own.release]
error_ratio = 0.07

[environments.other]
namespaces = ["other"]
labels = { track = "slot" }
"""
BARE = '[environments.own]\nnamespaces = ["support"]\n'
ONE_LINE = 'environments = { own = { namespaces = ["support"], labels = { pod = "pod" } } }\n'
DOTTED = 'environments.own.prometheus.url = "http://p"\nenvironments.own.metrics.cost = "billing_dollars_total"\n'
FILES = {"own lines": OWN, "bare": BARE, "one line": ONE_LINE, "dotted keys": DOTTED}
RUNS = "gen_ai_invoke_agent_duration_seconds_count"
SCRAPED = {"namespace": "support", "service": "support-agent", "pod": "support-agent-blue-7d9c-x2x4z"}


def telemetry(names: set[str], labels: dict[str, str]) -> Telemetry:
    return Telemetry(recent=frozenset(names), ever=frozenset(names), labels=dict.fromkeys(names, (labels,)))


def after(text: str, seen: Telemetry, name: str = "own") -> str:
    environment = Settings.model_validate(tomllib.loads(text)).environments[name]
    return with_suggestion(text, environment, seen)


def kept(before: Any, now: Any, place: str = "") -> None:
    """Every key with its value; of presets every name, in their order and last."""
    if isinstance(before, dict):
        for key, value in before.items():
            kept(value, now[key], f"{place}.{key}")
    elif place.endswith(".presets"):
        assert now[len(now) - len(before) :] == before
    else:
        assert now == before, place


seen_names = st.sets(st.sampled_from(sorted(candidates())), max_size=8)
seen_labels = st.dictionaries(
    st.sampled_from(["namespace", "service", "service_name", "pod", "track", "color", "k8s_pod_name"]),
    st.sampled_from(["blue", "a-blue-1-2", "x"]),
)
files = st.sampled_from(list(FILES.values())) | st.lists(st.sampled_from(preset_names()), unique=True, max_size=3).map(
    lambda several: f"{BARE}presets = {several!r}\n".replace("'", '"')
)


@settings(max_examples=25)  # each reads the file of the settings several times
@given(files, seen_names, seen_labels)
def test_own_lines_stay_and_a_second_run_changes_nothing(text: str, names: set[str], labels: dict[str, str]) -> None:
    seen = telemetry(names, labels)

    once = after(text, seen)

    assert after(once, seen) == once
    kept(tomllib.loads(text), tomllib.loads(once))
    before, now = (
        check(Settings.model_validate(tomllib.loads(one)).environments["own"].mapping, seen) for one in (text, once)
    )
    ranked = list(Fit)
    assert all(ranked.index(b.standing) >= ranked.index(n.standing) for b, n in zip(before, now, strict=True))


def test_comments_words_hosts_limits_and_other_environments_are_kept_to_the_letter() -> None:
    once = after(OWN, telemetry({RUNS}, SCRAPED))

    # Only the line with the presets is written anew.
    old = [line for line in OWN.splitlines() if line and line not in ("presets = [", '    "openlit", # costs', "]")]
    assert [line for line in once.splitlines() if line in old] == old
    environments = Settings.model_validate(tomllib.loads(once)).environments
    assert environments["own"].presets == ("otel-genai", "kube-prometheus-stack", "openlit")
    assert "# otel-genai: OpenTelemetry's own GenAI instrumentations" in once
    assert '# retries = "..."  # nothing found that tells steps that an agent tried again' in once


@pytest.mark.parametrize("name", FILES)
def test_what_was_missing_is_found_with_the_result(name: str) -> None:
    seen = telemetry({RUNS}, SCRAPED)
    once = after(FILES[name], seen)
    found = {one.key: one for one in check(_mapping(once), seen)}
    assert found["agent_runs"].standing is Fit.PRESENT


def test_the_example_file_takes_suggestions_and_keeps_all_its_lines() -> None:
    once = after(EXAMPLE, telemetry({RUNS}, SCRAPED), "production")
    lines = [line for line in EXAMPLE.splitlines() if line.strip() and not line.startswith("presets = ")]
    assert [line for line in once.splitlines() if line in set(lines)] == lines
    assert _mapping(once, "production").metrics["agent_runs"].series == "gen_ai_invoke_agent_duration_seconds"


def test_a_metric_that_a_preset_hides_gets_a_line_of_its_own_and_an_own_line_is_never_replaced() -> None:
    seen = telemetry({RUNS, "agentgov_agent_cost_usd_total"}, SCRAPED)
    once = tomllib.loads(after(OWN, seen))["environments"]["own"]
    assert once["metrics"]["cost"] == {"series": "billing_cents_total", "unit": "cent"}

    once = tomllib.loads(after(f'{BARE}presets = ["openlit", "kube-prometheus-stack"]\n', seen))["environments"]["own"]
    assert once["metrics"]["cost"] == {"series": "agentgov_agent_cost_usd_total"}


def _mapping(text: str, name: str = "own") -> Any:
    return Settings.model_validate(tomllib.loads(text)).environments[name].mapping
