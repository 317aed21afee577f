"""The workload's parts that need no network: plans, contracts, faults, trace context, sampling, admission."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from deploy.local.workload.admission import Admission, QueueFullError
from deploy.local.workload.agents import AGENTS
from deploy.local.workload.contracts import ClauseType, ContractError, Outcome, evaluate, parse_contract
from deploy.local.workload.faults import FaultFile, behaviour, parse_faults
from deploy.local.workload.identity import Identity
from deploy.local.workload.planning import Plan, plan_run
from deploy.local.workload.registry import CONTRACTS
from deploy.local.workload.running import Compliance
from deploy.local.workload.spans import Context, HeadSampler, SpanExporter, Trace, parse_traceparent

IDENTITY = Identity(component="agent-runtime", version="1.8.0", track="green", pod="p-1", namespace="agents")


def plans(*faults: str, count: int = 4000) -> list[Plan]:
    how, agents = behaviour(frozenset(faults)), list(AGENTS.values())
    dice = map(random.Random, range(count))
    return [plan_run(agents[number % len(agents)], die, how) for number, die in enumerate(dice)]


def seconds(plan: Plan) -> float:
    return sum(step.seconds for step in plan.steps)


def p95_seconds(some: list[Plan]) -> float:
    return sorted(map(seconds, some))[int(len(some) * 0.95)]


def test_the_same_seed_gives_the_same_run() -> None:
    assert plans(count=20) == plans(count=20)


def test_a_healthy_release_is_quick_and_keeps_its_objectives() -> None:
    healthy = plans()
    typical = sorted(map(seconds, healthy))[len(healthy) // 2]
    assert 0.15 < typical < 0.6
    assert p95_seconds(healthy) < 0.9
    assert sum(bool(plan.error_type) for plan in healthy) / len(healthy) < 0.006
    assert not any(plan.pii_findings for plan in healthy)


def test_a_slow_agent_passes_the_latency_alert_by_far() -> None:
    assert p95_seconds(plans("slow-agent")) > max(3.0, 4 * p95_seconds(plans()))


def test_the_fault_errors_fails_three_runs_of_ten_for_several_reasons() -> None:
    failing = [plan for plan in plans("errors") if plan.error_type]
    assert 0.25 < len(failing) / 4000 < 0.35
    assert len({plan.error_type for plan in failing}) >= 3


def test_a_failed_run_ends_with_the_step_that_failed() -> None:
    assert all(plan.steps[-1].error_type for plan in plans("errors") if plan.error_type)


def test_the_fault_contract_violations_breaches_every_fourth_run() -> None:
    breaching = [plan for plan in plans("contract-violations") if plan.pii_findings]
    assert 0.2 < len(breaching) / 4000 < 0.3


def test_no_healthy_run_breaks_a_grave_clause() -> None:
    assert all(plan.agent.budget_usd > 0 and set(plan.tools) <= {t.name for t in plan.agent.tools} for plan in plans())


# Contracts


def contract(**clause: Any) -> Any:
    whole = {"rule": "r", "type": "invariant", "severity": "high", "expect": {"fact": "cost", "op": "le", "value": 1}}
    document = {"name": "c", "version": "1", "owner": "o", "agents": ["a"], "enforcement": "deny"}
    return parse_contract(document | {"clauses": [whole | clause]})


def outcomes(facts: dict[str, Any], **clause: Any) -> list[Outcome]:
    return [e.outcome for e in evaluate(contract(**clause), facts, list(ClauseType))]


@pytest.mark.parametrize(
    ("expect", "facts", "outcome"),
    [
        pytest.param({"fact": "cost", "op": "le", "value": 1}, {"cost": 1}, Outcome.PASS, id="on the limit is inside"),
        pytest.param({"fact": "cost", "op": "le", "value": 1}, {"cost": 1.1}, Outcome.VIOLATION, id="over the limit"),
        pytest.param(
            {"fact": "cost", "op": "le", "other": "budget"},
            {"cost": 2, "budget": 3},
            Outcome.PASS,
            id="against another fact",
        ),
        pytest.param(
            {"fact": "tools", "op": "subset", "other": "granted"},
            {"tools": ["a", "b"], "granted": ["a"]},
            Outcome.VIOLATION,
            id="a tool that was not granted",
        ),
        pytest.param(
            {"all": [{"fact": "a", "op": "eq", "value": 1}, {"fact": "b", "op": "eq", "value": 1}]},
            {"a": 1, "b": 2},
            Outcome.VIOLATION,
            id="all means all",
        ),
        pytest.param(
            {"any": [{"fact": "a", "op": "eq", "value": 1}, {"fact": "b", "op": "eq", "value": 1}]},
            {"a": 2, "b": 1},
            Outcome.PASS,
            id="any means one",
        ),
        pytest.param({"fact": "cost", "op": "le", "value": 1}, {}, Outcome.ERROR, id="a missing fact is no pass"),
        pytest.param({"fact": "cost", "op": "le", "value": 1}, {"cost": "x"}, Outcome.ERROR, id="nor is nonsense"),
    ],
)
def test_a_clause_is_held_against_the_facts(expect: dict[str, Any], facts: dict[str, Any], outcome: Outcome) -> None:
    assert outcomes(facts, expect=expect) == [outcome]


def test_a_clause_is_silent_about_runs_that_it_does_not_speak_for() -> None:
    speaks_for_risky = {"fact": "risky", "op": "eq", "value": True}
    assert outcomes({"risky": False, "cost": 9}, when=speaks_for_risky) == []
    assert outcomes({"risky": True, "cost": 9}, when=speaks_for_risky) == [Outcome.VIOLATION]


def test_only_the_clauses_of_the_asked_types_are_evaluated() -> None:
    assert evaluate(contract(type="recovery"), {"cost": 0}, [ClauseType.PRECONDITION]) == []


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        pytest.param({"severity": "dire"}, "contract c: 'dire' is not one of low, medium", id="severity"),
        pytest.param({"type": "wish"}, "contract c: 'wish' is not a valid ClauseType", id="type"),
        pytest.param({"expect": {"fact": "x", "op": "~"}}, "contract c: '~' is not one of eq", id="operator"),
        pytest.param({"expect": {"fact": "x", "op": "eq"}}, "contract c: 'value' is missing", id="nothing to compare"),
    ],
)
def test_a_contract_that_says_nothing_is_refused(clause: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        contract(**clause)


def test_the_shipped_contracts_govern_every_agent_with_all_kinds_of_clauses() -> None:
    shipped = [parse_contract(orjson.loads(path.read_bytes())) for path in CONTRACTS.glob("*.json")]
    assert {name for one in shipped for name in one.agents} == set(AGENTS)
    assert {clause.type for one in shipped for clause in one.clauses} == set(ClauseType)


def test_drift_shows_when_compliance_leaves_its_mean() -> None:
    compliance = Compliance()
    for _ in range(50):
        compliance.add(False)
    assert compliance.ratio < 0.5
    assert compliance.drift > 0.4


# Faults


def fault_text(name: str, track: str) -> bytes:
    return orjson.dumps({"faults": [{"name": name, "track": track, "since": "2026-01-01T00:00:00Z"}]})


@pytest.mark.parametrize(("track", "hit"), [("green", True), ("both", True), ("blue", False)])
def test_a_fault_hits_its_track_only(track: str, hit: bool) -> None:
    assert bool(parse_faults(fault_text("errors", track), "green")) is hit


def test_a_healed_fault_leaves_the_temper_of_a_healthy_release(tmp_path: Path) -> None:
    path, changes = tmp_path / "faults.json", []
    faults = FaultFile(str(path), "green", changes.append)
    faults.look()
    path.write_bytes(fault_text("slow-agent", "green"))
    faults.look()
    assert faults.behaviour.slowdown > 4
    path.write_bytes(b'{"faults": []}')
    faults.look()
    assert faults.behaviour == behaviour(frozenset())
    assert changes == [frozenset({"slow-agent"}), frozenset()]


def test_a_removed_fault_file_heals_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    faults = FaultFile(str(path), "green", lambda names: None)
    path.write_bytes(fault_text("errors", "both"))
    faults.look()
    path.write_bytes(b'{"faults": [{"na')
    faults.look()
    assert faults.behaviour.error_probability == 0.3
    path.unlink()
    faults.look()
    assert faults.behaviour == behaviour(frozenset())


# Spans


def test_trace_context_survives_the_way_to_another_process() -> None:
    context = Context("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
    assert parse_traceparent(context.traceparent()) == context


@pytest.mark.parametrize(
    "header",
    [None, "", "00-x", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'g' * 32}-{'1' * 16}-01", f"ff-{'1' * 32}-{'1' * 16}-01"],
)
def test_a_wrong_trace_header_starts_a_new_trace(header: str | None) -> None:
    assert parse_traceparent(header) is None


def test_the_head_sampler_keeps_the_first_traces_of_each_second() -> None:
    now = [10.0]
    sample = HeadSampler(2, lambda: now[0])
    assert [sample() for _ in range(4)] == [True, True, False, False]
    now[0] = 11.0
    assert sample()


def exported(exporter: SpanExporter) -> int:
    return len(exporter._queue)


def test_an_unsampled_request_leaves_no_spans_unless_it_failed() -> None:
    exporter = SpanExporter(IDENTITY, "http://127.0.0.1:1")
    caller = Context("1" * 32, "2" * 16, sampled=False)
    for error in ("", "model_timeout"):
        trace = Trace(exporter, caller)
        with trace.span("invoke_agent a") as span:
            span.error = error
        trace.close()
        assert exported(exporter) == bool(error)


def test_spans_that_do_not_fit_or_find_no_collector_are_counted_and_told() -> None:
    told: list[int] = []
    exporter = SpanExporter(
        IDENTITY, "http://127.0.0.1:1", capacity=3, on_trouble=lambda reason, dropped: told.append(dropped)
    )
    trace = Trace(exporter, Context("1" * 32, "2" * 16, sampled=True))
    for _ in range(5):
        with trace.span("chat m"):
            pass
    trace.close()
    assert (exported(exporter), exporter.dropped) == (3, 2)

    async def flush() -> None:
        async with aiohttp.ClientSession() as session:
            await exporter._flush(session)

    asyncio.run(flush())
    assert (exporter.dropped, told) == (5, [5])


# Admission


def test_runs_wait_for_a_slot_and_are_refused_when_too_many_wait() -> None:
    async def scenario() -> None:
        admission, release = Admission(running=1, waiting=1), asyncio.Event()

        async def run() -> None:
            async with admission.slot():
                await release.wait()

        first, second = asyncio.create_task(run()), asyncio.create_task(run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert admission.depth == 1
        assert admission.oldest_age_seconds >= 0
        with pytest.raises(QueueFullError):
            async with admission.slot():
                pass
        release.set()
        await asyncio.gather(first, second)
        assert admission.depth == 0

    asyncio.run(scenario())
