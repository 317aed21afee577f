"""Contracts on the runtime's side: fetched and cached by ETag, held against each run, counted, logged and traced."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import aiohttp
import orjson

from deploy.local.workload.agents import AGENTS
from deploy.local.workload.contracts import (
    ClauseType,
    Contract,
    ContractError,
    Evaluation,
    Facts,
    Outcome,
    evaluate,
    parse_contract,
)
from deploy.local.workload.metrics import ContractMetrics
from deploy.local.workload.running import Compliance
from deploy.local.workload.server import Equipment
from deploy.local.workload.spans import Span, Trace
from deploy.local.workload.waivers import Waiver, parse_waiver, waived

BEFORE = (ClauseType.PRECONDITION,)
AFTER = (ClauseType.INVARIANT, ClauseType.GOVERNANCE, ClauseType.RECOVERY)
_GRAVE = frozenset({"high", "critical"})


class Contracts:
    """The contracts in force; keeps the last known ones while the registry is away."""

    def __init__(self, equipment: Equipment, on_change: Callable[[], None]) -> None:
        self.loaded = False
        self._on_change = on_change
        self._equipment = equipment
        self._etag = ""
        self._by_agent: Mapping[str, tuple[Contract, ...]] = {}
        self.waivers: tuple[Waiver, ...] = ()

    def of(self, agent: str) -> tuple[Contract, ...]:
        return self._by_agent.get(agent, ())

    def exceptions(self, contract: str) -> int:
        """How many waivers of a contract are in force now."""
        now = time.time()
        return sum(waiver.contract == contract and now < waiver.expires_at for waiver in self.waivers)

    async def follow(self) -> None:
        """Asks the registry again and again, quickly until the first answer."""
        while True:
            try:
                await self.refresh()
            except (aiohttp.ClientError, TimeoutError, ContractError, orjson.JSONDecodeError, KeyError) as error:
                self._equipment.log.warning(
                    f"contracts could not be refreshed: {error}", error__type=type(error).__name__
                )
            await asyncio.sleep(5.0 if self.loaded else 0.3)

    async def refresh(self) -> None:
        """Takes over new documents whole or not at all."""
        peers = self._equipment.peers
        headers = {"If-None-Match": self._etag} if self._etag else {}
        timeout = aiohttp.ClientTimeout(total=2)
        url = peers.url("contract-registry") + "/v1/contracts"
        async with peers.session.get(url, headers=headers, timeout=timeout) as answer:
            if answer.status == 304:
                return
            answer.raise_for_status()
            said = orjson.loads(await answer.read())
            contracts = [parse_contract(document) for document in said["contracts"]]
            self.waivers = tuple(parse_waiver(document) for document in said["waivers"])
            self._by_agent = {name: tuple(c for c in contracts if name in c.agents) for name in AGENTS}
            self._etag = answer.headers.get("ETag", "")
        self.loaded = True
        self._on_change()
        self._equipment.log.event("contracts loaded", contracts=[f"{c.name} {c.version}" for c in contracts])


class Governor:
    """Holds contracts against runs and tells everyone what came out."""

    def __init__(self, equipment: Equipment, contracts: Contracts, metrics: ContractMetrics) -> None:
        self._log = equipment.log
        self._contracts = contracts
        self._metrics = metrics
        self._compliance: defaultdict[tuple[str, str], Compliance] = defaultdict(Compliance)

    def judge(
        self, agent: str, facts: Facts, types: tuple[ClauseType, ...], trace: Trace, parent: Span
    ) -> list[Evaluation]:
        """All evaluations of these clause types for one run."""
        judged: list[Evaluation] = []
        for contract in self._contracts.of(agent):
            if not any(clause.type in types for clause in contract.clauses):
                continue
            started = time.perf_counter()
            with trace.span(f"evaluate_contract {contract.name}", parent=parent) as span:
                now, waivers = time.time(), self._contracts.waivers
                evaluations = [waived(agent, one, waivers, now) for one in evaluate(contract, facts, types)]
                _describe(span, contract, evaluations)
            self._metrics.duration.labels(contract.name).observe(time.perf_counter() - started)
            self._metrics.last_evaluation.labels(contract.name).set(time.time())
            for evaluation in evaluations:
                self._tell(agent, evaluation, span)
            judged += evaluations
        return judged

    def _tell(self, agent: str, evaluation: Evaluation, span: Span) -> None:
        contract, clause, outcome = evaluation.contract, evaluation.clause, evaluation.outcome
        metrics = self._metrics
        metrics.evaluations.labels(contract.name, agent, clause.type, outcome).inc()
        compliance = self._compliance[contract.name, agent]
        compliance.add(outcome is Outcome.PASS)
        metrics.compliance.labels(contract.name, agent).set(compliance.ratio)
        metrics.drift.labels(contract.name, agent).set(compliance.drift)
        if clause.type is ClauseType.RECOVERY:
            metrics.recoveries.labels(contract.name, "success" if outcome is Outcome.PASS else "failure").inc()
        if outcome is Outcome.PASS:
            return
        attributes: dict[str, Any] = {
            "agentgov__contract__name": contract.name,
            "agentgov__contract__version": contract.version,
            "agentgov__contract__rule": clause.rule,
            "agentgov__contract__severity": clause.severity,
            "gen_ai__agent__name": agent,
        }
        if outcome is Outcome.ERROR:
            message = f"contract {contract.name} could not be evaluated: {evaluation.reason}"
            self._log.error(message, span.context, error__type="contract_evaluation", **attributes)
            return
        metrics.violations.labels(contract.name, clause.rule, clause.severity, agent, contract.enforcement).inc()
        write = self._log.error if clause.severity in _GRAVE else self._log.warning
        write(f"contract {contract.name} violated: {clause.rule}", span.context, **attributes)


def _describe(span: Span, contract: Contract, evaluations: Iterable[Evaluation]) -> None:
    broken = [e for e in evaluations if e.outcome is not Outcome.PASS]
    span.attributes = {
        "agentgov.contract.name": contract.name,
        "agentgov.contract.version": contract.version,
        "agentgov.contract.enforcement": contract.enforcement,
        "agentgov.contract.outcome": broken[0].outcome if broken else Outcome.PASS,
    }
    if waivers := [e.waiver for e in evaluations if e.waiver]:
        span.attributes["agentgov.contract.waivers"] = waivers
    if broken:
        span.attributes["agentgov.contract.rules"] = [e.clause.rule for e in broken]
        span.error = f"contract_{broken[0].outcome}"
