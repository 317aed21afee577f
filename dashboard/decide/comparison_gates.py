"""One gate for each family of metrics: is the candidate worse than the other track, no worse, or is it too early?

`weighing.py` computes the evidence; here it becomes an answer in plain words. Both failing and passing need evidence:
with too little of either, the answer is unknown. After a switch only harm counts, since no second track has traffic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from dashboard.decide.not_proven import not_begun
from dashboard.decide.policy import Policy
from dashboard.decide.weighing import Weighed, Weighing
from dashboard.model.reading import Unit
from dashboard.model.trial import Trial
from dashboard.model.verdict import Evidence, GateAnswer, Mode, Result
from dashboard.model.written import count, duration, number, span

TITLES = {
    "errors": ("Errors", "runs failed"),
    "violations": ("Contract violations", "evaluations found a violation"),
    "tools": ("Tool failures", "tool calls failed"),
    "denials": ("Policy denials", "decisions were denials"),
    "latency": ("Latency", "runs were slower"),
}


def compared(evidence: Evidence, policy: Policy, weighing: Weighing | None) -> tuple[GateAnswer, ...]:
    """The answers of all families, and the one over all of them together."""
    trial = evidence.trial.value
    if trial is None or weighing is None:
        reason = evidence.trial.reason or "the counts since the release began are not known"
        answers = [_unknown(name, evidence, reason) for name in (*(name for name, _ in policy.in_order()), "together")]
    else:
        answers = [_family(name, weighing, evidence, trial, policy) for name, _ in policy.in_order()]
        answers.append(_together(weighing, evidence, trial, policy))
        answers = [replace(answer, detail=_with_set_aside(answer.detail, trial)) for answer in answers]
    return tuple(replace(answer, required=policy.decides(answer.gate)) for answer in answers)


def _with_set_aside(detail: str, trial: Trial) -> str:
    """The detail, with how much time was left out because it was no ordinary traffic."""
    said = [f"{duration(seconds)} of {reason} left out" for reason, seconds in sorted(trial.set_aside.items())]
    return "; ".join(part for part in (detail, *said) if part)


def _title(name: str, evidence: Evidence) -> str:
    what = TITLES[name][0] if name in TITLES else "All measures together"
    other = evidence.candidate.other
    return f"{what} against {other}" if evidence.mode is Mode.BEFORE else f"{what} against {other} before the switch"


def _unknown(name: str, evidence: Evidence, reason: str) -> GateAnswer:
    return _answer(name, evidence, Result.UNKNOWN, reason)


def _answer(name: str, evidence: Evidence, result: Result, reason: str) -> GateAnswer:
    return GateAnswer(
        gate=f"{name}_compared",
        title=_title(name, evidence),
        result=result,
        reason=reason,
        as_of=evidence.trial.as_of,
        query=evidence.trial.query,
    )


def _gap(trial: Trial, policy: Policy) -> str:
    """Why the counts have too many gaps for a pass; "" when they have not."""
    if said := not_begun(trial):
        return said
    for track, share in trial.left_out.items():
        if share > policy.most_left_out:
            return f"{number(share, Unit.RATIO)} of what {track} did could not be counted: missed scrapes or restarts"
    return ""


def _family(name: str, weighing: Weighing, evidence: Evidence, trial: Trial, policy: Policy) -> GateAnswer:
    found = [weighed for weighed in weighing.metrics if weighed.metric.family == name]
    guilty = [weighed for weighed in found if weighed.is_guilty]
    if guilty:
        worst = max(guilty, key=lambda weighed: weighed.harm)
        return _with_figures(name, worst, found, evidence, Result.FAIL, _harm(worst, evidence))
    problem = trial.problems.get(name, "") or _gap(trial, policy)
    if problem or not found:
        return _unknown(name, evidence, problem or f"nothing counts {TITLES[name][0].lower()}")
    weakest = min(found, key=lambda weighed: (weighed.is_proven, weighed.proof))
    if evidence.mode is Mode.AFTER:
        return _after(name, weakest, found, evidence, policy)
    beside = weighing.above(name)
    if beside is not None and beside.baseline_is_above and not all(weighed.is_under_limit for weighed in found):
        said = f"{evidence.candidate.other} itself is above the limit, so being no worse than it proves nothing"
        return _with_figures(name, weakest, found, evidence, Result.UNKNOWN, said)
    if weakest.is_proven:
        return _with_figures(name, weakest, found, evidence, Result.PASS, _proof(weakest, evidence))
    said = f"{_counted(weakest, evidence)}: too early to tell"
    return _with_figures(name, weakest, found, evidence, Result.UNKNOWN, said)


def _after(name: str, shown: Weighed, found: Sequence[Weighed], evidence: Evidence, policy: Policy) -> GateAnswer:
    """After a switch only harm counts, once there are enough events to find it: no second track has traffic."""
    least = policy.limits.least_sample
    if min(shown.total_events) < least:
        said = f"{_counted(shown, evidence)}: each track needs {least}"
        return _with_figures(name, shown, found, evidence, Result.UNKNOWN, said)
    said = f"{_counted(shown, evidence)}: no harm found against the time before the switch, which is a weaker check"
    return _with_figures(name, shown, found, evidence, Result.PASS, said)


def _with_figures(
    name: str, shown: Weighed, found: Sequence[Weighed], evidence: Evidence, result: Result, reason: str
) -> GateAnswer:
    (n_g, n_b), (x_g, x_b) = shown.total_events, shown.bad_events
    base = x_b / n_b if n_b else None
    limit = shown.metric.plan.limit if shown.by_limit else base * shown.psi_go if base is not None else None
    left = [weighed.seconds_left for weighed in found if not weighed.is_proven]
    known = [seconds for seconds in left if seconds is not None]
    return replace(
        _answer(name, evidence, result, reason),
        unit=Unit.RATIO,
        value=x_g / n_g if n_g else None,
        limit=limit,
        baseline=base,
        sample=n_g,
        seconds_left=max(known) if result is Result.UNKNOWN and known and len(known) == len(left) else None,
        harm=max(weighed.harm for weighed in found),
        proof=min(weighed.proof for weighed in found),
        detail=(
            f"margins: {shown.psi_fail:.2f} times to fail, {shown.psi_go:.2f} times to pass; "
            f"counts vary {shown.phi:.2f} times as much as chance"
        ),
    )


def _counted(weighed: Weighed, evidence: Evidence) -> str:
    (n_g, n_b), (x_g, x_b) = weighed.total_events, weighed.bad_events
    did = TITLES[weighed.metric.family][1]
    beyond = f" than {number(weighed.metric.seconds, Unit.SECONDS)}" if weighed.metric.seconds is not None else ""
    return f"{count(x_g)} of {count(n_g)} {did}{beyond}, on {evidence.candidate.other} {count(x_b)} of {count(n_b)}"


def _harm(weighed: Weighed, evidence: Evidence) -> str:
    (n_g, n_b), (x_g, x_b) = weighed.total_events, weighed.bad_events
    times = f", {x_g / n_g / (x_b / n_b):.1f} times as many" if n_g and n_b and x_b else ""
    return f"{_counted(weighed, evidence)}{times}: more than chance explains"


def _proof(weighed: Weighed, evidence: Evidence) -> str:
    if weighed.by_limit and weighed.metric.plan.limit is not None:
        return f"{_counted(weighed, evidence)}: shown to be under {number(weighed.metric.plan.limit, Unit.RATIO)}"
    return f"{_counted(weighed, evidence)}: shown to be less than {weighed.psi_go:.1f} times as many"


def _together(weighing: Weighing, evidence: Evidence, trial: Trial, policy: Policy) -> GateAnswer:
    """Several metrics may each be slightly worse, and all together beyond chance."""
    since = timedelta(seconds=trial.intervals * trial.interval_seconds)
    if weighing.most >= 1 / policy.alpha:
        names = ", ".join(_suspects(weighing))
        said = f"{evidence.candidate} is worse by more than chance explains, most in {names}"
        return replace(_answer("together", evidence, Result.FAIL, said), harm=1.0)
    if not weighing.metrics:
        return _unknown("together", evidence, _gap(trial, policy) or "nothing can be compared")
    if weighing.total >= policy.hold_evidence:
        said = f"{evidence.candidate} looks worse, though not yet beyond chance: held until it is clear"
        return replace(_unknown("together", evidence, said), harm=_strength(weighing, policy))
    said = f"no sign of harm in {span(since)}"
    return replace(_answer("together", evidence, Result.PASS, said), harm=_strength(weighing, policy))


def _suspects(weighing: Weighing) -> tuple[str, ...]:
    """The names of the strongest evidence, the strongest first."""
    compared_by = [(weighed.harm, TITLES[weighed.metric.family][0].lower()) for weighed in weighing.metrics]
    limits = [(above.harm, f"{TITLES[above.metric.gate][0].lower()} above the limit") for above in weighing.limits]
    cost = [] if weighing.cost_harm is None else [(weighing.cost_harm, "cost")]
    found = sorted((*compared_by, *limits, *cost), key=lambda pair: -pair[0])[:3]
    return tuple(dict.fromkeys(name for _, name in found))


def _strength(weighing: Weighing, policy: Policy) -> float:
    """How far the evidence for harm has come to its threshold, on the logarithmic scale."""
    return min(1.0, max(0.0, math.log(max(weighing.total, 1.0)) / math.log(1 / policy.alpha)))
