"""The policies: what each asks of a run, and what it answers. Evaluated by the policy engine, in this order.

A rule speaks of the same kind of facts as a clause of a contract, and by the same comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.workload.contracts import Predicate, predicate

ON_DUTY = "risky-tool-approval"
BY_PEOPLE = "high-value-approval"


@dataclass(frozen=True, slots=True)
class Rule:
    """`decision` where the condition holds; else `otherwise`, or no word at all where that is empty."""

    policy: str
    stage: str
    holds: Predicate
    decision: str
    otherwise: str = "allow"


def _rule(policy: str, stage: str, when: Mapping[str, Any], decision: str, otherwise: str = "allow") -> Rule:
    return Rule(policy, stage, predicate(when), decision, otherwise)


RULES = (
    _rule("kill-switch", "input", {"fact": "is_stopped", "op": "eq", "value": True}, "deny", ""),
    _rule("input-screening", "input", {"fact": "injection_suspected", "op": "eq", "value": True}, "deny"),
    _rule("tool-allowlist", "tool", {"fact": "tools", "op": "subset", "other": "granted"}, "allow", "deny"),
    _rule("output-redaction", "output", {"fact": "redacts", "op": "eq", "value": True}, "modify"),
    _rule(ON_DUTY, "tool", {"fact": "risky_tools", "op": "ne", "value": []}, "escalate", ""),
    _rule(BY_PEOPLE, "tool", {"fact": "is_high_value", "op": "eq", "value": True}, "escalate", ""),
    _rule("external-content", "tool", {"fact": "is_handed_out", "op": "eq", "value": True}, "audit", ""),
)
