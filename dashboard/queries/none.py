"""When "none in this period" may be said: where something shows that there could have been some. Pure."""

from __future__ import annotations

from typing import TypeAlias

from dashboard.model.reading import Reading, State, missing
from dashboard.model.series import Sample
from dashboard.queries.measures import Period

Counts: TypeAlias = Reading[tuple[Sample, ...]]


def of_violations(found: Counts, evaluations: Counts, over: Period) -> Counts:
    """Counts of violations above 0; where there are none, whether that says anything: were contracts evaluated?"""
    if found.state is not State.EMPTY:
        return found
    if evaluations.value is None and evaluations.state is not State.EMPTY:
        why = f"whether contracts were evaluated in this period is not known: {evaluations.reason}"
        return missing(why, source=found.source, query=found.query)
    if not _above_zero(evaluations.value or ()):
        return found.said("nothing was evaluated in this period, so no violation could be seen")
    if over.is_recorded:
        return found.said("no violation is recorded in this period; the first of its kind may be missing")
    return found.said("no violations in this period")


def of_decisions(found: Counts) -> Counts:
    """Counts of decisions above 0. Series that did not grow show that there were none; no series shows nothing."""
    told = found.said("nothing tells of policy decisions in this period")
    return told.map(_above_zero, empty="no decisions in this period")


def error_words(runs: Reading[float], over: Period) -> str:
    """What it means that there is no error: nothing, where no run is known to have ended."""
    if runs.value is None and runs.state is not State.EMPTY:
        return "no error is counted, and whether runs ended in this period is not known"
    if not runs.value:
        return "no run ended in this period"
    if over.is_recorded:
        return "no failure is recorded in this period; the first of its kind may be missing"
    return "no run failed in this period"


def _above_zero(samples: tuple[Sample, ...]) -> tuple[Sample, ...] | None:
    return tuple(sample for sample in samples if sample.value) or None
