"""The recorded series of the past, under the names and labels that Prometheus records live ones by. Pure.

What is recorded live is computed from counters; here it follows from the recipe. A test holds both label sets together.
Values are on a grid of whole minutes; NaN is no sample.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from prometheus_client import CollectorRegistry

from deploy.local.configuration import NAMESPACE
from deploy.local.history import profile
from deploy.local.history.recipe import TRACKS, Array, Past
from deploy.local.workload.agents import AGENTS, Agent
from deploy.local.workload.metrics import AgentMetrics

SERVICE = "agent-runtime"
# Not recorded themselves: what the quantiles of tools and models follow from.
TOOL_BUCKETS, MODEL_BUCKETS = "tool buckets", "model buckets"
Labels = Mapping[str, str]
_METRICS = AgentMetrics(CollectorRegistry())


@dataclass(frozen=True, slots=True)
class Line:
    """One series."""

    name: str
    labels: Labels
    values: Array


class Sums:
    """Adds values up by name and labels: what `sum by` does."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, tuple[tuple[str, str], ...]], Array] = {}

    def add(self, name: str, labels: Labels, values: Array) -> None:
        key = (name, tuple(sorted(labels.items())))
        self._sums[key] = self._sums[key] + values if key in self._sums else values

    def lines(self) -> Iterator[Line]:
        for (name, labels), values in self._sums.items():
            yield Line(name, dict(labels), np.where(values > 0, values, np.nan) if _is_rare(name, labels) else values)


def _is_rare(name: str, labels: tuple[tuple[str, str], ...]) -> bool:
    """Whether a series is there only while something happens: readers take its absence for zero."""
    return name == "agent:agentgov_contract_violations:rate5m" or ("outcome", "violation") in labels


def _queue(sums: Sums, labels: dict[str, str], times: Array) -> None:
    """One that never had anybody wait."""
    for name in (
        "service_track:agentgov_agent_queue_depth:sum",
        "service_track:agentgov_agent_queue_oldest_age_seconds:max",
    ):
        sums.add(name, labels, np.zeros(times.shape))


def lines(past: Past, times: Array) -> list[Line]:
    """All series of agents, models, tools, contracts, policies and releases."""
    sums, releases = Sums(), []
    for track in TRACKS:
        labels = {"namespace": NAMESPACE, "service_name": SERVICE, "track": track}
        for agent in AGENTS.values():
            _Runs(past, track, agent, times, sums, labels).add_all()
        _queue(sums, labels, times)
        releases += list(_versions(past, track, times, labels))
    _queue(sums, {"namespace": NAMESPACE, "service_name": "gateway"}, times)
    sums.add("namespace:agentgov_approvals_pending:sum", {"namespace": NAMESPACE}, np.zeros(times.shape))
    began = np.array([switch.at for switch in past.switches], dtype=float)
    last = began[np.searchsorted(began, times, side="right") - 1]
    switched = {"namespace": NAMESPACE, "service_name": SERVICE}
    releases.append(Line("agentgov_release_last_switch_timestamp_seconds", switched, last))
    return [*sums.lines(), *releases]


def _versions(past: Past, track: str, times: Array, labels: Labels) -> Iterator[Line]:
    mine = [one for one in past.deployments if one.track == track]
    for one, following in zip(mine, [*mine[1:], None], strict=True):
        ran = (times >= one.at) & (times < (following.at if following else np.inf))
        if ran.any():
            of_version = {**labels, "gen_ai_agent_version": one.version}
            yield Line("version:agentgov_agent_info:max", of_version, np.where(ran, 1.0, np.nan))


