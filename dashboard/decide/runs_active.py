"""Are more runs of the candidate under way than usual? Runs count when they end, so what hangs is not counted yet.

By Little's law the runs under way are as many as end each second times how long a run takes. On the baseline that
tells how long its runs take. Where the candidate has far more under way than it ends runs at that pace, the end of the
rest is not known: they may all fail, by a time-out of minutes, say. So the gate holds; it never fails a release. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dashboard.decide.policy import Policy
from dashboard.decide.trial_tables import RUNS_ACTIVE
from dashboard.model.reading import State, Unit
from dashboard.model.trial import Columns, Trial
from dashboard.model.verdict import Evidence, GateAnswer, Mode, Result
from dashboard.model.written import count, duration

# Runs may take so many times as long as the baseline's; more shows as latency once they end.
SLOWER = 1.25
# Beyond what is usual by so many standard deviations of a count, and a bit for none at all.
DEVIATIONS, A_FEW = 3.0, 3.0
# What ended lately tells the pace, and is what the rest is held against.
LATELY_SECONDS = 300.0
# One scrape may miss what is under way.
_LAST_INTERVALS = 3
# Without a margin of errors in the policy, so many runs of unknown end are too many.
_UNKNOWN_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class _UnderWay:
    now: float
    usual: float
    ended: float

    @property
    def beyond(self) -> float:
        """How many more runs are under way than the usual duration and chance explain."""
        expected = SLOWER * self.usual
        return max(0.0, self.now - expected - DEVIATIONS * math.sqrt(expected) - A_FEW)


def runs_active(evidence: Evidence, policy: Policy) -> GateAnswer:
    """Is the end of nearly all runs that the candidate began known?"""
    trial, candidate = evidence.trial.value, evidence.candidate
    if trial is None or evidence.trial.state is not State.FRESH:
        return _answer(evidence, Result.UNKNOWN, evidence.trial.reason or "the counts are not known")
    if trial.active is None or "runs" not in trial.total_events:
        reason = trial.unmeasured.get(RUNS_ACTIVE, "") or f"{candidate} or {candidate.other} reports no runs under way"
        return _answer(evidence, Result.UNKNOWN, reason)
    found = _under_way(trial, trial.active, trial.total_events["runs"], evidence.mode)
    if found is None:
        reason = f"too few runs on {candidate.other} to tell how many are usually under way"
        return _answer(evidence, Result.UNKNOWN, reason)
    said = f"{count(found.now, 'run')} under way, {count(found.usual)} are usual for what ended"
    errors = policy.families.get("errors")
    allowed = errors.go.share if errors else _UNKNOWN_SHARE
    if found.beyond > allowed * (found.ended + found.beyond):
        return _answer(evidence, Result.UNKNOWN, f"{said}: how the others end is not known yet", found)
    return _answer(evidence, Result.PASS, said, found)


def _under_way(trial: Trial, active: Columns, runs: Columns, mode: Mode) -> _UnderWay | None:
    """What is under way and what is usual; None while the baseline tells no duration."""
    # After a switch the old track is idle: what it did before tells how long runs take.
    baseline = slice(0, trial.history if mode is Mode.AFTER else None)
    ended = sum(runs.first[baseline]) + sum(runs.second[baseline])
    if not ended:
        return None
    intervals_each = (sum(active.first[baseline]) + sum(active.second[baseline])) / ended
    lately = max(1, round(LATELY_SECONDS / trial.interval_seconds))
    since = slice(max(trial.history, len(runs.candidate) - lately), None)
    # Intervals that were left out tell no pace: nothing ended in them and nothing was under way.
    ours = [count for count, left in zip(runs.candidate[since], active.candidate[since], strict=True) if count or left]
    pace = sum(ours) / len(ours) if ours else 0.0
    now = max(active.candidate[trial.history :][-_LAST_INTERVALS:], default=0)
    return _UnderWay(now=float(now), usual=intervals_each * pace, ended=float(sum(ours)))


def _answer(evidence: Evidence, result: Result, reason: str, found: _UnderWay | None = None) -> GateAnswer:
    return GateAnswer(
        gate=RUNS_ACTIVE,
        title=f"Runs under way on {evidence.candidate}",
        result=result,
        reason=reason,
        as_of=evidence.trial.as_of,
        query=evidence.trial.query,
        unit=Unit.COUNT if found else None,
        value=found.now if found else None,
        baseline=found.usual if found else None,
        sample=round(found.ended) if found else None,
        detail=f"by the runs that ended in the last {duration(LATELY_SECONDS)}" if found else "",
    )
