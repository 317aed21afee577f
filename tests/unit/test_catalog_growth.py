"""How much counters grew, judged by Prometheus itself: what is new counts in full, what is only newly seen does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from dashboard.catalog.counting import growth
from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit
from deploy.local import programs

UP = {"series": 'up{namespace="a"}', "values": "1x20"}
OLD = 'failed{namespace="a", kind="old"}'
NEW = 'failed{namespace="a", kind="new"}'


def _grown(folder: Path, series: list[dict[str, str]], expected: dict[str, float]) -> str:
    """What promtool says of the growth over 5 min at the minute 10, a sample a minute; empty when it is as expected."""
    promql = growth('failed{namespace="$namespace"}')
    entry = Expression(name="probe", promql=promql, unit=Unit.COUNT, blind="nothing")
    asked = {
        "expr": entry.render({"namespace": "a", "window": "5m"}),
        "eval_time": "10m",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
    }
    file = folder / "test.yaml"
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [asked]}]
    file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(
        [programs.find().promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_first_failure_of_its_kind_counts_from_nothing(tmp_path: Path) -> None:
    new = {"series": NEW, "values": "_x7 3x12"}
    assert _grown(tmp_path, [UP, new], {NEW: 3}) == ""


def test_what_was_there_before_counts_by_how_much_it_grew(tmp_path: Path) -> None:
    old = {"series": OLD, "values": "100+2x20"}
    assert _grown(tmp_path, [UP, old], {'{namespace="a", kind="old"}': 10}) == ""


def test_an_old_counter_that_a_new_prometheus_sees_first_does_not_count_in_full(tmp_path: Path) -> None:
    up = {"series": 'up{namespace="a"}', "values": "_x7 1x12"}
    old = {"series": OLD, "values": "_x7 1000x12"}
    assert _grown(tmp_path, [up, old], {'{namespace="a", kind="old"}': 0}) == ""


def test_that_another_namespace_was_scraped_before_proves_nothing(tmp_path: Path) -> None:
    series = [
        {"series": 'up{namespace="b"}', "values": "1x20"},
        {"series": 'up{namespace="a"}', "values": "_x7 1x12"},
        {"series": OLD, "values": "_x7 1000x12"},
    ]
    assert _grown(tmp_path, series, {'{namespace="a", kind="old"}': 0}) == ""


@pytest.mark.parametrize(
    ("window", "seconds"), [("900s", "900"), ("1h", "3600"), ("23472900s", "23472900"), ("1500ms", "1.5")]
)
def test_a_rate_is_divided_by_the_window_however_long_it_is(window: str, seconds: str) -> None:
    entry = Expression(name="probe", promql="x / $window_seconds", unit=Unit.PER_SECOND, blind="nothing")
    assert entry.render({"window": window}) == f"x / {seconds}"
