"""One gate for each fixed limit: errors, contract violations, slow runs. Is the candidate above it beyond chance?

Only evidence since the release began fails a gate (`against_limit.py`); it has its part of the error budget. A share of
the last minutes above the limit leaves the gate unknown, one under it passes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from dashboard.decide.not_proven import not_begun, reaches_back, why_not_proven
from dashboard.decide.policy import Limits, Policy
from dashboard.decide.trial_tables import SLOWER_THAN_P95
from dashboard.decide.weighing import Weighing
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.verdict import Counts, Evidence, GateAnswer, Mode, Result
from dashboard.model.written import count, duration, number

# With fewer events in the short window no time left is computed.
_LEAST_FOR_RATE = 20


def limited(evidence: Evidence, policy: Policy, weighing: Weighing | None) -> tuple[GateAnswer, ...]:
    """The answers of all fixed limits. Without a weighing there is no evidence, so nothing fails."""
    limits = policy.limits
    errors = _LimitedShare(
        gate="errors", title="Errors", total_events="runs", bad_events="failed", did="failed", limit=limits.error_ratio
    )
    violations = _LimitedShare(
        gate="violations",
        title="Contract violations",
        total_events="evaluations",
        bad_events="violations",
        did="found a violation",
        limit=limits.violation_ratio,
    )
    return (
        _share_gate(errors, evidence, limits, weighing),
        _share_gate(violations, evidence, limits, weighing),
        _latency_gate(evidence, limits, weighing),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _LimitedShare:
    """A metric of total and bad events."""

    gate: str
    title: str
    total_events: Literal["runs", "evaluations"]
    bad_events: Literal["failed", "violations"]
    did: str
    limit: float

    def of(self, counts: Counts) -> tuple[Reading[float], Reading[float]]:
        """Total and bad events of one track in one window."""
        return (counts.runs, counts.failed) if self.total_events == "runs" else (counts.evaluations, counts.violations)


def _share_gate(share: _LimitedShare, evidence: Evidence, limits: Limits, weighing: Weighing | None) -> GateAnswer:
    total_reading, bad_reading = share.of(evidence.slow[evidence.candidate])
    total, bad, allowed = total_reading.value, bad_reading.value, number(share.limit, Unit.RATIO)
    above, lately = weighing.above(share.gate) if weighing else None, f"in the last {duration(evidence.slow_seconds)}"
    if above is not None and total is not None and bad is not None and _is_young(evidence):
        total, bad, lately = above.total_events, above.bad_events, f"since {_begin(evidence)}"
    answer = _answerer(
        share.gate,
        share.title,
        evidence,
        weighing,
        behind=bad_reading,
        unit=Unit.RATIO,
        value=bad / total if total and bad is not None else None,
        limit=share.limit,
        baseline=_believed_ratio(share, evidence, limits),
        **_sample(total, share.of(evidence.fast[evidence.candidate])[0], evidence, limits, weighing, share.gate),
    )
    if above is not None and above.is_guilty:
        of = f"{count(above.bad_events)} of {count(above.total_events)} {share.total_events} {share.did}"
        said = f"{of} since {_begin(evidence)}: more than {allowed}, beyond chance"
        # The figure of the same counts as the sentence: the last minutes may say another one.
        return replace(
            answer(Result.FAIL, said), value=above.bad_events / above.total_events, sample=above.total_events
        )
    if doubt := _doubt(total_reading, bad_reading) or _unclear(evidence, share.gate):
        return answer(Result.UNKNOWN, doubt)
    if total is None or bad is None or not _is_enough(total, share.gate, evidence, limits, weighing):
        return answer(Result.UNKNOWN, _too_few(total_reading, evidence, limits, share.total_events, weighing))
    said = f"{count(bad)} of {count(total)} {share.total_events} {share.did} {lately}"
    if bad > share.limit * total:
        why = why_not_proven(evidence, is_counted=above is not None)
        return answer(Result.UNKNOWN, f"{said}, more than {allowed}: {why}")
    return answer(Result.PASS, said)


def _latency_gate(evidence: Evidence, limits: Limits, weighing: Weighing | None) -> GateAnswer:
    slow = evidence.slow[evidence.candidate]
    runs, p95, allowed = slow.runs.value, slow.p95_seconds.value, number(limits.p95_seconds, Unit.SECONDS)
    answer = _answerer(
        "latency",
        "Slow runs (p95)",
        evidence,
        weighing,
        behind=slow.p95_seconds,
        unit=Unit.SECONDS,
        value=p95,
        limit=limits.p95_seconds,
        baseline=evidence.slow[evidence.candidate.other].p95_seconds.value,
        **_sample(runs, evidence.fast[evidence.candidate].runs, evidence, limits, weighing, "latency"),
    )
    above = weighing.above("latency") if weighing else None
    if above is not None and above.is_guilty:
        bad, total = count(above.bad_events), count(above.total_events)
        took = f"{bad} of {total} runs took over {number(above.metric.seconds, Unit.SECONDS)} since {_begin(evidence)}"
        return answer(Result.FAIL, f"{took}: more than {number(SLOWER_THAN_P95, Unit.RATIO)}, beyond chance")
    if doubt := _doubt(slow.runs, slow.p95_seconds):
        return answer(Result.UNKNOWN, doubt)
    if runs is None or p95 is None or not _is_enough(runs, "latency", evidence, limits, weighing):
        return answer(Result.UNKNOWN, _too_few(slow.runs, evidence, limits, "runs", weighing))
    lately = f"{count(runs)} runs in the last {duration(evidence.slow_seconds)}"
    if p95 > limits.p95_seconds:
        said = f"1 in 20 of {lately} took over {number(p95, Unit.SECONDS)}, more than {allowed}"
        return answer(Result.UNKNOWN, f"{said}: {why_not_proven(evidence, is_counted=above is not None)}")
    if above is None:
        return answer(Result.UNKNOWN, _not_counted(evidence, limits))
    return answer(Result.PASS, f"19 in 20 of {lately} took under {number(p95, Unit.SECONDS)}")


def _not_counted(evidence: Evidence, limits: Limits) -> str:
    """Why slow runs are not counted, which keeps the gate from passing."""
    trial = evidence.trial.value
    if trial is None:
        return why_not_proven(evidence, is_counted=False)
    allowed = number(limits.p95_seconds, Unit.SECONDS)
    no_bucket = f"runs over {allowed} cannot be counted: no bucket bound at or above it on both tracks"
    return not_begun(trial) or trial.problems.get("latency", "") or no_bucket


def _answerer(
    gate: str, title: str, evidence: Evidence, weighing: Weighing | None, *, behind: Reading[Any], **figures: Any
) -> Callable[[Result, str], GateAnswer]:
    above = weighing.above(gate) if weighing else None
    drawn = GateAnswer(
        gate=gate,
        title=title,
        result=Result.UNKNOWN,
        reason="",
        as_of=behind.as_of,
        query=behind.query,
        harm=above.harm if above else None,
        detail=f"counts since {_begin(evidence)}; they vary {above.phi:.2f} times as much as chance" if above else "",
        **figures,
    )
    return lambda result, reason: replace(drawn, result=result, reason=reason)


def _doubt(*behind: Reading[float]) -> str:
    """Why a gate may not pass by these counts; "" where they are complete, or where there are none."""
    return next((each.reason for each in behind if each.state in (State.MISSING, State.STALE, State.PARTIAL)), "")


def _unclear(evidence: Evidence, gate: str) -> str:
    trial = evidence.trial.value
    return trial.unclear.get(gate, "") if trial else ""


def _is_young(evidence: Evidence) -> bool:
    """Whether the long window, which is of a track, holds what the release before did."""
    return evidence.mode is Mode.BEFORE and reaches_back(evidence, evidence.slow_seconds)


def _begin(evidence: Evidence) -> str:
    trial = evidence.trial.value
    return f"{trial.started_at:%H:%M:%S} UTC" if trial else "the beginning"


def _sample(
    total: float | None,
    lately: Reading[float],
    evidence: Evidence,
    limits: Limits,
    weighing: Weighing | None,
    gate: str,
) -> dict[str, Any]:
    """The gate's sample, how large it must be, and how long the rest takes at the present traffic."""
    seen = _seen(total, gate, evidence, weighing)
    rate = lately.value / evidence.fast_seconds if lately.value and lately.value >= _LEAST_FOR_RATE else None
    missing = limits.least_sample - (seen or 0.0)
    return {
        "sample": None if seen is None else round(seen),
        "needed": limits.least_sample,
        "seconds_left": 0.0 if missing <= 0 else missing / rate if rate else None,
    }


