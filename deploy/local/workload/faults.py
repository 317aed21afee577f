"""The faults of the workload. The fault file is checked every second and read when it has changed.

Nearly all faults are in the agent runtime: it is released blue-green, so a bad release shows there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

KNOWN = frozenset(
    {
        "slow-agent",
        "errors",
        "contract-violations",
        "crash-loop",
        "memory-leak",
        "cpu-burn",
        "cost-explosion",
        "stuck-queue",
        "clock-skew",
        "log-flood",
    }
)
# What the policy engine has, whatever the track: it denies each run; its audit cannot be written.
KILL_SWITCH, AUDIT = "kill-switch", "audit-unwritable"
# A release may come with a defect of its own, which its Deployment names in the environment.
DEFECTS = {"errors": "errors", "latency": "slow-agent", "violations": "contract-violations", "cost": "cost-explosion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the agents behave now; the defaults are those of a healthy release."""

    slowdown: float = 1.0
    error_probability: float = 0.003
    breach_probability: float = 0.0
    input_token_factor: float = 1.0
    output_token_factor: float = 1.0
    crashes: bool = False
    is_stuck: bool = False
    leak_bytes_per_second: float = 0.0
    burn_ratio: float = 0.0
    flood_lines_per_second: float = 0.0
    clock_offset_seconds: float = 0.0


def behaviour(names: frozenset[str]) -> Behaviour:
    """What the named faults do to the agents."""
    return Behaviour(
        slowdown=10.0 if "slow-agent" in names else 1.0,
        error_probability=0.3 if "errors" in names else 0.003,
        breach_probability=0.25 if "contract-violations" in names else 0.0,
        input_token_factor=10.0 if "cost-explosion" in names else 1.0,
        output_token_factor=3.0 if "cost-explosion" in names else 1.0,
        crashes="crash-loop" in names,
        is_stuck="stuck-queue" in names,
        leak_bytes_per_second=16.0 * 2**20 if "memory-leak" in names else 0.0,
        burn_ratio=0.5 if "cpu-burn" in names else 0.0,
        flood_lines_per_second=1000.0 if "log-flood" in names else 0.0,
        clock_offset_seconds=-300.0 if "clock-skew" in names else 0.0,
    )


def parse_faults(text: bytes, track: str) -> frozenset[str]:
    """The names of the faults that are on for this track; without one, of those of the policy engine.

    Raises ValueError if the text is not a fault file.
    """
    document = orjson.loads(text)
    try:
        return frozenset(
            fault["name"]
            for fault in document["faults"]
            if (fault["name"] in KNOWN and fault["track"] in (track, "both") if track else _is_of_policies(fault))
        )
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a fault file: {error!r}") from error


def _is_of_policies(fault: Mapping[str, str]) -> bool:
    return fault["name"] == KILL_SWITCH or (fault["name"] == AUDIT and fault["how"] == "governance")


class FaultFile:
    """Follows one fault file. A missing file means no faults; an unreadable one keeps the last known state.

    Args:
        defect: what is wrong with the release itself, whatever the file says; one of DEFECTS, or nothing.

    Raises ValueError for any other defect.
    """

    def __init__(self, path: str, track: str, on_change: Callable[[frozenset[str]], None], defect: str = "") -> None:
        if defect and defect not in DEFECTS:
            raise ValueError(f"TEALDECK_DEFECT {defect!r} is not one of {', '.join(DEFECTS)}")
        self._own = frozenset({DEFECTS[defect]} if defect else ())
        self.behaviour = behaviour(self._own)
        self._path = Path(path) if path else None
        self._track = track
        self._on_change = on_change
        self._seen: tuple[int, int, int] | None = None
        self._names: frozenset[str] = frozenset()

    async def follow(self, interval_seconds: float = 1.0) -> None:
        """Looks at the file until cancelled."""
        while self._path:
            self.look()
            await asyncio.sleep(interval_seconds)

    def look(self) -> None:
        """Reads the file if it has changed."""
        if self._path is None:
            return
        try:
            stat = os.stat(self._path)
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            names = parse_faults(self._path.read_bytes(), self._track) if seen != self._seen else self._names
        except FileNotFoundError:
            seen, names = None, frozenset()
        except ValueError:
            return  # half-written: the next check finds it whole
        self._seen = seen
        if names != self._names:
            self._names, self.behaviour = names, behaviour(names | self._own)
            self._on_change(names)
