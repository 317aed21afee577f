"""What a release depends on beside its comparison: budgets, freezes, the kill switch, costs, logs, data.

As the gates of `gates.py`: each answers from the evidence alone, and what nobody measured or declared is unknown. Pure.
"""

from __future__ import annotations

from typing import Any

from dashboard.decide import slo as objectives
from dashboard.decide.gates import Gate
from dashboard.decide.policy import Limits
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.verdict import Evidence, GateAnswer, Result


def slo(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Does the candidate burn an error budget so fast that somebody is called for it?"""
    found = evidence.burn
    title = f"Error budgets of {evidence.candidate}"
    if found.value is None:
        return _answer("slo", title, Result.UNKNOWN, found.reason, found)
    allowed = 1.0 - limits.objective_ratio
    known = False
    for name, shares in sorted(found.value.items()):
        for window in (window for window in objectives.WINDOWS if window.pages):
            long, short = (
                _rate(shares.get(str(round(span.total_seconds()))), limits) for span in (window.long, window.short)
            )
            is_burning = objectives.burning(long, short, window)
            known = known or is_burning is not None
            if is_burning and long is not None:
                hours = window.long.total_seconds() / 3600
                reason = f"{name} burns its budget {long:.0f} times too fast over {hours:.0f} h and just now"
                figures = {"unit": Unit.RATIO, "value": long * allowed, "limit": window.rate * allowed}
                return _answer("slo", title, Result.FAIL, reason, found, **figures)
    if not known:
        return _answer("slo", title, Result.UNKNOWN, f"no budget of {evidence.candidate} is recorded yet", found)
    return _answer("slo", title, Result.PASS, "no budget burns too fast", found)


def kill_switch(evidence: Evidence, _limits: Limits) -> GateAnswer:
    """Are the agents allowed to run at all?"""
    found, title = evidence.kill_switch, "Kill switch"
    if found.value is None:
        return _answer("kill_switch", title, Result.UNKNOWN, found.reason, found)
    if found.value:
        reason = f"engaged for {', '.join(found.value)}: agents are stopped, so nothing of them can be judged"
        return _answer("kill_switch", title, Result.FAIL, reason, found)
    return _answer("kill_switch", title, Result.PASS, "not engaged", found)


def cost(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Does a run cost more than it may, by what one costs on the other track?"""
    track, other = evidence.candidate, evidence.candidate.other
    spent, theirs = evidence.cost_usd[track], evidence.cost_usd[other]
    runs, their_runs = evidence.slow[track].runs, evidence.slow[other].runs
    title = f"Cost per run against {other}"
    for reading in (spent, theirs, runs, their_runs):
        if reading.value is None:
            return _answer("cost", title, Result.UNKNOWN, reading.reason, spent)
    each = _each(spent, runs)
    usual = _each(theirs, their_runs)
    least = min(runs.value or 0.0, their_runs.value or 0.0)
    figures: dict[str, Any] = {
        "unit": Unit.USD,
        "value": each,
        "baseline": usual,
        "limit": None if usual is None else usual * limits.cost_ratio,
        "sample": round(least),
        "needed": limits.least_sample,
        "seconds_left": _seconds_left(evidence, limits.least_sample - least),
    }
    if each is None or not usual or least < limits.least_sample:
        reason = f"{least:.0f} of the {limits.least_sample} runs needed on each track"
        if usual == 0:
            reason = f"runs on {other} cost nothing, so there is nothing to compare with"
        return _answer("cost", title, Result.UNKNOWN, reason, spent, **figures)
    times = f"a run costs {each / usual:.2f} times as much as on {other}"
    if each <= limits.cost_ratio * usual:
        return _answer("cost", title, Result.PASS, times, spent, **figures)
    if least < limits.least_cost_sample:
        reason = f"{times}, of {least:.0f} runs: too few to tell harm from chance"
        return _answer("cost", title, Result.UNKNOWN, reason, spent, **figures)
    return _answer("cost", title, Result.FAIL, f"{times}, of {least:.0f} runs and more", spent, **figures)


def patterns(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Does the candidate log errors of a kind that the other track does not?"""
    found = evidence.error_lines
    title = f"New errors in the log of {evidence.candidate}"
    if found.value is None:
        return _answer("patterns", title, Result.UNKNOWN, found.reason, found)
    new = [p for p in found.value.patterns if not p.other and p.candidate >= limits.least_bad_events]
    silent = found.value.without_text
    lines = sum(pattern.candidate for pattern in found.value.patterns) + silent
    figures: dict[str, Any] = {"unit": Unit.COUNT, "value": len(new), "limit": 0, "sample": lines}
    if not new and silent >= limits.least_bad_events:
        reason = f"{silent} of {lines} error lines have no text that can be read: their kind is not known"
        return _answer("patterns", title, Result.UNKNOWN, reason, found, **figures)
    if not new and not found.value.is_candidate_whole:
        reason = f"only the newest {lines} error lines were read, none of a new kind among them"
        return _answer("patterns", title, Result.UNKNOWN, reason, found, **figures)
    if not new:
        reason = f"{lines} error lines, none of a new kind" if lines else "no error line"
        return _answer("patterns", title, Result.PASS, reason, found, **figures)
    more = f" and {len(new) - 1} more kinds" if len(new) > 1 else ""
    said = f"{new[0].candidate} times “{new[0].template}”{more}"
    if not found.value.is_whole:
        reason = f"{said}; only the newest lines of {evidence.candidate.other} were read, so it may not be new"
        return _answer("patterns", title, Result.UNKNOWN, reason, found, **figures)
    reason = f"{said}, never on {evidence.candidate.other}"
    return _answer("patterns", title, Result.FAIL, reason, found, **figures)


def freeze(evidence: Evidence, limits: Limits) -> GateAnswer:
    """May anybody switch at this time?"""
    found, title = evidence.declared, "Change freeze"
    window = next((freeze for freeze in limits.freezes if freeze.begins <= evidence.at < freeze.ends), None)
    if window is not None:
        reason = f"frozen until {window.ends:%Y-%m-%d %H:%M} UTC"
        return _answer("freeze", title, Result.FAIL, f"{reason}: {window.reason}" if window.reason else reason, found)
    if found.value is None:
        return _answer("freeze", title, Result.UNKNOWN, found.reason, found)
    if found.value.freeze:
        return _answer("freeze", title, Result.FAIL, f"frozen on the Service: {found.value.freeze}", found)
    return _answer("freeze", title, Result.PASS, "no freeze is declared", found)


def schema(evidence: Evidence, _limits: Limits) -> GateAnswer:
    """Can each track read what the other one writes, so that neither a switch nor a rollback loses data?"""
    found, title = evidence.declared, "Data readable both ways"
    if found.value is None:
        return _answer("schema", title, Result.UNKNOWN, found.reason, found)
    ours, theirs = (found.value.schemas.get(track) for track in (evidence.candidate, evidence.candidate.other))
    if ours is None or theirs is None:
        silent = evidence.candidate if ours is None else evidence.candidate.other
        reason = f"the Deployment of {silent} does not declare which data it reads and writes"
        return _answer("schema", title, Result.UNKNOWN, reason, found)
    if not ours.reads(theirs.writes):
        reason = f"{evidence.candidate} reads {ours.reads_from} to {ours.reads_to}, not the {theirs.writes} in use"
        return _answer("schema", title, Result.FAIL, reason, found)
    if not theirs.reads(ours.writes):
        reason = f"after a rollback {evidence.candidate.other} could not read the {ours.writes} that was written"
        return _answer("schema", title, Result.FAIL, reason, found)
    reason = f"both read {ours.writes}" if ours.writes == theirs.writes else "each reads what the other one writes"
    return _answer("schema", title, Result.PASS, reason, found)


def backup(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Is there a backup that was restored and checked lately?"""
    found, title = evidence.declared, "Verified backup"
    if found.value is None:
        return _answer("backup", title, Result.UNKNOWN, found.reason, found)
    verified = found.value.backup_verified_at
    if verified is None:
        return _answer("backup", title, Result.UNKNOWN, "no verified backup is recorded on the Service", found)
    age = evidence.at - verified
    figures: dict[str, Any] = {
        "unit": Unit.SECONDS,
        "value": age.total_seconds(),
        "limit": limits.oldest_backup.total_seconds(),
    }
    result = Result.PASS if age <= limits.oldest_backup else Result.FAIL
    hours = f"{age.total_seconds() / 3600:.0f} h ago, {limits.oldest_backup.total_seconds() / 3600:.0f} h are allowed"
    return _answer("backup", title, result, f"last verified {hours}", found, **figures)


BEFORE: tuple[Gate, ...] = (slo, kill_switch, cost, patterns, freeze, schema, backup)
# After a switch nothing is changed, and the other track does nothing that a cost could be compared with.
AFTER: tuple[Gate, ...] = (slo, kill_switch, patterns)


def _rate(share: float | None, limits: Limits) -> float | None:
    return None if share is None else objectives.burn_rate(min(share, 1.0), 1.0, limits.objective_ratio)


def _seconds_left(evidence: Evidence, missing_runs: float) -> float | None:
    """How long the runs that are missing take on the slower track; None when one does nothing."""
    lately = min(counts.runs.value or 0.0 for counts in evidence.fast.values())
    if missing_runs <= 0:
        return 0.0
    return missing_runs / lately * evidence.fast_seconds if lately else None


def _each(spent: Reading[float], runs: Reading[float]) -> float | None:
    return spent.value / runs.value if spent.value is not None and runs.value else None


def _answer(gate: str, title: str, result: Result, reason: str, behind: Reading[Any], **figures: Any) -> GateAnswer:
    """An answer with the time and the question of the reading behind it. A doubtful reading proves nothing."""
    if result is Result.PASS and behind.state in (State.MISSING, State.STALE, State.PARTIAL):
        result, reason = Result.UNKNOWN, behind.reason
    return GateAnswer(
        gate=gate, title=title, result=result, reason=reason, as_of=behind.as_of, query=behind.query, **figures
    )
