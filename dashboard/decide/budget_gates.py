"""Two gates about spending: does the candidate burn an error budget too fast, and do its runs cost too much?

Both fail only beyond chance. Recorded shares come without their counts, so a burn rate fails the gate only if the runs
behind it rule out chance. The cost of runs has its own part of the release's error budget. Pure.
"""

from __future__ import annotations

import math
from typing import Any

from dashboard.decide import slo as objectives
from dashboard.decide.against_limit import beyond_chance
from dashboard.decide.not_proven import why_not_proven
from dashboard.decide.policy import Limits, Policy
from dashboard.decide.weighing import Weighing
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.verdict import Evidence, GateAnswer, Mode, Result
from dashboard.model.written import count, number, span

# The evidence that a share above its threshold needs, as a logarithm. At one look its probability by chance is under
# 1 in 20,000, even with the true share at the threshold (Chernoff's bound).
CERTAIN = 10.0
# With fewer events in the short window no time left is computed.
_LEAST_FOR_RATE = 20


def budgeted(evidence: Evidence, policy: Policy, weighing: Weighing | None) -> tuple[GateAnswer, ...]:
    """Their answers. After a switch there is no cost gate: the other track has no runs to compare with."""
    burning = slo(evidence, policy.limits)
    return (burning,) if evidence.mode is Mode.AFTER else (burning, cost(evidence, policy.limits, weighing))


def slo(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Does the candidate burn an error budget so fast that an alert pages somebody?"""
    found = evidence.burn
    title = f"Error budgets of {evidence.candidate}"
    if found.value is None:
        return _answer("slo", title, Result.UNKNOWN, found.reason, found)
    allowed = 1.0 - limits.objective_ratio
    blind, doubtful = "", None
    for name, shares in sorted(found.value.items()):
        for window in (window for window in objectives.WINDOWS if window.pages):
            spans = (window.long, window.short)
            long, short = (_rate(shares.get(str(round(span.total_seconds()))), limits) for span in spans)
            is_burning = objectives.burning(long, short, window)
            if is_burning is None:
                blind = blind or name
            if not is_burning or long is None or short is None:
                continue
            times = number(long, Unit.TIMES).removesuffix(" ×")
            reason = f"{name} burns its budget {times} times too fast, over {span(window.long)} and just now"
            figures = {"unit": Unit.RATIO, "value": long * allowed, "limit": window.rate * allowed}
            strengths = (
                beyond_chance(_runs(evidence, span.total_seconds()), rate * allowed, window.rate * allowed)
                for span, rate in zip(spans, (long, short), strict=True)
            )
            if max(strengths) >= CERTAIN:
                return _answer("slo", title, Result.FAIL, reason, found, **figures)
            doubtful = _answer(
                "slo", title, Result.UNKNOWN, f"{reason}: chance may explain it so far", found, **figures
            )
    if doubtful is not None:
        return doubtful
    if not found.value:
        return _answer("slo", title, Result.UNKNOWN, f"no budget of {evidence.candidate} is recorded yet", found)
    if blind:
        reason = f"the burn rate of {blind} is not recorded for every window of its alert, or a window has no run"
        return _answer("slo", title, Result.UNKNOWN, reason, found)
    return _answer("slo", title, Result.PASS, "no budget burns too fast", found)


def cost(evidence: Evidence, limits: Limits, weighing: Weighing | None) -> GateAnswer:
    """Does a run cost more than allowed, relative to the other track?"""
    track, other = evidence.candidate, evidence.candidate.other
    spent, theirs = evidence.cost_usd[track], evidence.cost_usd[other]
    runs, their_runs = evidence.slow[track].runs, evidence.slow[other].runs
    title = f"Cost per run against {other}"
    for reading in (spent, theirs, runs, their_runs):
        if reading.value is None:
            return _answer("cost", title, Result.UNKNOWN, reading.reason, spent)
    each, usual = _each(spent, runs), _each(theirs, their_runs)
    least = min(runs.value or 0.0, their_runs.value or 0.0)
    harm = weighing.cost_harm if weighing else None
    figures: dict[str, Any] = {
        "unit": Unit.USD,
        "value": each,
        "baseline": usual,
        "limit": None if usual is None else usual * limits.cost_ratio,
        "sample": round(least),
        "needed": limits.least_sample,
        "seconds_left": _seconds_left(evidence, limits.least_sample - least),
        "harm": harm,
    }
    if usual == 0:
        reason = f"runs on {other} cost nothing: there is nothing to compare with"
        return _answer("cost", title, Result.UNKNOWN, reason, spent, **figures)
    if harm is not None and harm >= 1.0:
        said = f"in most intervals a run cost more than {limits.cost_ratio:g} times as much as on {other}"
        return _answer("cost", title, Result.FAIL, f"{said}: more than chance explains", spent, **figures)
    if each is None or usual is None or least < limits.least_sample:
        reason = f"{count(least)} of the {count(limits.least_sample)} runs needed on each track"
        return _answer("cost", title, Result.UNKNOWN, reason, spent, **figures)
    times = f"a run costs {number(each / usual, Unit.TIMES).removesuffix(' ×')} times as much as on {other}"
    if each <= limits.cost_ratio * usual:
        return _answer("cost", title, Result.PASS, times, spent, **figures)
    said = f"{times}: {why_not_proven(evidence, is_counted=harm is not None)}"
    return _answer("cost", title, Result.UNKNOWN, said, spent, **figures)


def _runs(evidence: Evidence, seconds: float) -> float:
    """A lower bound of the candidate's runs in a window: those of the last minutes, or since the release began."""
    lately = evidence.slow[evidence.candidate].runs.value or 0.0
    trial = evidence.trial.value
    if trial is None or evidence.trial.state is not State.FRESH or "runs" not in trial.total_events:
        return lately
    rows = trial.total_events["runs"].candidate[trial.history :]
    within = rows[max(0, len(rows) - int(seconds // trial.interval_seconds)) :]
    return max(lately, float(sum(within)))


def _rate(share: float | None, limits: Limits) -> float | None:
    """The burn rate of a recorded share. By rounding, sums of recorded rates may lie slightly outside 0 to 1."""
    if share is None or math.isnan(share):
        return None
    return objectives.burn_rate(min(max(share, 0.0), 1.0), 1.0, limits.objective_ratio)


def _seconds_left(evidence: Evidence, missing_runs: float) -> float | None:
    """How long the missing runs take on the slower track; None when its rate is not known well enough."""
    lately = min(counts.runs.value or 0.0 for counts in evidence.fast.values())
    if missing_runs <= 0:
        return 0.0
    return missing_runs / lately * evidence.fast_seconds if lately >= _LEAST_FOR_RATE else None


def _each(spent: Reading[float], runs: Reading[float]) -> float | None:
    return spent.value / runs.value if spent.value is not None and runs.value else None


def _answer(gate: str, title: str, result: Result, reason: str, behind: Reading[Any], **figures: Any) -> GateAnswer:
    """An answer with the time and the question of the reading behind it. A doubtful reading proves nothing."""
    if result is Result.PASS and behind.state in (State.MISSING, State.STALE, State.PARTIAL):
        result, reason = Result.UNKNOWN, behind.reason
    return GateAnswer(
        gate=gate, title=title, result=result, reason=reason, as_of=behind.as_of, query=behind.query, **figures
    )
