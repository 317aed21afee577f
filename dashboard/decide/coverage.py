"""What a verdict does not cover: gates whose data nothing in this environment has ever measured.

They do not decide unless the settings list them in `required`: their data would never come. The verdict lists them, so
that GO says what it leaves open. A gate whose data existed once and is gone is unknown, and holds. Runs themselves must
be counted: without them nothing can be judged. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.decide.trial_tables import RUNS_ACTIVE
from dashboard.model.reading import Reading, State
from dashboard.model.verdict import Evidence


def uncovered(evidence: Evidence) -> Mapping[str, str]:
    """The gates that nothing can answer here, by name, each with the reason and what would fix it."""
    found: dict[str, str] = {}
    for gate, readings in _behind(evidence):
        never = [reading for reading in readings if reading.state is State.UNMEASURED]
        if never and all(reading.value is None for reading in readings):
            found[gate] = never[0].reason
    if "latency" in found:
        found["latency_compared"] = found["latency"]
    trial = evidence.trial.value
    if trial is not None:
        found |= {
            name if name == RUNS_ACTIVE else f"{name}_compared": reason for name, reason in trial.unmeasured.items()
        }
    return found


def _behind(evidence: Evidence) -> Iterator[tuple[str, tuple[Reading[Any], ...]]]:
    ours = (evidence.slow[evidence.candidate], evidence.fast[evidence.candidate])
    if ours[0].runs.state is not State.UNMEASURED:
        yield "errors", tuple(counts.failed for counts in ours)
        yield "latency", tuple(counts.p95_seconds for counts in ours)
    yield "violations", tuple(reading for counts in ours for reading in (counts.evaluations, counts.violations))
    yield "slo", (evidence.burn,)
    yield "kill_switch", (evidence.kill_switch,)
    yield "cost", (evidence.cost_usd[evidence.candidate],)
