"""The decision over all gates: GO, WAIT or NO-GO, with a sentence that says why and what is missing.

A fold: fail beats unknown beats pass, so one more failing gate never makes a verdict better, and what is missing is
never GO. Pure; the same evidence gives the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dashboard.decide import condition_gates, gates
from dashboard.decide.agent_mix import another_mix
from dashboard.decide.budget_gates import budgeted
from dashboard.decide.comparison_gates import compared
from dashboard.decide.coverage import uncovered
from dashboard.decide.limit_gates import limited
from dashboard.decide.policy import Policy
from dashboard.decide.runs_active import runs_active
from dashboard.decide.weighing import Weighing, weigh
from dashboard.model.reading import State
from dashboard.model.verdict import Decision, Evidence, GateAnswer, Mode, Result, Verdict
from dashboard.model.written import duration, rate

# The order is written once: the worst answer of a required gate decides, and concern sorts the list.
_FROM_WORST = (Result.FAIL, Result.UNKNOWN, Result.PASS)
_WORDS = {Result.FAIL: Decision.NO_GO, Result.UNKNOWN: Decision.WAIT, Result.PASS: Decision.GO}


def judge(evidence: Evidence, policy: Policy | None = None) -> Verdict:
    """The verdict on the candidate, from evidence and the policy alone."""
    policy = policy or Policy()
    is_before = evidence.mode is Mode.BEFORE
    questions = (*gates.BEFORE, *condition_gates.BEFORE) if is_before else (*gates.AFTER, *condition_gates.AFTER)
    weighing = _weighed(evidence, policy)
    asked = (
        *(gate(evidence, policy.limits) for gate in questions),
        *limited(evidence, policy, weighing),
        *budgeted(evidence, policy, weighing),
        runs_active(evidence, policy),
        *compared(evidence, policy, weighing),
    )
    answers = _deciding(asked, uncovered(evidence), policy)
    decision = fold(answers)
    service = evidence.service.value
    status = service.tracks.get(evidence.candidate) if service else None
    version = status.version if status else ""
    return Verdict(
        decision=decision,
        sentence=_sentence(decision, answers, evidence, version),
        mode=evidence.mode,
        at=evidence.at,
        candidate=evidence.candidate,
        version=version,
        gates=by_concern(answers),
        template=status.template if status else "",
    )


def _deciding(asked: Sequence[GateAnswer], never: Mapping[str, str], policy: Policy) -> tuple[GateAnswer, ...]:
    """The answers with who may accept them and whether they decide: what was never measured here does not."""
    answers = []
    for answer in asked:
        reason = never.get(answer.gate, "") if answer.result is Result.UNKNOWN else ""
        answers.append(
            replace(
                answer,
                required=policy.decides(answer.gate) and (not reason or answer.gate in policy.required),
                acceptors=policy.acceptable.get(answer.gate, ()),
                is_measured=not reason,
                reason=f"not measured here: {reason}" if reason else answer.reason,
            )
        )
    return tuple(answers)


def _weighed(evidence: Evidence, policy: Policy) -> Weighing | None:
    """The evidence by counts; None while the counts since the release began are not known as they are now."""
    trial = evidence.trial.value
    return weigh(trial, policy, evidence.mode) if trial is not None and evidence.trial.state is State.FRESH else None


def fold(answers: Iterable[GateAnswer]) -> Decision:
    """The decision over all required gates; WAIT without any gate, since nothing was measured."""
    found = {answer.result for answer in answers if answer.required}
    return next((_WORDS[result] for result in _FROM_WORST if result in found), Decision.WAIT)


def by_concern(answers: Iterable[GateAnswer]) -> tuple[GateAnswer, ...]:
    """Failing gates first, then those farthest from an answer, then the rest in order; deciding gates before others."""

    def concern(answer: GateAnswer) -> tuple[int, bool, float]:
        return _FROM_WORST.index(answer.result), not answer.required, answer.progress

    return tuple(sorted(answers, key=concern))


def _sentence(decision: Decision, answers: Sequence[GateAnswer], evidence: Evidence, version: str) -> str:
    release = f"{evidence.candidate} {version}".strip()
    if decision is Decision.GO:
        does = "may take the users" if evidence.mode is Mode.BEFORE else "may keep the users"
        count = sum(answer.required for answer in answers)
        return f"All {count} gates that decide pass: {release} {does}.{_left_open(answers)}{another_mix(evidence)}"
    if decision is Decision.NO_GO:
        failing = [answer for answer in answers if answer.result is Result.FAIL and answer.required]
        more = len(failing) - 1
        rest = f" {more} more {'gates fail' if more > 1 else 'gate fails'}." if more else ""
        # That there is no way back is no harm that going back would end.
        is_harmed = any(answer.gate != "way_back" for answer in failing)
        advice = " Roll back." if evidence.mode is Mode.AFTER and is_harmed else ""
        # Only what is compared with the other track can be a difference of the mix.
        mix = another_mix(evidence) if any(gate.gate.endswith("_compared") for gate in failing) else ""
        return f"{failing[0].title}: {failing[0].reason}.{rest}{advice}{mix}"
    fine = "No gate that decides fails" if any(answer.result is Result.FAIL for answer in answers) else "No gate fails"
    waiting = [answer for answer in answers if answer.result is Result.UNKNOWN and answer.required]
    return _waiting(waiting, evidence, fine)


def _left_open(answers: Sequence[GateAnswer]) -> str:
    """What a GO does not cover, as a sentence; "" where it covers everything."""
    open_ones = dict.fromkeys(answer.title for answer in answers if not answer.is_measured and not answer.required)
    return f" Not covered, because nothing here measures it: {', '.join(open_ones)}." if open_ones else ""


def _waiting(unknown: Sequence[GateAnswer], evidence: Evidence, fine: str) -> str:
    """The sentence of a WAIT; `fine` says what does not fail."""
    needs = f"{len(unknown)} gates need" if len(unknown) != 1 else "1 gate needs"
    left = [answer.seconds_left for answer in unknown]
    runs = evidence.fast[evidence.candidate].runs.value
    known = [seconds for seconds in left if seconds]
    if runs and len(known) == len(left) and known:
        traffic = rate(runs / evidence.fast_seconds, "runs")
        return f"{fine}. {needs} more evidence: about {duration(max(known))} at {traffic}."
    if not unknown:
        return "Nothing was asked."
    first = next((answer for answer in unknown if not answer.seconds_left), unknown[0])
    return f"{fine}, but {needs} an answer. {first.title}: {first.reason}."