def _seen(total: float | None, gate: str, evidence: Evidence, weighing: Weighing | None) -> float | None:
    """Of a young release, and after a switch, only events since then count: the long window also holds earlier ones."""
    if total is None or (evidence.mode is Mode.BEFORE and not _is_young(evidence)):
        return total
    above = weighing.above(gate) if weighing else None
    return min(total, float(above.total_events)) if above is not None else 0.0


def _is_enough(total: float, gate: str, evidence: Evidence, limits: Limits, weighing: Weighing | None) -> bool:
    return (_seen(total, gate, evidence, weighing) or 0.0) >= limits.least_sample


def _believed_ratio(share: _LimitedShare, evidence: Evidence, limits: Limits) -> float | None:
    """The other track's share of bad events; None when it had too few events."""
    total, bad = (reading.value for reading in share.of(evidence.slow[evidence.candidate.other]))
    return None if total is None or bad is None or total < limits.least_sample else bad / total


def _too_few(total: Reading[float], evidence: Evidence, limits: Limits, what: str, weighing: Weighing | None) -> str:
    track = evidence.candidate
    if total.value is None and total.state is State.MISSING:
        return total.reason
    if not total.value:
        return f"no {what} on {track} in the last {duration(evidence.slow_seconds)}: nothing to judge by"
    if (evidence.mode is Mode.AFTER or _is_young(evidence)) and total.value >= limits.least_sample:
        since = "the switch" if evidence.mode is Mode.AFTER else f"{_begin(evidence)}, when counting began"
        return f"fewer than {limits.least_sample} {what} on {track} since {since}"
    return f"{count(total.value)} of the {count(limits.least_sample)} {what} needed on {track}"
