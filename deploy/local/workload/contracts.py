"""Contracts: documents of clauses, compiled once a version into predicates over the facts of a run.

A clause says what must hold (`expect`) and, optionally, for which runs it speaks at all (`when`). A condition is a
comparison of one fact with a value or another fact, or `all`/`any` of conditions. A fact that is missing makes the
evaluation an error, never a pass.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Facts = Mapping[str, Any]
Predicate = Callable[[Facts], bool]


class ClauseType(StrEnum):
    PRECONDITION = "precondition"
    INVARIANT = "invariant"
    GOVERNANCE = "governance"
    RECOVERY = "recovery"


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome, no password
    VIOLATION = "violation"
    ERROR = "error"


class ContractError(ValueError):
    """A contract document that says nothing that can be evaluated; the message names the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    rule: str
    type: ClauseType
    severity: str
    applies: Predicate
    holds: Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    name: str
    version: str
    owner: str
    agents: frozenset[str]
    enforcement: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One clause held against one run; `reason` is empty unless the outcome is an error.

    `waiver` is the id of the one by which a broken clause passes; empty where none was needed.
    """

    contract: Contract
    clause: Clause
    outcome: Outcome
    reason: str = ""
    waiver: str = ""


def evaluate(contract: Contract, facts: Facts, types: Iterable[ClauseType]) -> list[Evaluation]:
    """The clauses of these types that speak for this run, in the order of the contract."""
    wanted = frozenset(types)
    found = (_evaluate(contract, clause, facts) for clause in contract.clauses if clause.type in wanted)
    return [evaluation for evaluation in found if evaluation is not None]


def _evaluate(contract: Contract, clause: Clause, facts: Facts) -> Evaluation | None:
    try:
        if not clause.applies(facts):
            return None
        return Evaluation(contract, clause, Outcome.PASS if clause.holds(facts) else Outcome.VIOLATION)
    except KeyError as missing:
        return Evaluation(contract, clause, Outcome.ERROR, f"the run has no fact {missing}")
    except TypeError as error:
        return Evaluation(contract, clause, Outcome.ERROR, f"not comparable: {error}")


def parse_contract(document: Mapping[str, Any]) -> Contract:
    """Compiles a document. Raises ContractError naming what is wrong."""
    name = document.get("name", "?")
    try:
        return Contract(
            name=name,
            version=document["version"],
            owner=document["owner"],
            agents=frozenset(document["agents"]),
            enforcement=_one_of(document["enforcement"], ("deny", "warn", "dryrun")),
            clauses=tuple(_parse_clause(clause) for clause in document["clauses"]),
        )
    except KeyError as missing:
        raise ContractError(f"contract {name}: {missing} is missing") from missing
    except ValueError as error:
        raise ContractError(f"contract {name}: {error}") from error


def _parse_clause(document: Mapping[str, Any]) -> Clause:
    return Clause(
        rule=document["rule"],
        type=ClauseType(document["type"]),
        severity=_one_of(document["severity"], ("low", "medium", "high", "critical")),
        applies=predicate(document["when"]) if "when" in document else lambda facts: True,
        holds=predicate(document["expect"]),
    )


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "subset": lambda some, all_: set(some) <= set(all_),
}


def predicate(condition: Mapping[str, Any]) -> Predicate:
    """A condition as a function of facts. Raises KeyError or ValueError for what is none."""
    if "all" in condition:
        parts = [predicate(part) for part in condition["all"]]
        return lambda facts: all(part(facts) for part in parts)
    if "any" in condition:
        parts = [predicate(part) for part in condition["any"]]
        return lambda facts: any(part(facts) for part in parts)
    fact, compare = condition["fact"], _OPERATORS[_one_of(condition["op"], tuple(_OPERATORS))]
    if "other" in condition:
        other = condition["other"]
        return lambda facts: compare(facts[fact], facts[other])
    value = condition["value"]
    return lambda facts: compare(facts[fact], value)


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
    return value
