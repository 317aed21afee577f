"""Rules, waivers, approvals by people and the trail of what was decided: what a governed agent meets."""

from __future__ import annotations

import io
import random
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry
from workload_system import System, gives, play, until

from deploy.local.workload.agents import AGENTS
from deploy.local.workload.approvals import Approval, Approvals
from deploy.local.workload.audit import Audit
from deploy.local.workload.contracts import ClauseType, ContractError, Outcome, evaluate, parse_contract
from deploy.local.workload.faults import behaviour
from deploy.local.workload.identity import Identity
from deploy.local.workload.logs import Log
from deploy.local.workload.metrics import PolicyMetrics
from deploy.local.workload.planning import plan_run
from deploy.local.workload.registry import CONTRACTS
from deploy.local.workload.waivers import Waiver, parse_waiver, waived

OTHERS = "policy-engine", "agent-runtime", "orchestrator", "gateway", "contract-registry"
QUESTION = {
    "agent": "support-triage",
    "tools": ["read_order"],
    "risky_tools": [],
    "redacts": False,
    "injection_suspected": False,
    "is_high_value": False,
    "is_handed_out": False,
    "seed": 1,
}


@pytest.mark.parametrize(
    ("facts", "policy", "decision"),
    [
        pytest.param({"injection_suspected": True}, "input-screening", "deny", id="a suspected injection"),
        pytest.param({"tools": ["rm"]}, "tool-allowlist", "deny", id="a tool that was not granted"),
        pytest.param({"redacts": True}, "output-redaction", "modify", id="personal data in the answer"),
        pytest.param({"risky_tools": ["issue_refund"]}, "risky-tool-approval", "escalate", id="a risky tool"),
        pytest.param({"is_handed_out": True}, "external-content", "audit", id="a part for another agent"),
        pytest.param({}, "input-screening", "allow", id="nothing special"),
    ],
)
def test_each_rule_decides_what_it_is_for(tmp_path: Path, facts: dict[str, Any], policy: str, decision: str) -> None:
    async def scenario(running: System) -> None:
        status, answer = await running.post("policy-engine", "/v1/decisions", QUESTION | facts)
        assert status == 200
        assert {one["policy"]: one["decision"] for one in answer["decisions"]}[policy] == decision

    play(scenario, tmp_path, *OTHERS[1:])


def test_the_kill_switch_denies_every_run_until_it_is_released_and_is_audited(tmp_path: Path) -> None:
    risky = QUESTION | {"risky_tools": ["issue_refund"]}

    async def denied(running: System) -> bool:
        _, answer = await running.post("policy-engine", "/v1/decisions", risky)
        assert bool(answer["approval"]) is not any(one["policy"] == "kill-switch" for one in answer["decisions"])
        return {"policy": "kill-switch", "stage": "input", "decision": "deny"} in answer["decisions"]

    async def scenario(running: System) -> None:
        assert not await denied(running)
        running.fault("kill-switch")
        await until(lambda: gives(denied(running), True))
        assert await running.total("policy-engine", "agentgov_kill_switch_engaged", scope="global") == 1
        running.fault()
        await until(lambda: gives(denied(running), False))
        audited = [str(line["attributes"].get("event.action")) for line in running.lines("policy-engine", "INFO")]
        switched = [action for action in audited if action.startswith("kill-switch")]
        assert switched == ["kill-switch-engaged", "kill-switch-released"]

    play(scenario, tmp_path, *OTHERS[1:])


def test_a_person_is_asked_where_much_is_at_stake_and_the_run_is_handed_over(tmp_path: Path) -> None:
    agent, healthy = AGENTS["support-triage"], behaviour(frozenset())
    seed = next(n for n in range(5000) if plan_run(agent, dice(f"run-{n}"), healthy).is_high_value)

    async def scenario(running: System) -> None:
        _, result = await running.post("gateway", "/v1/tasks", {"task_type": "support-case", "seed": seed})
        assert (result["outcome"], result["cost_usd"]) == ("handoff", 0)
        _, listed = await running.get("policy-engine", "/v1/approvals")
        (approval,) = listed["approvals"]
        assert (approval["agent"], approval["task_id"]) == ("support-triage", result["task_id"])
        assert await running.total("policy-engine", "agentgov_approvals_pending", policy="high-value-approval") == 1
        audited = [line for line in running.lines("policy-engine", "INFO") if "event.action" in line["attributes"]]
        assert [line["attributes"]["event.action"] for line in audited] == ["approval-requested"]

    play(scenario, tmp_path)


