"""Waivers: who may break which clause for a while, why, and until when. One that has ended is worth nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from deploy.local.workload.contracts import ContractError, Evaluation, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    waiver_id: str
    contract: str
    rule: str
    agent: str
    owner: str
    reason: str
    expires_at: float
    """Seconds since the epoch."""

    def speaks_for(self, agent: str, evaluation: Evaluation, now: float) -> bool:
        covered = (evaluation.contract.name, evaluation.clause.rule, agent)
        return now < self.expires_at and covered == (self.contract, self.rule, self.agent)


def parse_waiver(document: Mapping[str, Any]) -> Waiver:
    """Raises ContractError naming what is wrong."""
    try:
        return Waiver(
            waiver_id=document["id"],
            contract=document["contract"],
            rule=document["rule"],
            agent=document["agent"],
            owner=document["owner"],
            reason=document["reason"],
            expires_at=datetime.fromisoformat(document["expires_at"]).timestamp(),
        )
    except KeyError as missing:
        raise ContractError(f"waiver {document.get('id', '?')}: {missing} is missing") from missing
    except ValueError as error:
        raise ContractError(f"waiver {document.get('id', '?')}: {error}") from error


def waived(agent: str, evaluation: Evaluation, waivers: Iterable[Waiver], now: float) -> Evaluation:
    """The evaluation, as passed where a waiver is in force for a broken clause."""
    if evaluation.outcome is Outcome.VIOLATION:
        for waiver in waivers:
            if waiver.speaks_for(agent, evaluation, now):
                return replace(evaluation, outcome=Outcome.PASS, waiver=waiver.waiver_id)
    return evaluation