@dataclass(frozen=True, slots=True)
class _Runs:
    """The runs of one agent on one track, and everything that is counted with them; `asked_by` hands them out."""

    past: Past
    track: str
    agent: Agent
    times: Array
    sums: Sums
    labels: Labels
    asked_by: Agent | None = None

    def add_all(self) -> None:
        runs = self.past.runs(self.track, self.agent.name, self.times)
        self._add_work(runs)
        seconds = _by_slowdown(self._slowdown, lambda slow: profile.run_seconds(self.agent, slow))
        self.sums.add("agent:agentgov_agent_runs_active:sum", self._by_agent, np.round(runs * seconds))
        self._add_contracts(runs)
        self._add_policies(runs)
        # A run that fails does so before it hands anything out.
        good = runs * (1 - sum(self._failures.values()))
        for delegate in self.agent.delegates:
            replace(self, agent=delegate, asked_by=self.agent)._add_work(good)

    def _add_work(self, runs: Array) -> None:
        """What every run leaves, whoever asks for it."""
        self._add_runs(runs)
        self._add_model_calls(runs)
        self._add_tool_calls(runs)

    @property
    def _by_agent(self) -> dict[str, str]:
        return {**self.labels, "gen_ai_agent_name": self.agent.name}

    @property
    def _slowdown(self) -> Array:
        return self.past.conditions(self.track, (self.asked_by or self.agent).name, self.times).slowdown

    @property
    def _failures(self) -> dict[str, Array]:
        if self.asked_by:
            return {}
        return self.past.failures(self.track, self.agent.name, self.times)

    def _below(self, bound: str, median: Callable[[float], float], spread: float) -> Array:
        """The share of times that are not over a bucket's bound."""
        return _by_slowdown(self._slowdown, lambda slow: profile.up_to(bound, median(slow), spread))

    def _add_runs(self, runs: Array) -> None:
        agent, by_agent, add = self.agent, self._by_agent, self.sums.add
        add("agent:gen_ai_invoke_agent_runs:rate5m", by_agent, runs)
        for kind, ratio in self._failures.items():
            add("agent:gen_ai_invoke_agent_failures:rate5m", {**by_agent, "error_type": kind}, runs * ratio)
        for bound in bounds("runs"):
            below = self._below(bound, lambda slow: profile.run_seconds(agent, slow), profile.RUN_SPREAD)
            add("agent:gen_ai_invoke_agent_duration_seconds_bucket:rate5m", {**by_agent, "le": bound}, runs * below)
        turns = profile.turns(agent)
        add("agent:gen_ai_invoke_agent_tool_calls:rate5m", by_agent, runs * turns)
        add("agent:agentgov_agent_retries:rate5m", by_agent, runs * turns * profile.TOOL_ERROR_RATIO)
        add("agent:agentgov_agent_cost_usd:rate5m", by_agent, runs * profile.cost_usd(agent))

    def _add_model_calls(self, runs: Array) -> None:
        agent, add = self.agent, self.sums.add
        by_model = {**self.labels, "gen_ai_request_model": agent.model.name}
        calls = runs * profile.turns(agent)
        failed = {kind: runs * ratio for kind, ratio in self._failures.items() if kind != "tool_failed"}
        for kind, rate in {**failed, "": calls - sum(failed.values())}.items():
            add("model:gen_ai_client_operation_calls:rate5m", {**by_model, "error_type": kind}, rate)
        add("model:gen_ai_client_token_usage:rate5m", by_model, runs * profile.tokens(agent))
        for bound in bounds("model_calls"):
            whole = self._below(bound, lambda slow: profile.call_seconds(agent) * slow, profile.CALL_SPREAD)
            add(MODEL_BUCKETS, {**by_model, "le": bound}, calls * whole)
            first = self._below(bound, lambda slow: agent.model.first_token_seconds * slow, profile.CALL_SPREAD)
            name = "service_track:gen_ai_client_operation_time_to_first_chunk_seconds_bucket:rate5m"
            add(name, {**self.labels, "le": bound}, calls * first)

    def _add_tool_calls(self, runs: Array) -> None:
        calls, name = runs * profile.turns(self.agent), "tool:gen_ai_execute_tool_calls:rate5m"
        for tool, part in profile.tool_shares(self.agent).items():
            by_tool = {**self._by_agent, "gen_ai_tool_name": tool.name}
            # A run that fails of a tool has tried it three times.
            bad = part * (calls * profile.TOOL_ERROR_RATIO + 3 * runs * self._failures.get("tool_failed", 0.0))
            self.sums.add(name, {**by_tool, "error_type": ""}, calls * part)
            self.sums.add(name, {**by_tool, "error_type": "unavailable"}, bad)
            for bound in bounds("tools"):
                within = profile.up_to(bound, tool.median_seconds, profile.TOOL_SPREAD)
                self.sums.add(TOOL_BUCKETS, {**by_tool, "le": bound}, (calls * part + bad) * within)

    def _add_contracts(self, runs: Array) -> None:
        breach = self.past.conditions(self.track, self.agent.name, self.times).breach_ratio
        for clause in profile.clauses(self.agent.name):
            scope = {**self._by_agent, "contract": clause.contract}
            evaluated = runs * clause.speaks_for
            violated = evaluated * clause.violation_ratio(breach)
            name = "agent:agentgov_contract_evaluations:rate5m"
            self.sums.add(name, {**scope, "clause_type": clause.type, "outcome": "pass"}, evaluated - violated)
            self.sums.add(name, {**scope, "clause_type": clause.type, "outcome": "violation"}, violated)
            one = {"rule": clause.rule, "severity": clause.severity, "enforcement": clause.enforcement}
            self.sums.add("agent:agentgov_contract_violations:rate5m", {**scope, **one}, violated)
        for contract, ratio in self._drift(breach).items():
            name = "contract:agentgov_contract_drift_score_ratio:max"
            self.sums.add(name, {**self._by_agent, "contract": contract}, ratio)
            name = "contract:agentgov_contract_exceptions_active:max"
            self.sums.add(name, {**self.labels, "contract": contract}, np.zeros(runs.shape))

    def _drift(self, breach: Array) -> dict[str, Array]:
        """How far the compliance of each contract is from its long mean."""
        found: defaultdict[str, list[Array]] = defaultdict(list)
        for clause in profile.clauses(self.agent.name):
            found[clause.contract].append(clause.violation_ratio(breach) + np.zeros(breach.shape))
        return {contract: np.mean(ratios, axis=0) for contract, ratios in found.items()}

    def _add_policies(self, runs: Array) -> None:
        decided = {
            ("input-screening", "input", "allow"): 1.0,
            ("tool-allowlist", "tool", "allow"): 1.0,
            ("output-redaction", "output", "allow"): 0.99,
            ("output-redaction", "output", "modify"): 0.01,
            ("risky-tool-approval", "tool", "escalate"): profile.risky_ratio(self.agent),
        }
        for (policy, stage, decision), part in decided.items():
            labels = {"namespace": NAMESPACE, "policy": policy, "stage": stage, "decision": decision}
            if part:
                self.sums.add("policy:agentgov_policy_decisions:rate5m", labels, runs * part)


@cache
def bounds(metric: str) -> tuple[str, ...]:
    """The bucket bounds of a histogram of the workload, as it exposes them."""
    histogram = getattr(_METRICS, metric)
    child = histogram.labels(*("x" for _ in histogram._labelnames))
    return tuple(sample.labels["le"] for sample in child._child_samples() if sample.name == "_bucket")


def _by_slowdown(slowdown: Array, value: Callable[[float], float]) -> Array:
    """A function of the slowdown, computed once for each that occurs."""
    kinds, place = np.unique(slowdown, return_inverse=True)
    return np.array([value(float(kind)) for kind in kinds])[place]