def test_approvals_are_answered_in_time_or_expire_and_the_same_dice_answer_alike() -> None:
    answered: list[Approval] = []
    registry = CollectorRegistry()
    approvals = Approvals(PolicyMetrics(registry), "p", answered.append)
    asked = [approvals.ask("support-triage", f"t-{seed}", dice(seed)) for seed in range(400)]
    approvals.answer_due(time.monotonic())
    assert len(approvals.pending()) > 380
    approvals.answer_due(time.monotonic() + 121)
    assert approvals.pending() == []
    outcomes = [one.outcome for one in answered]
    assert {"approved", "rejected", "expired"} == set(outcomes)
    assert outcomes.count("approved") > 250
    again = [Approvals(PolicyMetrics(CollectorRegistry()), "p", answered.append).ask("a", "t", dice(7))]
    assert again[0].outcome == asked[7].outcome
    total = sum(registry.get_sample_value("agentgov_approval_requests_total", {"policy": "p", "outcome": o}) or 0
                for o in set(outcomes))  # fmt: skip
    assert total == 400


def dice(seed: Any) -> random.Random:
    return random.Random(seed)  # noqa: S311 - simulated agents, no secret


def quality() -> tuple[Any, Waiver]:
    contract = parse_contract(orjson.loads((CONTRACTS / "answer-quality.json").read_bytes()))
    document = {"id": "w", "contract": "answer-quality", "rule": "answer-is-grounded", "agent": "code-reviewer"}
    return contract, parse_waiver(document | {"owner": "o", "reason": "r", "expires_at": "2026-01-02T00:00:00+00:00"})


@pytest.mark.parametrize(
    ("agent", "when", "outcome"),
    [
        pytest.param("code-reviewer", 1_767_300_000, Outcome.PASS, id="waived"),
        pytest.param("code-reviewer", 1_767_400_000, Outcome.VIOLATION, id="the waiver has ended"),
        pytest.param("research-analyst", 1_767_300_000, Outcome.VIOLATION, id="the waiver is another agent's"),
    ],
)
def test_a_waiver_covers_its_agent_until_it_ends(agent: str, when: float, outcome: Outcome) -> None:
    contract, waiver = quality()
    (broken,) = evaluate(contract, {"error_type": "", "groundedness_ratio": 0.2}, [ClauseType.INVARIANT])
    judged = waived(agent, broken, [waiver], when)
    assert judged.outcome is outcome
    assert judged.waiver == ("w" if outcome is Outcome.PASS else "")


def test_a_waiver_without_an_end_is_refused() -> None:
    with pytest.raises(ContractError, match="waiver w: 'expires_at' is missing"):
        parse_waiver({"id": "w", "contract": "c", "rule": "r", "agent": "a", "owner": "o", "reason": "r"})


def test_the_waivers_in_force_are_counted_by_contract(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        name = "agentgov_contract_exceptions_active"
        await until(lambda: gives(running.total("agent-runtime", name, contract="answer-quality"), 2))
        assert await running.total("agent-runtime", name, contract="data-privacy") == 0

    play(scenario, tmp_path, "gateway", "orchestrator")


def test_the_audit_trail_is_a_chain_that_shows_a_record_that_was_changed() -> None:
    stream, registry = io.BytesIO(), CollectorRegistry()
    audit = Audit(registry, Log(Identity(component="policy-engine"), stream))
    for number in range(3):
        audit.record("approval-approved", "success", approval=f"a-{number}")
    said = [orjson.loads(line)["attributes"] for line in stream.getvalue().splitlines()]
    assert [one["agentgov.audit.seq"] for one in said] == [1, 2, 3]
    assert [one["agentgov.audit.prev_hash"] for one in said[1:]] == [one["agentgov.audit.hash"] for one in said[:-1]]
    valid = ("agentgov_audit_chain_valid", {"stream": "governance"})
    assert registry.get_sample_value(*valid) == 1
    audit._last[1][1]["approval"] = "another"
    assert registry.get_sample_value(*valid) == 0


def test_records_that_cannot_be_written_wait_and_are_written_in_order_later() -> None:
    stream, registry = io.BytesIO(), CollectorRegistry()
    audit = Audit(registry, Log(Identity(component="policy-engine"), stream))
    lag = ("agentgov_audit_write_lag_seconds", {"stream": "governance"})
    audit.hold(True)
    for number in range(2):
        audit.record("run-denied", "success", agent=f"agent-{number}")
    time.sleep(0.05)
    assert (registry.get_sample_value(*lag) or 0) >= 0.05
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["ERROR", "ERROR"]
    audit.hold(False)
    said = [orjson.loads(line)["attributes"] for line in stream.getvalue().splitlines()[2:]]
    assert [(one["agentgov.audit.seq"], one["agent"]) for one in said] == [(1, "agent-0"), (2, "agent-1")]
    assert registry.get_sample_value("agentgov_audit_chain_valid", {"stream": "governance"}) == 1
