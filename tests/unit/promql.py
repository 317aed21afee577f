"""What the real Prometheus makes of an expression over made-up series: promtool is asked, and its answer read back."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from pathlib import Path

import yaml

from dashboard.catalog.expression import Expression
from dashboard.catalog.translation import translate
from dashboard.model.mapping import OURS, Mapping
from deploy.local import programs

# promtool prints what it got only where it differs from what was expected.
_NEVER = [{"labels": "never", "value": 1}]
_SAMPLE = re.compile(r"(\{[^{}]*\}) ([-+0-9.eE]+|NaN)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Labels = frozenset[tuple[str, str]]


def answers(
    folder: Path,
    asked: Expression,
    values: MappingOf[str, str],
    series: Iterable[tuple[str, str]],
    at: str,
    interval: str = "5s",
    *,
    rules: Path | None = None,
    mapping: Mapping = OURS,
) -> dict[Labels, float]:
    """The samples of the answer by their labels.

    Args:
        series: selectors with values in promtool's notation, one value an interval.
        at: when the question is asked, as a duration since the first value.
        rules: a file of rules that are evaluated meanwhile, every 15 s.
        mapping: the names of an environment that the question is asked in.
    """
    test = {
        "interval": interval,
        "input_series": [{"series": name, "values": text} for name, text in series],
        "promql_expr_test": [
            {"expr": translate(asked.render(values), mapping), "eval_time": at, "exp_samples": _NEVER}
        ],
    }
    file = folder / "series.yaml"
    document = {
        "rule_files": [str(rules.resolve())] if rules else [],
        "evaluation_interval": "15s" if rules else interval,
    }
    file.write_text(yaml.safe_dump({**document, "tests": [test]}))
    done = subprocess.run(
        [programs.find().promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    _, is_answer, got = said.partition("got:")
    assert is_answer, said
    return {frozenset(_LABEL.findall(labels)): float(value) for labels, value in _SAMPLE.findall(got)}


def of(found: MappingOf[Labels, float], **labels: str) -> float | None:
    """The one value with these labels; None where there is none."""
    return found.get(frozenset(labels.items()))
