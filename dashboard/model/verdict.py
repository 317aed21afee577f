"""Whether a release may take the users: the evidence, the answer of each gate, and the decision over all of them.

Evidence holds everything that a verdict is computed from, `now` included: the same evidence gives the same verdict on
the page, in an action's guard and in a replay. `decide/` does the judging.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dashboard.model.alert import Alert
from dashboard.model.conditions import Declared, ErrorLines
from dashboard.model.reading import Reading, Unit
from dashboard.model.release import GovernedService, Track
from dashboard.model.trial import Trial

# Stands among the names of people who may accept an unknown gate: anybody may.
ANYBODY = "*"


class Result(StrEnum):
    """A gate's answer."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    PASS = "pass"  # noqa: S105 - an answer, not a password


class Decision(StrEnum):
    """The answer to: may the release take the users, or after a switch, may it keep them?"""

    GO = "GO"
    WAIT = "WAIT"
    NO_GO = "NO-GO"


class Mode(StrEnum):
    """Before a switch the preview is judged against the active track; after it the new active track is judged."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts of total and bad events of one track in one window, and its 95th percentile."""

    runs: Reading[float]
    failed: Reading[float]
    evaluations: Reading[float]
    violations: Reading[float]
    p95_seconds: Reading[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict is computed from.

    `candidate` is the track that is judged: the preview before a switch, the active track after it. `fast` and `slow`
    hold the counts of both tracks in a short window, which shows harm within seconds, and in a long one, which carries
    the pass. `restarts` counts containers of the candidate that ended lately, `targets` its pods that are scraped,
    `unscraped` names its ready pods that no job scrapes, `split` those that answer at several
    ports of which only the largest count is used, and `doubled` those whose ports are added up although they may be one
    process.
    `under_way` says in words which action has not finished; it is "" when there is none. `trial` holds the counts per
    interval that both tracks are compared by. `burn` has the candidate's share of bad events by objective and by window
    in seconds; such windows are of a track, so one that reaches back beyond `began`, when what runs on the candidate
    was rolled out, holds the release before as well. `kill_switch` has the scopes for which it is engaged, `cost_usd`
    what each track cost in the long window. `runs_by_agent` has the runs of each agent there, by track; it is empty
    where runs do not name their agents.
    """

    mode: Mode
    at: datetime
    candidate: Track
    service: Reading[GovernedService]
    fast_seconds: int
    slow_seconds: int
    fast: Mapping[Track, Counts]
    slow: Mapping[Track, Counts]
    restarts: Reading[int]
    targets: Reading[float]
    alerts: Reading[tuple[Alert, ...]]
    under_way: Reading[str]
    trial: Reading[Trial]
    burn: Reading[Mapping[str, Mapping[str, float]]]
    kill_switch: Reading[tuple[str, ...]]
    cost_usd: Mapping[Track, Reading[float]]
    error_lines: Reading[ErrorLines]
    declared: Reading[Declared]
    unscraped: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    began: datetime | None = None
    runs_by_agent: Mapping[Track, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """The answer of one gate.

    `value` is compared with `limit`; `baseline` is the same measure of the other track, where there is one. `sample`
    is the number of events behind the value, out of `needed`; `seconds_left` is how long the rest takes at the present
    traffic.
    `query` is the question as the source got it. Of a comparison, `harm` and `proof` say how far the evidence against
    and for the candidate has come, 0..1; 1 is enough to answer. `detail` says how it was computed. `acceptors`
    may accept the gate as unknown. `is_measured` is False where nothing here has ever measured what the gate needs.
    """

    gate: str
    title: str
    result: Result
    reason: str
    unit: Unit | None = None
    value: float | None = None
    limit: float | None = None
    baseline: float | None = None
    sample: int | None = None
    needed: int | None = None
    seconds_left: float | None = None
    as_of: datetime | None = None
    query: str = ""
    required: bool = True
    harm: float | None = None
    proof: float | None = None
    detail: str = ""
    acceptors: tuple[str, ...] = ()
    is_measured: bool = True

    @property
    def progress(self) -> float:
        """How far the gate is from an answer, 0..1; 1 when it has answered."""
        if self.result is not Result.UNKNOWN:
            return 1.0
        if self.proof is not None:
            return self.proof
        if self.sample is None or not self.needed:
            return 0.0
        return min(1.0, self.sample / self.needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision over all gates, with its sentence. `gates` are sorted, the most urgent first."""

    decision: Decision
    sentence: str
    mode: Mode
    at: datetime
    candidate: Track
    version: str
    gates: tuple[GateAnswer, ...]
    template: str = ""

    @property
    def open(self) -> tuple[GateAnswer, ...]:
        """The required gates that have not answered."""
        return tuple(gate for gate in self.gates if gate.required and gate.result is Result.UNKNOWN)

    @property
    def uncovered(self) -> tuple[GateAnswer, ...]:
        """What the verdict does not cover, since nothing here has ever measured it."""
        return tuple(gate for gate in self.gates if not gate.is_measured and not gate.required)

    @property
    def weakest(self) -> GateAnswer | None:
        """The required gate that is farthest from an answer; None when all have answered."""
        return min(self.open, key=lambda gate: gate.progress, default=None)

    def acceptable_to(self, name: str) -> tuple[GateAnswer, ...]:
        """The open gates, if `name` may accept all of them; else none. A failed gate is never accepted."""
        may = all(name in gate.acceptors or ANYBODY in gate.acceptors for gate in self.open)
        return self.open if self.decision is Decision.WAIT and may else ()
