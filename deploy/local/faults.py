"""Faults by name: the file that says which are on, and what each does. The reference workload reads it each second."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from deploy.local.errors import CommandError
from deploy.local.layout import read_json, write_whole

FAULTS = {
    "slow-agent": "every step of an agent run takes several times as long; AgentLatencyHigh fires",
    "errors": "nearly a third of the agent runs fails; AgentErrorRatioHigh fires",
    "contract-violations": "agents break their contracts; ContractViolationRatioHigh fires",
    "crash-loop": "the agent runtime crashes soon after each start; PodCrashLooping fires",
}
TRACKS = ("blue", "green", "both")


class Fault(TypedDict):
    """One fault that is on."""

    name: str
    track: str
    since: str


def active(file: Path) -> list[Fault]:
    """The faults that are on."""
    return (read_json(file) or {"faults": []})["faults"]


def inject(file: Path, name: str, track: str, now: datetime | None = None) -> None:
    """Switches a fault on for one track or both; one that is on already keeps its time."""
    _check(name)
    present = active(file)
    if not any((fault["name"], fault["track"]) == (name, track) for fault in present):
        since = (now or datetime.now(UTC)).isoformat(timespec="seconds")
        write_whole(file, {"faults": [*present, Fault(name=name, track=track, since=since)]})


def heal(file: Path, name: str | None = None) -> list[Fault]:
    """Switches a fault off on every track, or all of them; returns those that were on."""
    if name is not None:
        _check(name)
    present = active(file)
    healed = [fault for fault in present if name in (None, fault["name"])]
    write_whole(file, {"faults": [fault for fault in present if fault not in healed]})
    return healed


def _check(name: str) -> None:
    if name not in FAULTS:
        raise CommandError(f"There is no fault called {name}. The faults: {', '.join(FAULTS)}.")
