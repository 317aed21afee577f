"""Every expression of the catalogue: the real Prometheus can read it, and it asks only for names that exist."""

from __future__ import annotations

import importlib
import pkgutil
import re
import string
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest
import yaml

import dashboard.catalog
from dashboard.catalog.expression import Expression
from dashboard.catalog.index import ENTRIES
from deploy.local import programs

MONITORING = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
ANY = {"track": "", "agent": "", "contract": "", "bounds": "0.5"}
EXAMPLES = {"window": "1m", "namespace": "agents", "service": "agent-runtime"}


def entries() -> list[Expression]:
    modules = [
        importlib.import_module(f"dashboard.catalog.{module.name}")
        for module in pkgutil.iter_modules(dashboard.catalog.__path__)
    ]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Expression)]
    return sorted({entry.name: entry for entry in found}.values(), key=lambda entry: entry.name)


def rendered(entry: Expression, span: str = "15m", names: Collection[str] = ()) -> str:
    placeholders = set(string.Template(entry.promql + entry.recorded).get_identifiers())
    return entry.render({name: EXAMPLES.get(name, ".*") for name in placeholders} | {"span": span}, names)


def known_names() -> set[str]:
    documented = set(re.findall(r"`([a-z][a-zA-Z0-9_:]+)", (MONITORING / "telemetry.md").read_text()))
    recorded = {
        rule["record"]
        for file in (MONITORING / "prometheus" / "rules").glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    return documented | recorded


def names_asked_for(promql: str) -> set[str]:
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', promql)
    bare = re.sub(r"\{[^}]*\}|\b(by|without|on|ignoring)\s*\([^)]*\)|\[[^\]]*\]", " ", bare)
    return {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for name in re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w*\s*\()", bare)
        if ":" in name or re.match(r"(gen_ai_|agentgov_|kube_|container_|probe_|alertmanager_|up$)", name)
    }


def test_the_names_of_entries_are_unique() -> None:
    objects = {
        id(value): value.name
        for module in pkgutil.iter_modules(dashboard.catalog.__path__)
        for value in vars(importlib.import_module(f"dashboard.catalog.{module.name}")).values()
        if isinstance(value, Expression)
    }
    names = sorted(objects.values())
    assert names == sorted(set(names))


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_an_entry_asks_only_for_documented_or_recorded_names_and_says_what_it_hides(entry: Expression) -> None:
    for span in ("15m", "14d"):
        asked = names_asked_for(rendered(entry, span))
        assert asked, "an entry that asks for nothing"
        assert asked <= known_names()
    assert entry.blind


def test_the_real_prometheus_reads_every_entry(tmp_path: Path) -> None:
    # `check rules` parses each expression, and names the one that it cannot read.
    spans = {"short": "15m", "long": "14d"}
    rules = [
        {"record": f"catalog:{entry.name}:{name}", "expr": rendered(entry, span)}
        for entry in entries()
        for name, span in spans.items()
    ]
    rules += [
        {"record": f"catalog:{entry.name}:alias", "expr": rendered(entry, names={alias.metric})}
        for entry in entries()
        for alias in entry.aliases
    ]
    rules += [
        {"record": f"catalog:{entry.name}:steady", "expr": text}
        for entry in entries()
        for text in (*(entry.shortcut(EXAMPLES | ANY) or ()), entry.steadily(EXAMPLES | ANY))
        if text
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "catalog", "rules": rules}]}))
    done = subprocess.run(
        [programs.find().promtool, "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# What only speaks of now, or of the few minutes that a verdict rests on, is never asked over days.
ONLY_NOW = re.compile(
    r"release_.*|alert_notifications_.*|agent_error_ratio_now|contract_violated_most|policy_d.*|queue_(?:waiting|oldest)|component_.*|audit_.*"
    r"|track_cost_.*|container_last_ends|scrape_age|certificate_.*|probe_seconds|cpu_requested_by_pod|memory_limit_by_pod|contract_last_evaluation_age"
    r"|agent_state|agent_evaluation_scores|agent_versions"
)

# Kinds of task times outcomes, at the doors alone: counters that are quick to read over days; one agent's by model.
FEW_SERIES = re.compile(r"business_(?:tasks|task_p95.*|value|satisfaction|budget)|agent_cost_by_model")


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_over_days_an_entry_reads_recorded_series_alone(entry: Expression) -> None:
    if not ONLY_NOW.fullmatch(entry.name) and not FEW_SERIES.fullmatch(entry.name):
        assert all(":" in name for name in names_asked_for(rendered(entry, "6h")))
    assert rendered(entry, "1h") == rendered(entry)


def test_the_index_knows_every_entry() -> None:
    assert sorted(entry.name for entry in ENTRIES) == [entry.name for entry in entries()]
