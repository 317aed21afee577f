"""Two gates about spending: does the candidate burn an error budget too fast, and do its runs cost too much?

Both fail only beyond chance. Recorded shares come without their counts, so a burn rate fails the gate only if the runs
behind it rule out chance. The cost of runs has its own part of the release's error budget. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from dashboard.decide import slo as objectives
from dashboard.decide.against_limit import beyond_chance
from dashboard.decide.not_proven import not_begun, reaches_back, why_not_proven
from dashboard.decide.policy import Limits, Policy
from dashboard.decide.weighing import Weighing
from dashboard.model.reading import Reading, Source, State, Unit, combine, empty
from dashboard.model.release import Track
from dashboard.model.trial import Columns, Trial
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
    before: list[tuple[str, objectives.BurnWindow]] = []
    for name, shares in sorted(found.value.items()):
        for window in (window for window in objectives.WINDOWS if window.pages):
            spans = (window.long, window.short)
            long, short = (_rate(shares.get(str(round(span.total_seconds()))), limits) for span in spans)
            is_burning = objectives.burning(long, short, window)
            if is_burning is None:
                blind = blind or name
            if not is_burning or long is None or short is None:
                continue
            if reaches_back(evidence, window.long.total_seconds()):
                before.append((name, window))
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
    if before:
        return _of_the_release_before(evidence, before, title)
    if not found.value:
        return _answer("slo", title, Result.UNKNOWN, f"no budget of {evidence.candidate} is recorded yet", found)
    if blind:
        reason = f"the burn rate of {blind} is not recorded for every window of its alert, or a window has no run"
        return _answer("slo", title, Result.UNKNOWN, reason, found)
    return _answer("slo", title, Result.PASS, "no budget burns too fast", found)


def _of_the_release_before(
    evidence: Evidence, before: Sequence[tuple[str, objectives.BurnWindow]], title: str
) -> GateAnswer:
    """A burn over windows that began before the release: it holds while it goes on, and never fails."""
    name, window = before[0]
    said = f"the burn of {name} over {span(window.long)} includes the release before on {evidence.candidate}"
    if all(reaches_back(evidence, each.short.total_seconds()) for _, each in before):
        return _answer("slo", title, Result.PASS, f"no budget burns too fast by this release: {said}", evidence.burn)
    return _answer("slo", title, Result.UNKNOWN, f"{name} burns just now, but {said}", evidence.burn)


def cost(evidence: Evidence, limits: Limits, weighing: Weighing | None) -> GateAnswer:
    """Does a run cost more than allowed, relative to the other track?"""
    track, other = evidence.candidate, evidence.candidate.other
    title = f"Cost per run against {other}"
    spent, theirs = _spending(evidence, track), _spending(evidence, other)
    for reading in (spent, theirs):
        if reading.value is None:
            return _answer("cost", title, Result.UNKNOWN, reading.reason, evidence.cost_usd[track])
    (paid, runs), (their_paid, their_runs) = spent.value or (0.0, 0.0), theirs.value or (0.0, 0.0)
    each, usual = paid / runs if runs else None, their_paid / their_runs if their_runs else None
    least = min(runs, their_runs)
    behind = evidence.cost_usd[track]
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
        return _answer("cost", title, Result.UNKNOWN, reason, behind, **figures)
    if harm is not None and harm >= 1.0:
        said = f"in most intervals a run cost more than {limits.cost_ratio:g} times as much as on {other}"
        return _answer("cost", title, Result.FAIL, f"{said}: more than chance explains", behind, **figures)
    if each is None or usual is None or least < limits.least_sample:
        begins = not_begun(evidence.trial.value) if evidence.trial.value else ""
        reason = begins or f"{count(least)} of the {count(limits.least_sample)} runs needed on each track"
        return _answer("cost", title, Result.UNKNOWN, reason, behind, **figures)
    times = f"a run costs {number(each / usual, Unit.TIMES).removesuffix(' ×')} times as much as on {other}"
    if each <= limits.cost_ratio * usual:
        return _answer("cost", title, Result.PASS, times, behind, **figures)
    said = f"{times}: {why_not_proven(evidence, is_counted=harm is not None)}"
    return _answer("cost", title, Result.UNKNOWN, said, behind, **figures)


def _spending(evidence: Evidence, track: Track) -> Reading[tuple[float, float]]:
    """What a track cost in dollars, and its runs: since the beginning where both are counted.

    The windows are of a track: shortly after a rollout they hold what the release before cost.
    """
    both, trial = combine(evidence.cost_usd[track], evidence.slow[track].runs), evidence.trial.value
    if both.value is None:
        return both
    is_fresh = evidence.trial.state is State.FRESH
    if trial is not None and trial.cost is not None and "runs" in trial.total_events and is_fresh:
        cost, runs = (
            _since(trial, columns, is_ours=track == evidence.candidate)
            for columns in (trial.cost, trial.total_events["runs"])
        )
        return both.map(lambda _: (cost / 1e6, runs))
    if reaches_back(evidence, evidence.slow_seconds):
        reason = f"the last {span(timedelta(seconds=evidence.slow_seconds))} include the release before"
        return empty(reason, source=Source.PROMETHEUS, as_of=evidence.at)
    return both


def _since(trial: Trial, columns: Columns, *, is_ours: bool) -> float:
    """What a track counted since the beginning."""
    rows = (columns.candidate,) if is_ours else (columns.first, columns.second)
    return float(sum(sum(each[trial.history :]) for each in rows))


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


def _answer(gate: str, title: str, result: Result, reason: str, behind: Reading[Any], **figures: Any) -> GateAnswer:
    """An answer with the time and the question of the reading behind it. A doubtful reading proves nothing."""
    if result is Result.PASS and behind.state in (State.MISSING, State.STALE, State.PARTIAL):
        result, reason = Result.UNKNOWN, behind.reason
    return GateAnswer(
        gate=gate, title=title, result=result, reason=reason, as_of=behind.as_of, query=behind.query, **figures
    )
