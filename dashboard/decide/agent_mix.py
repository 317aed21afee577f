"""Do both tracks run the same agents, in the same parts? A comparison takes both tracks to do the same work. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.model.reading import Unit
from dashboard.model.verdict import Evidence, Mode
from dashboard.model.written import number

# Mixes differ by this part of the runs, beyond which a sentence says so; of fewer runs no mix is known.
MUCH, LEAST_RUNS = 0.15, 100.0


def another_mix(evidence: Evidence) -> str:
    """A sentence where the candidate runs another mix of agents than the users' track does; "" where it does not."""
    ours, theirs = (_parts(evidence, track) for track in (evidence.candidate, evidence.candidate.other))
    if evidence.mode is Mode.AFTER or not ours or not theirs:
        return ""
    beyond = {agent: ours.get(agent, 0.0) - theirs.get(agent, 0.0) for agent in sorted({*ours, *theirs})}
    if sum(abs(part) for part in beyond.values()) / 2 <= MUCH:
        return ""
    most = max(beyond, key=lambda agent: abs(beyond[agent]))
    here, there = (number(parts.get(most, 0.0), Unit.RATIO) for parts in (ours, theirs))
    return (
        f" {evidence.candidate} runs another mix of agents than {evidence.candidate.other}"
        f" ({most}: {here} of the runs, {there} there), so a difference may be one of the mix."
    )


def _parts(evidence: Evidence, track: str) -> Mapping[str, float]:
    runs = {
        name: count for known, each in evidence.runs_by_agent.items() if known == track for name, count in each.items()
    }
    total = sum(runs.values())
    return {name: count / total for name, count in runs.items()} if total >= LEAST_RUNS else {}
