"""Gates on conditions of a release besides its comparison: freezes, the kill switch, logs, schemas, backups.

As in `gates.py`, each answers from the evidence alone, and what nobody measured or declared is unknown. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from dashboard.decide.gates import Gate
from dashboard.decide.policy import Limits
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.verdict import Evidence, GateAnswer, Result
from dashboard.model.written import count, span


def kill_switch(evidence: Evidence, _limits: Limits) -> GateAnswer:
    """Are the agents allowed to run at all?"""
    found, title = evidence.kill_switch, "Kill switch"
    if found.value is None:
        return _answer("kill_switch", title, Result.UNKNOWN, found.reason, found)
    if found.value:
        reason = f"engaged for {', '.join(found.value)}: agents are stopped, so they cannot be judged"
        return _answer("kill_switch", title, Result.FAIL, reason, found)
    return _answer("kill_switch", title, Result.PASS, "not engaged", found)


def patterns(evidence: Evidence, limits: Limits) -> GateAnswer:
    """Does the candidate log errors of a kind that the other track does not?

    A count of lines, no evidence beyond chance: lines come in bursts, and a rare old error may first show here. So it
    has no part of the error budget, and decides only where an environment requires it. The gate says so.
    """
    return replace(_patterns(evidence, limits), detail=_COUNT_ONLY)


_COUNT_ONLY = (
    "a count of log lines, not a statistical test: the bound on healthy releases that are stopped does not cover it"
)


def _patterns(evidence: Evidence, limits: Limits) -> GateAnswer:
    found = evidence.error_lines
    title = f"New errors in the log of {evidence.candidate}"
    if found.value is None:
        return _answer("patterns", title, Result.UNKNOWN, found.reason, found)
    unseen = [p for p in found.value.patterns if not p.other]
    new = [p for p in unseen if p.candidate >= limits.least_bad_events]
    rare = sum(pattern.candidate for pattern in unseen)
    silent = found.value.without_text
    lines = sum(pattern.candidate for pattern in found.value.patterns) + silent
    none_new = "none of a new kind"
    if unseen:
        kinds = count(len(unseen), "kind")
        none_new = f"{count(rare)} are of {kinds} not seen on {evidence.candidate.other}, too few of each to tell"
    figures: dict[str, Any] = {"unit": Unit.COUNT, "value": len(new), "limit": 0, "sample": lines}
    if not new and silent >= limits.least_bad_events:
        reason = f"{count(silent)} of {count(lines, 'error line')} have no readable text, so their kind is not known"
        return _answer("patterns", title, Result.UNKNOWN, reason, found, **figures)
    if not new and not found.value.is_candidate_whole:
        reason = f"only the newest {count(lines, 'error line')} were read: {none_new}"
        return _answer("patterns", title, Result.UNKNOWN, reason, found, **figures)
    # A long tail of rare kinds is usual, but not that most lines are of such.
    if not new and rare >= limits.least_bad_events and 2 * rare > lines:
        return _answer("patterns", title, Result.UNKNOWN, f"{count(lines, 'error line')}: {none_new}", found, **figures)
    if not new:
        reason = f"{count(lines, 'error line')}: {none_new}" if lines else "no error line"
        return _answer("patterns", title, Result.PASS, reason, found, **figures)
    more = f" and {len(new) - 1} more kinds" if len(new) > 1 else ""
    said = f"{count(new[0].candidate)} times “{new[0].template}”{more}"
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
    if age < -limits.freshest:
        reason = (
            f"its check is dated {verified:%Y-%m-%d %H:%M %Z}, {span(age)} in the future: nobody has checked it yet"
        )
        return _answer("backup", title, Result.UNKNOWN, reason, found)
    age = max(age, timedelta(0))
    figures: dict[str, Any] = {
        "unit": Unit.SECONDS,
        "value": age.total_seconds(),
        "limit": limits.oldest_backup.total_seconds(),
    }
    result = Result.PASS if age <= limits.oldest_backup else Result.FAIL
    reason = f"last verified {span(age)} ago, the limit is {span(limits.oldest_backup)}"
    return _answer("backup", title, result, reason, found, **figures)


BEFORE: tuple[Gate, ...] = (kill_switch, patterns, freeze, schema, backup)
# After a switch nothing is changed.
AFTER: tuple[Gate, ...] = (kill_switch, patterns)


def _answer(gate: str, title: str, result: Result, reason: str, behind: Reading[Any], **figures: Any) -> GateAnswer:
    """An answer with the time and the question of the reading behind it. A doubtful reading proves nothing."""
    if result is Result.PASS and behind.state in (State.MISSING, State.STALE, State.PARTIAL):
        result, reason = Result.UNKNOWN, behind.reason
    return GateAnswer(
        gate=gate, title=title, result=result, reason=reason, as_of=behind.as_of, query=behind.query, **figures
    )
