"""What follows from the rates of the past: shares, quantiles, burn of budgets, and the alerts that fired. Pure.

Each mirrors a rule of the same name in `deploy/monitoring/prometheus/rules`; thresholds of alerts are read there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import yaml

from deploy.local.configuration import MONITORING
from deploy.local.history.recipe import HOUR, MINUTE, Array
from deploy.local.history.series import MODEL_BUCKETS, TOOL_BUCKETS, Line

OBJECTIVE = 0.01
_RUNS = "agent:gen_ai_invoke_agent_runs:rate5m"
_FAILURES = "agent:gen_ai_invoke_agent_failures:rate5m"
_BUCKETS = "agent:gen_ai_invoke_agent_duration_seconds_bucket:rate5m"
_EVALUATIONS = "agent:agentgov_contract_evaluations:rate5m"
_WINDOWS = {"30m": 30 * MINUTE, "1h": HOUR, "6h": 6 * HOUR, "3d": 72 * HOUR}
_AGENT, _TOOL, _MODEL = "gen_ai_agent_name", "gen_ai_tool_name", "gen_ai_request_model"
_SERVICE = ("namespace", "service_name", "track")
_CONDITION = re.compile(r"([a-zA-Z_:0-9]+) > ([0-9.]+)(?: \* ([0-9.]+))?")


def derived(base: Iterable[Line]) -> list[Line]:
    """The series by service and track, of budgets, and ALERTS, from the lines of agents and contracts."""
    known = list(base)
    found: list[Line] = []
    found += _by_service(known)
    found += _quantiles(known, _BUCKETS, "agent:gen_ai_invoke_agent_duration_seconds:p95_5m", (*_SERVICE, _AGENT))
    found += _quantiles(
        known, TOOL_BUCKETS, "tool:gen_ai_execute_tool_duration_seconds:p95_5m", (*_SERVICE, _AGENT, _TOOL)
    )
    found += _quantiles(
        known, MODEL_BUCKETS, "model:gen_ai_client_operation_duration_seconds:p95_5m", (*_SERVICE, _MODEL)
    )
    found += _budget(known, "agent-success", _RUNS, _failed)
    found += _budget(known, "contract-compliance", _EVALUATIONS, _violated)
    return [*found, *alerts(found)]


def _by_service(known: list[Line]) -> Iterator[Line]:
    pairs = (
        ("gen_ai_invoke_agent_runs", "gen_ai_invoke_agent_errors", _RUNS, _failed),
        ("agentgov_contract_evaluations", "agentgov_contract_violations", _EVALUATIONS, _violated),
    )
    for of_all, of_bad, name, is_bad in pairs:
        bad = summed(known, is_bad, _SERVICE)
        for labels, values in summed(known, _named(name), _SERVICE).items():
            yield Line(f"service_track:{of_all}:rate1m", dict(labels), values)
            yield Line(f"service_track:{of_bad}:rate1m", dict(labels), bad[labels])
            yield Line(f"service_track:{of_bad}:ratio_rate1m", dict(labels), bad[labels] / values)
    yield from _quantiles(known, _BUCKETS, "service_track:gen_ai_invoke_agent_duration_seconds:p95_1m", _SERVICE)


def _quantiles(known: list[Line], buckets_name: str, name: str, by: tuple[str, ...]) -> Iterator[Line]:
    buckets = summed(known, _named(buckets_name), (*by, "le"))
    groups: dict[tuple[tuple[str, str], ...], dict[float, Array]] = {}
    for labels, values in buckets.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        groups.setdefault(rest, {})[float(dict(labels)["le"])] = values
    for rest, by_bound in groups.items():
        yield Line(name, dict(rest), quantile(0.95, by_bound))


def _budget(known: list[Line], slo: str, whole: str, is_bad: Callable[[Line], bool]) -> Iterator[Line]:
    bad = summed(known, is_bad, _SERVICE)
    for labels, total in summed(known, _named(whole), _SERVICE).items():
        mine = {**dict(labels), "slo": slo}
        yield Line("slo:agentgov_sli_total:rate5m", mine, total)
        yield Line("slo:agentgov_sli_errors:rate5m", mine, bad[labels])
        yield Line("slo:agentgov_sli_errors:ratio_rate5m", mine, bad[labels] / total)
        for name, seconds in _WINDOWS.items():
            ratio = _trailing(bad[labels], seconds) / _trailing(total, seconds)
            yield Line(f"slo:agentgov_sli_errors:ratio_rate{name}", mine, ratio)
        yield Line("slo:agentgov_error_budget_remaining:ratio", mine, 1 - ratio / OBJECTIVE)


def alerts(recorded: Iterable[Line]) -> Iterator[Line]:
    """ALERTS of the alerting rules that compare recorded series with numbers; the others concern the cluster."""
    by_name: dict[str, dict[tuple[tuple[str, str], ...], Array]] = {}
    for line in recorded:
        by_name.setdefault(line.name, {})[tuple(sorted(line.labels.items()))] = line.values
    for rule in _alerting_rules():
        conditions = _CONDITION.findall(rule["expr"])
        if not conditions or any(name not in by_name for name, _, _ in conditions):
            continue
        for labels in by_name[conditions[0][0]]:
            fired = np.logical_and.reduce(
                [by_name[name][labels] > float(limit) * float(factor or 1) for name, limit, factor in conditions]
            )
            if fired.any():
                all_labels = {"alertname": rule["alert"], "alertstate": "firing", **rule["labels"], **dict(labels)}
                yield Line("ALERTS", all_labels, np.where(fired, 1.0, np.nan))


def summed(
    lines: Iterable[Line], wanted: Callable[[Line], bool], by: tuple[str, ...]
) -> dict[tuple[tuple[str, str], ...], Array]:
    """Lines summed by these labels; a gap counts as nothing."""
    found: dict[tuple[tuple[str, str], ...], Array] = {}
    for line in filter(wanted, lines):
        key = tuple((label, line.labels[label]) for label in by)
        values = np.nan_to_num(line.values)
        found[key] = found[key] + values if key in found else values
    return found


def quantile(share: float, by_bound: Mapping[float, Array]) -> Array:
    """`histogram_quantile`: linear within the bucket that the rank falls into."""
    bounds = sorted(by_bound)
    counts = np.array([by_bound[bound] for bound in bounds])
    rank = share * counts[-1]
    place = np.minimum((counts >= rank).argmax(axis=0), len(bounds) - 2)
    column = np.arange(rank.size)
    upper = np.array(bounds[:-1])[place]
    lower = np.where(place > 0, np.array([0.0, *bounds])[place], 0.0)
    below = np.where(place > 0, counts[place - 1, column], 0.0)
    within = counts[place, column] - below
    return np.asarray(lower + (upper - lower) * np.clip((rank - below) / within, 0, 1))


def _trailing(values: Array, seconds: int) -> Array:
    """The sum over the minutes of the window that ends at each."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, sums.size)
    return np.asarray(sums[ends] - sums[np.maximum(0, ends - seconds // MINUTE)])


def _named(name: str) -> Callable[[Line], bool]:
    return lambda line: line.name == name


def _failed(line: Line) -> bool:
    return line.name == _FAILURES


def _violated(line: Line) -> bool:
    return line.name == _EVALUATIONS and line.labels["outcome"] != "pass"


def _alerting_rules() -> Iterator[dict[str, Any]]:
    rules = yaml.safe_load((MONITORING / "prometheus" / "rules" / "alerts.yaml").read_text())
    for group in rules["groups"]:
        yield from (rule for rule in group["rules"] if "alert" in rule)
