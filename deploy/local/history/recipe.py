"""What happened before the environment began: rhythm of the traffic, releases, and two incidents.

Pure: a seed, a day and a time in, what was the case out. Everything that is written of the past, as metrics, logs or
spans, asks here, so that they cannot disagree. Times are seconds since the epoch; `anchor` is the midnight (UTC) before
the past ends, so that all environments of one day have the same past up to then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.local.workload.agents import AGENTS

Array = npt.NDArray[np.float64]

VERSION: Final = 2
MINUTE, HOUR, DAY = 60, 3600, 86400
MOST_DAYS: Final = 14
TRACKS: Final = ("blue", "green")
ERROR_TYPES: Final = ("model_timeout", "rate_limited", "content_filtered", "tool_failed")
BASE_ERROR_RATIO: Final = 0.003
_PEAK_RUNS = 14.0
_PREVIEW_RUNS = 4.0
_WEEKEND = 0.45
_DAYS_OF_NOISE = MOST_DAYS + 3


@dataclass(frozen=True, slots=True)
class Deployment:
    """From then on a track ran this version."""

    at: int
    track: str
    version: str


@dataclass(frozen=True, slots=True)
class Switch:
    """From then on users were on this track."""

    at: int
    track: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A time in which runs of some agents on one track were worse. `error_type` is what they failed of."""

    name: str
    start: int
    end: int
    track: str
    agents: frozenset[str]
    error_ratio: float = BASE_ERROR_RATIO
    error_type: str = ""
    breach_ratio: float = 0.0
    slowdown: float = 1.0

    def covers(self, track: str, agent: str) -> bool:
        return track == self.track and agent in self.agents


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How the runs of one agent on one track were, at each of some times."""

    error_ratio: Array
    breach_ratio: Array
    slowdown: Array


@dataclass(frozen=True)
class Past:
    """One past. `seed` moves the noise, nothing else: releases and incidents are where a visitor can find them."""

    seed: int
    anchor: int

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """Oldest first. The last of each track is the version that the manifests begin with."""
        return (
            Deployment(self._at(-20, 10), "blue", "1.7.0"),
            Deployment(self._at(-15, 10), "green", "1.7.1"),
            Deployment(self._at(-11, 9), "blue", "1.7.2"),
            Deployment(self._at(-8, 10), "green", "1.7.3"),
            Deployment(self._at(-4, 11), "blue", "1.7.4"),
            Deployment(self._at(-1, 15), "green", "1.7.9"),
            Deployment(self._at(-1, 22, 30), "green", "1.8.0"),
        )

    @property
    def switches(self) -> tuple[Switch, ...]:
        """Oldest first. The one before the last brought the second incident, the last was the rollback."""
        return (
            Switch(self._at(-20, 11), "blue"),
            Switch(self._at(-12, 9, 30), "green"),
            Switch(self._at(-9, 14), "blue"),
            Switch(self._at(-5, 10, 15), "green"),
            Switch(self._at(-2, 9, 45), "blue"),
            Switch(self._at(-1, 20, 5), "green"),
            Switch(self._at(-1, 20, 52), "blue"),
        )

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """A tool that failed one agent, three days ago; a release that broke contracts and was slow, last evening."""
        return (
            Incident(
                name="errors",
                start=self._at(-3, 13, 20),
                end=self._at(-3, 14, 5),
                track="green",
                agents=frozenset({"invoice-checker"}),
                error_ratio=0.5,
                error_type="tool_failed",
            ),
            Incident(
                name="violations",
                start=self._at(-1, 20, 8),
                end=self._at(-1, 20, 52),
                track="green",
                agents=frozenset(AGENTS),
                breach_ratio=0.15,
                slowdown=10.0,
            ),
        )

    def is_active(self, track: str, times: Array) -> npt.NDArray[np.bool_]:
        """Whether users were on this track."""
        began = np.array([switch.at for switch in self.switches])
        was = np.array([switch.track == track for switch in self.switches])
        found: npt.NDArray[np.bool_] = was[np.searchsorted(began, times, side="right") - 1]
        return found

    def version(self, track: str, at: float) -> str:
        """What a track ran."""
        return [one.version for one in self.deployments if one.track == track and one.at <= at][-1]

    def runs(self, track: str, agent: str, times: Array) -> Array:
        """Agent runs a second: users' on the active track, a steady trickle of synthetic ones on the other."""
        busy = _PEAK_RUNS * rhythm(times) * (1 + 0.12 * self._slowly("users", times))
        whole = np.where(self.is_active(track, times), busy, _PREVIEW_RUNS)
        jitter = self._noise((track, agent))[((times - self._first) // MINUTE).astype(int)]
        return np.asarray(whole * share(agent) * (1 + 0.05 * jitter))

    def conditions(self, track: str, agent: str, times: Array) -> Conditions:
        """How those runs were."""
        conditions = Conditions(
            error_ratio=BASE_ERROR_RATIO * np.exp(0.4 * self._slowly((track, agent, "errors"), times)),
            breach_ratio=np.zeros(times.shape),
            # Busy times are a little slower. Rounded, so that what depends on it need not be computed for each minute.
            slowdown=np.round(1 + 0.15 * rhythm(times) + 0.02 * self._slowly((track, agent, "pace"), times), 2),
        )
        for incident in self.incidents:
            if incident.covers(track, agent):
                within = (times >= incident.start) & (times < incident.end)
                conditions.error_ratio[within] = incident.error_ratio
                conditions.breach_ratio[within] = incident.breach_ratio
                conditions.slowdown[within] = incident.slowdown
        return conditions

    def failures(self, track: str, agent: str, times: Array) -> dict[str, Array]:
        """The share of runs that failed, by what they failed of."""
        ratio = self.conditions(track, agent, times).error_ratio
        usual = np.minimum(ratio, 5 * BASE_ERROR_RATIO) / len(ERROR_TYPES)
        special = ratio - usual * len(ERROR_TYPES)
        return {kind: usual + (special if kind == self._kind(track, agent) else 0) for kind in ERROR_TYPES}

    def _kind(self, track: str, agent: str) -> str:
        return next((one.error_type for one in self.incidents if one.covers(track, agent) and one.error_type), "")

    def _at(self, days: int, hour: int, minute: int = 0) -> int:
        return self.anchor + days * DAY + hour * HOUR + minute * MINUTE

    @cached_property
    def _first(self) -> int:
        return self.anchor - (MOST_DAYS + 1) * DAY

    def _slowly(self, what: object, times: Array) -> Array:
        """Noise that changes from hour to hour."""
        noise = self._noise(what)[: _DAYS_OF_NOISE * 24]
        return np.interp((times - self._first) / HOUR, np.arange(noise.size), noise)

    def _noise(self, what: object) -> Array:
        return _noise(f"{self.seed}/{self.anchor}/{what}")


@cache
def _noise(subject: str) -> Array:
    """Gauss, one for each minute; the same for the same subject."""
    return np.random.default_rng(list(subject.encode())).standard_normal(_DAYS_OF_NOISE * DAY // MINUTE).clip(-3, 3)


def rhythm(times: Array) -> Array:
    """How busy users are, 0..1: most at two in the afternoon, least at night, less than half at the weekend."""
    hours = times % DAY / HOUR
    by_day = 0.22 + 0.78 * (0.5 - 0.5 * np.cos(2 * np.pi * (hours - 2) / 24)) ** 1.5
    weekday = (times // DAY + 3) % 7  # the epoch began on a Thursday; 0 is Monday
    return np.asarray(by_day * np.where(weekday >= 5, _WEEKEND, 1.0))


def share(agent: str) -> float:
    """An agent's part of the runs: the first one has twice as many as each of the others, as in the load generator."""
    names = list(AGENTS)
    return (2 if agent == names[0] else 1) / (len(names) + 1)
