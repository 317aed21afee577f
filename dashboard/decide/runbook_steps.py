"""Which steps of a runbook fit an incident: a step says in a comment when it applies. Pure.

`1. <!-- when: active -->Roll back.` fits while users are on the sick track and the other one is well.
A step with several words fits any of them, one without a comment names no situation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboard.decide.answering import WaitingGroup
from dashboard.decide.families import family
from dashboard.model.incident import CauseFamily, Incident, IncidentEvidence, Situation, Standing
from dashboard.model.reading import State
from dashboard.model.release import Track
from dashboard.model.workload import Workload

_WHEN: Final = re.compile(r"<!--\s*when:\s*(?P<words>[a-z ]+?)\s*-->[ \t]*")
_OF_PODS: Final = (CauseFamily.PODS, CauseFamily.UNSERVED)
_STEP: Final = re.compile(r"(?P<number>\d{1,2})\.[ \t]+(?P<text>.*)")
_KILLED_FOR_MEMORY: Final = re.compile(r"\bOOM[ -]?Kill|out of memory|killed for (?:its )?memory", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookStep:
    """One numbered step. `when` are the words of its comment, as they are written; empty without a comment."""

    number: int
    text: str
    when: tuple[str, ...]


def steps(runbook: str) -> tuple[RunbookStep, ...]:
    """The numbered steps of a runbook (Markdown), in their order."""
    found = []
    for line in runbook.splitlines():
        if (step := _STEP.match(line)) is None:
            continue
        words = tuple(word for when in _WHEN.finditer(step["text"]) for word in when["words"].split())
        found.append(RunbookStep(number=int(step["number"]), text=bare(step["text"]), when=words))
    return tuple(found)


def fitting(runbook: str, known: Collection[Situation]) -> tuple[RunbookStep, ...]:
    """The steps that name one of the situations."""
    return tuple(step for step in steps(runbook) if set(step.when) & set(known))


def bare(runbook: str) -> str:
    """The Markdown without the comments that say when a step applies."""
    return _WHEN.sub("", runbook)


def of_tracks(sick: str, active: str, is_sick: Mapping[str, bool]) -> frozenset[Situation]:
    """Where the sick track stands: nothing is said while the other track, or who gets users, is not known.

    Args:
        sick: the incident's track; "" where it is bound to none.
        active: the track that users get; "" where it is not known.
        is_sick: of each other track whether it is sick; a track that nobody can judge is left out.
    """
    others = [state for track, state in is_sick.items() if track and track != sick]
    if not sick or not active or not others:
        return frozenset()
    if any(others):
        return frozenset({Situation.BOTH})
    return frozenset({Situation.ACTIVE if sick == active else Situation.PREVIEW})


def of_words(*said: str) -> frozenset[Situation]:
    """What the incident's own words tell."""
    return frozenset({Situation.MEMORY}) if any(map(_KILLED_FOR_MEMORY.search, said)) else frozenset()


def of_incident(
    incident: Incident,
    evidence: IncidentEvidence,
    active: str,
    incidents: Iterable[Incident],
    tracks: Iterable[Workload],
) -> frozenset[Situation]:
    """What is known of an incident, as far as it decides between the steps of its runbook.

    Args:
        active: the track that users get; "" where it is not known.
        incidents: all that are open.
        tracks: the workloads of the incident's service.
    """
    is_sick = _measured(evidence) or (_by_pods(incident, tracks) if incident.family in _OF_PODS else {})
    is_sick |= {
        other.track: True
        for other in incidents
        if other.standing is not Standing.SUPPRESSED
        and (other.family, other.service) == (incident.family, incident.service)
    }
    ended = evidence.ends[-1][0] if evidence.ends else ""
    return of_tracks(incident.track, active, is_sick) | of_words(incident.headline, *incident.reasons, ended)


def of_group(group: WaitingGroup, waiting: Iterable[WaitingGroup], active: Mapping[str, str]) -> frozenset[Situation]:
    """What the firing alerts alone tell: the other track counts as well while no alert of this kind fires for it.

    Args:
        waiting: all groups that need a person.
        active: the track that users get, by service.
    """
    kind, sick = family(group.alerts[0]), group.track
    same = {other.track for other in waiting if other.service == group.service and family(other.alerts[0]) is kind}
    is_sick = {track.value: track.value in same for track in Track}
    said = (word for alert in group.alerts for word in (*alert.labels.values(), *alert.annotations.values()))
    return of_tracks(sick, active.get(group.service, ""), is_sick) | of_words(*said)


def _measured(evidence: IncidentEvidence) -> dict[str, bool]:
    """Of each track that was measured just now, whether it is over the limit."""
    if evidence.limit is None:
        return {}
    return {
        track: measured.value.value > evidence.limit
        for track, measured in evidence.pair
        if measured.value.state is State.FRESH and measured.value.value is not None
    }


def _by_pods(incident: Incident, tracks: Iterable[Workload]) -> dict[str, bool]:
    return {one.track: not 0 < one.desired <= one.ready for one in tracks if one.track != incident.track}
