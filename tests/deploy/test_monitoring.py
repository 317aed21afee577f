"""The rules ask for names that exist, fire when they should, and lead to a runbook that is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.decide.slo import WINDOWS, BurnWindow
from dashboard.decide.suspects import RUNBOOKS as SUSPECTED
from dashboard.settings.release import ReleaseSettings
from deploy.local import programs

MONITORING = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
RULES = sorted((MONITORING / "prometheus" / "rules").glob("*.yaml"))
RUNBOOKS = MONITORING.parent / "runbooks"


def rules() -> list[dict[str, Any]]:
    return [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def names_asked_for(promql: str) -> set[str]:
    """Metric names in an expression: what is left when label matchers, label lists and ranges are taken out."""
    without_labels = re.sub(r"\{[^}]*\}|\b(by|without|on|ignoring)\s*\([^)]*\)|\[[^\]]*\]", " ", promql)
    return {
        name
        for name in re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w*\s*\()", without_labels)
        if re.match(r"(gen_ai|agentgov|kube|container|slo|service_track|agent:|up$)", name)
    }


def documented() -> set[str]:
    return set(re.findall(r"`([a-z][a-zA-Z0-9_:]+)", (MONITORING / "telemetry.md").read_text()))


def test_every_metric_that_a_rule_asks_for_is_documented_or_recorded() -> None:
    known = documented() | {rule["record"] for rule in rules() if "record" in rule}
    asked = {name for rule in rules() for name in names_asked_for(rule["expr"])}
    unknown = {name for name in asked if re.sub(r"_(bucket|count|sum)$", "", name) not in known and name not in known}
    assert not unknown
    assert len(asked) > 15, "the extraction of names has gone blind"


@pytest.mark.parametrize("alert", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_an_alert_names_who_owns_it_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["labels"]["owner"]
    assert {"summary", "description", "runbook"} <= alert["annotations"].keys()
    assert (RUNBOOKS / f"{alert['annotations']['runbook']}.md").is_file()


POLICY = ReleaseSettings()
BUDGET = 1 - POLICY.objective_ratio


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("AgentErrorRatioHigh", 2.5 * POLICY.error_ratio),
        ("ContractViolationRatioHigh", 1.5 * POLICY.violation_ratio),
        ("AgentLatencyHigh", POLICY.p95_seconds),
    ],
)
def test_an_alert_has_the_limit_that_follows_from_the_settings(name: str, limit: float) -> None:
    (alert,) = [rule for rule in rules() if rule.get("alert") == name]
    first = re.search(r"> ([0-9.]+)", alert["expr"])
    assert first is not None
    assert float(first[1]) == pytest.approx(limit)


@pytest.mark.parametrize("window", [one for one in WINDOWS if one.pages], ids=lambda one: f"{one.rate:g} times")
def test_an_alert_on_a_burning_budget_has_the_windows_and_the_budget_of_the_gate(window: BurnWindow) -> None:
    hours, minutes = (round(span.total_seconds()) // size for span, size in ((window.long, 3600), (window.short, 60)))
    short = "1h" if minutes == 60 else f"{minutes}m"
    burning = [rule["expr"].split() for rule in rules() if rule.get("alert", "").startswith("ErrorBudgetBurns")]
    wanted = {f"slo:agentgov_sli_errors:ratio_rate{span}" for span in (f"{hours}h", short)}
    (found,) = [words for words in burning if wanted <= set(words)]
    numbers = {float(word) for word in found if re.fullmatch(r"[0-9.]+", word)}
    assert numbers == {window.rate, round(BUDGET, 9)}


def test_the_recorded_remaining_budget_is_of_the_objective_in_the_settings() -> None:
    (remaining,) = [rule["expr"] for rule in rules() if rule.get("record", "").startswith("slo:agentgov_error_budget")]
    assert float(remaining.rsplit("/", 1)[1]) == pytest.approx(BUDGET)


def test_alerts_fire_when_they_should_and_not_otherwise() -> None:
    promtool = programs.find().promtool
    files = sorted((MONITORING / "prometheus" / "tests").glob("*.yaml"))
    done = subprocess.run([promtool, "test", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_triage_finds_without_an_alert_leads_to_a_runbook_that_is_there() -> None:
    assert [name for name in SUSPECTED.values() if not (RUNBOOKS / f"{name}.md").is_file()] == []
