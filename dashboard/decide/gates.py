"""One question each about a release, answered from evidence: pass, fail or unknown, with the reason in plain words.

These are facts and not shares of chance: pods, restarts, alerts. What was not measured is unknown, never a pass.
Folding the answers into one decision is `verdict.py`'s business. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dashboard.decide import wording
from dashboard.decide.alerts import by_severity, concerns, is_elsewhere, names_nobody, place, said_severity, tracks_of
from dashboard.decide.policy import Limits
from dashboard.decide.track_pods import foreign_words
from dashboard.model.alert import Alert
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.release import GovernedService, TrackStatus
from dashboard.model.verdict import Evidence, GateAnswer, Mode, Result
from dashboard.model.words import WORDS, Severity, Vocabulary
from dashboard.model.written import count, duration

Gate = Callable[[Evidence, Limits], GateAnswer]
_MOST_NAMED = 3


def inputs(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Is everything that the other gates look at known, and known now?"""
    title = "Inputs"
    for name, reading in _inputs(evidence):
        if reading.state in (State.MISSING, State.STALE, State.PARTIAL):
            return _answer("inputs", title, Result.UNKNOWN, f"{name}: {reading.reason}", behind=reading)
        age = reading.age(evidence.at)
        if age is not None and abs(age) > limits.freshest:
            seconds = age.total_seconds()
            is_old = f"the data is {duration(seconds)} old, too old to judge by"
            reason = f"{name}: {is_old}" if seconds > 0 else f"{name}: its clock is {duration(-seconds)} ahead of ours"
            return _answer("inputs", title, Result.UNKNOWN, reason, behind=reading)
    if evidence.trial.state in (State.MISSING, State.STALE, State.PARTIAL):
        # It ends with the last whole interval, so its age says less than its state.
        reason = f"counts since the release began: {evidence.trial.reason}"
        return _answer("inputs", title, Result.UNKNOWN, reason, behind=evidence.trial)
    runs = evidence.slow[evidence.candidate].runs
    if runs.state is State.UNMEASURED:
        reason = f"nothing counts what {evidence.candidate} does: {runs.reason}"
        return _answer("inputs", title, Result.UNKNOWN, reason, behind=runs)
    if evidence.targets.state is State.UNMEASURED:
        said = "every source answers; metrics are pushed, so it is not known whether every pod sends them"
        return _answer("inputs", title, Result.PASS, said, behind=evidence.targets)
    service = evidence.service.value
    status = service.tracks.get(evidence.candidate) if service else None
    scraped = evidence.targets.value or 0
    unscraped = evidence.unscraped
    if status is not None and (scraped < status.ready or unscraped):
        # What a pod did while nobody scraped it is lost, and that favours it.
        count = min(round(scraped), status.ready - len(unscraped)) if unscraped else round(scraped)
        reason = f"metrics come from {count} of {status.ready} ready pods on {evidence.candidate}"
        reason += f"; no job scrapes {_listed(unscraped)}" if unscraped else ""
        return _answer("inputs", title, Result.UNKNOWN, reason, behind=evidence.targets)
    reason = f"every source answers, every pod is scraped{_ports(evidence)}"
    return _answer("inputs", title, Result.PASS, reason, behind=evidence.targets)


def _ports(evidence: Evidence) -> str:
    """Which pods answer at several ports, where neither labels nor the start of a process tell what stands behind."""
    said = ""
    if evidence.split:
        said += f"; several ports are scraped of {_listed(evidence.split)}: only the largest count is used"
    if evidence.doubled:
        said += f"; several ports are scraped of {_listed(evidence.doubled)}: a process behind two of them counts twice"
    return said


def _listed(names: Sequence[str]) -> str:
    """Names on one line; a few of many."""
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"


def capacity(evidence: Evidence, _limits: Limits) -> GateAnswer:
    """Are enough pods ready on the candidate to carry all users, all of the release that it names?"""
    service, status = _tracks(evidence)
    title = f"Pods ready on {evidence.candidate}"
    if service is None or status is None:
        return _no_track("capacity", title, evidence)
    needed = max(1, _desired(service, evidence) if evidence.mode is Mode.BEFORE else status.desired)
    enough = status.ready >= needed
    foreign = foreign_words(status.track, status.deployment, status.foreign)
    may_be_enough = status.ready + status.ready_earlier >= needed
    if may_be_enough and (doubt := status.problem or foreign or status.rolling):
        # Not all pods that were measured, or would be reached, are of what the template names: neither enough nor too
        # few. An action's guard refuses or waits for the same reason.
        return _answer("capacity", title, Result.UNKNOWN, doubt, behind=evidence.service)
    if status.ready == 0:
        reason = f"no pod of {status.deployment} is ready"
    elif enough:
        reason = f"{status.ready} pods are ready, {needed} are needed to carry all users"
    else:
        reason = f"only {status.ready} of the {needed} pods needed to carry all users are ready"
    return _answer(
        "capacity",
        title,
        Result.PASS if enough else Result.FAIL,
        reason,
        behind=evidence.service,
        unit=Unit.COUNT,
        value=status.ready,
        limit=needed,
    )


def restarts(evidence: Evidence, _limits: Limits) -> GateAnswer:
    """Have containers of the candidate ended by themselves lately?"""
    found = evidence.restarts
    title = f"Restarts on {evidence.candidate}"
    if found.value is None:
        return _answer("restarts", title, Result.UNKNOWN, found.reason, behind=found)
    lately = f"in the last {duration(evidence.slow_seconds)}"
    ended = f"{count(found.value, 'container')} ended" if found.value else "no container ended"
    reason = f"{ended} {lately}"
    result = Result.FAIL if found.value else Result.PASS
    return _answer("restarts", title, result, reason, behind=found, unit=Unit.COUNT, value=found.value, limit=0)


def alerts(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Does a critical alert fire on the candidate? A silence hides an alert from people, not from a verdict."""
    title = f"Critical alerts on {evidence.candidate}"
    found, service = evidence.alerts, evidence.service.value
    if found.value is None:
        return _answer("alerts", title, Result.UNKNOWN, found.reason, behind=found)
    if service is None:
        return _no_track("alerts", title, evidence)
    words = WORDS.extended(limits.words).severity
    firing = by_severity((alert for alert in found.value if concerns(alert, service, evidence.candidate)), words)
    critical, unclear = firing[Severity.CRITICAL], firing[Severity.UNKNOWN]
    if critical:
        first = critical[0]
        reason = f"{wording.said(first)}, since {first.starts_at:%H:%M:%S} UTC"
        return _answer(
            "alerts", title, Result.FAIL, reason, behind=found, unit=Unit.COUNT, value=len(critical), limit=0
        )
    if unclear:
        word = said_severity(unclear[0], words)
        reason = (
            f"{unclear[0].name} fires with a severity that is not understood ({word}): "
            "set its meaning in words.severity in the settings"
        )
        return _answer("alerts", title, Result.UNKNOWN, reason, behind=found)
    lesser = len(firing[Severity.WARNING]) + len(firing[Severity.INFO])
    homeless = _homeless(found.value, service, words)
    none = "no critical alert fires" if lesser or homeless else "no alert fires"
    reason = none + (f", {lesser} less severe" if lesser else "")
    if homeless:
        kind = (
            "critical" if len(by_severity(homeless, words)[Severity.CRITICAL]) == len(homeless) else "possibly critical"
        )
        count = f"1 {kind} alert names" if len(homeless) == 1 else f"{len(homeless)} {kind} alerts name"
        reason += f"; {count} no service: {_listed([alert.name for alert in homeless])}"
    if any(place(alert.placing, tracks_of(service))[1] == evidence.candidate for alert in homeless):
        return _answer("alerts", title, Result.UNKNOWN, f"{reason}, but does name this track", behind=found)
    return _answer("alerts", title, Result.PASS, reason, behind=found, unit=Unit.COUNT, value=0, limit=0)


def _homeless(found: Iterable[Alert], service: GovernedService, words: Vocabulary[Severity]) -> list[Alert]:
    """The alerts, critical or maybe so, that may mean any service: nobody can say that they do not mean this one."""
    here = (alert for alert in found if names_nobody(alert.placing) and not is_elsewhere(alert, service))
    found_by = by_severity(here, words)
    return [*found_by[Severity.CRITICAL], *found_by[Severity.UNKNOWN]]


def way_back(evidence: Evidence, _limits: Limits) -> GateAnswer:
    """Is the other track there and warm, so that a rollback takes seconds?"""
    service = evidence.service.value
    title = "Way back"
    other = evidence.candidate.other
    status = service.tracks.get(other) if service else None
    if service is None or status is None:
        return _no_track("way_back", title, evidence)
    if evidence.mode is Mode.AFTER and status.not_served:
        return _answer("way_back", title, Result.FAIL, status.not_served, behind=evidence.service)
    # A rollback brings the other track to the strength that users have now: after a switch that is the candidate's.
    serving = service.tracks.get(evidence.candidate, status) if evidence.mode is Mode.AFTER else status
    needed = max(1, serving.desired)
    warm = status.ready >= needed
    reason = (
        f"{other} {status.version} is kept running with {status.ready} ready pods"
        if warm
        else f"only {status.ready} of {needed} pods on {other} are ready for a rollback"
    )
    result = Result.PASS if warm else Result.FAIL
    return _answer(
        "way_back", title, result, reason, behind=evidence.service, unit=Unit.COUNT, value=status.ready, limit=needed
    )


def quiet(evidence: Evidence, _limits: Limits) -> GateAnswer:
    """Is no other action under way?"""
    found = evidence.under_way
    title = "No action under way"
    if found.value is None:
        return _answer("quiet", title, Result.UNKNOWN, found.reason, behind=found)
    if found.value:
        return _answer("quiet", title, Result.UNKNOWN, found.value, behind=found)
    return _answer("quiet", title, Result.PASS, "nobody else is switching this service", behind=found)


BEFORE: tuple[Gate, ...] = (inputs, capacity, restarts, alerts, way_back, quiet)
# After a switch the switch itself may still be finishing; that is no reason to doubt the release.
AFTER: tuple[Gate, ...] = (inputs, capacity, restarts, alerts, way_back)


def _inputs(evidence: Evidence) -> Iterable[tuple[str, Reading[Any]]]:
    yield "services and pods", evidence.service
    for seconds, window in ((evidence.slow_seconds, evidence.slow), (evidence.fast_seconds, evidence.fast)):
        for track, counts in window.items():
            where = f"on {track} in the last {duration(seconds)}"
            yield f"agent runs {where}", counts.runs
            yield f"failed runs {where}", counts.failed
            yield f"contract evaluations {where}", counts.evaluations
            yield f"contract violations {where}", counts.violations
            yield f"p95 {where}", counts.p95_seconds
    yield "restarts", evidence.restarts
    yield "alerts", evidence.alerts
    yield "scraped pods", evidence.targets


def _tracks(evidence: Evidence) -> tuple[GovernedService | None, TrackStatus | None]:
    service = evidence.service.value
    return service, service.tracks.get(evidence.candidate) if service else None


def _desired(service: GovernedService, evidence: Evidence) -> int:
    other = service.tracks.get(evidence.candidate.other)
    return other.desired if other else 1


def _no_track(gate: str, title: str, evidence: Evidence) -> GateAnswer:
    reason = evidence.service.reason or "a track has no Deployment"
    return _answer(gate, title, Result.UNKNOWN, reason, behind=evidence.service)


def _answer(
    gate: str,
    title: str,
    result: Result,
    reason: str,
    *,
    behind: Reading[Any],
    unit: Unit | None = None,
    value: float | None = None,
    limit: float | None = None,
    baseline: float | None = None,
    sample: int | None = None,
    needed: int | None = None,
    seconds_left: float | None = None,
) -> GateAnswer:
    """An answer with the time and the question of the reading behind it."""
    return GateAnswer(
        gate=gate,
        title=title,
        result=result,
        reason=reason,
        unit=unit,
        value=value,
        limit=limit,
        baseline=baseline,
        sample=sample,
        needed=needed,
        seconds_left=seconds_left,
        as_of=behind.as_of,
        query=behind.query,
    )
