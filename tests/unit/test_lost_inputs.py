"""The law of every page and gate: an input that existed and is lost never helps.

Each answer to each question of each page is replaced by one that is missing, partial, stale, not understood or empty.
Then no verdict moves towards GO, no gate passes that did not, and no figure becomes 0, nothing or "none" that was
something. What Triage shows is held in the same way in `test_triage_signs.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.model.figures import Measure
from dashboard.model.log import LogPage
from dashboard.model.reading import Reading, State
from dashboard.model.series import Sample
from dashboard.model.verdict import Decision, Result, Verdict
from dashboard.model.view import View
from dashboard.queries.agents import agents
from dashboard.queries.ask import Instant, Logs, Readings, Request
from dashboard.queries.believed import doubted
from dashboard.queries.business import business
from dashboard.queries.contracts import contracts
from dashboard.queries.release import release
from dashboard.queries.resources import resources
from tests.unit.release_stage import HEALTHY, StageAsk
from tests.unit.test_triage import page

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
VIEW = View(env="local", ns="agents", service="agent-runtime")
RANK = [Decision.NO_GO, Decision.WAIT, Decision.GO]
LABELS = {
    "service_name": "agent-runtime", "track": "green", "pod": "agent-runtime-green-1", "node": "n1",
    "gen_ai_agent_name": "a", "gen_ai_request_model": "m", "gen_ai_tool_name": "t", "error_type": "Timeout",
    "contract": "c", "rule": "r", "severity": "high", "enforcement": "block", "clause_type": "must",
    "outcome": "pass", "policy": "p", "stage": "s", "decision": "allow", "container": "app", "resource": "cpu",
}  # fmt: skip
PAGES: Mapping[str, Callable[..., Any]] = {
    "release": release, "agents": agents, "contracts": contracts, "resources": resources, "business": business,
}  # fmt: skip
HOW = ("missing", "partial", "stale", "not understood", "empty")


@dataclass
class Full(StageAsk):
    """Everything is measured; one answer can be spoiled by the round in which it was asked and its key."""

    spoiled: tuple[str, str] = ("", "")
    known: dict[str, Reading[Any]] = field(default_factory=dict)

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        found = {key: self._whole(request) for key, request in requests.items()}
        self.known |= {key: reading for key, reading in found.items() if reading.value}
        key, how = self.spoiled
        return Readings(requests, {name: spoilt(one, how) if name == key else one for name, one in found.items()})

    def _whole(self, request: Request) -> Reading[Any]:
        answer = super()._answer(request)
        if isinstance(request, Logs):
            return replace(
                self._of(answer.source, _counted(request)), source=answer.source, as_of=self.now, query="logs"
            )
        if answer.value == () and isinstance(request, Instant):
            return replace(answer, value=(Sample(labels=LABELS, value=0.5),))
        return answer


def _counted(request: Logs) -> LogPage:
    is_error = request.filters.get("level") == "error"
    return replace(page(), entries=() if is_error else page().entries, total=0 if is_error else 1)


def spoilt(answer: Reading[Any], how: str) -> Reading[Any]:
    """The same where it is lost; an answer of nothing is not one that existed."""
    nothing: Reading[Any] = Reading(
        value=None, source=answer.source, state=State.MISSING, as_of=None, reason="lost", query=answer.query
    )
    match how:
        case "missing":
            return nothing
        case "empty":
            is_list = isinstance(answer.value, tuple)
            return replace(nothing, state=State.EMPTY, as_of=NOW) if is_list else nothing
        case "not understood" if isinstance(answer.value, tuple) and answer.value and _is_counted(answer.value[0]):
            return doubted(answer, {("", ""): "lost"}, {})
        case "stale":
            return replace(answer, state=State.STALE, reason="lost")
        case _:
            return replace(answer, state=State.PARTIAL, reason="lost")


def _is_counted(row: object) -> bool:
    return hasattr(row, "labels") and (hasattr(row, "value") or hasattr(row, "values"))


def asked(name: str, ask: Full) -> Any:
    return PAGES[name](ask, VIEW, NOW)


def figures(answer: Any, at: str = "") -> Iterator[tuple[str, Reading[Any]]]:
    """Every reading of a page, by where it stands."""
    if isinstance(answer, Reading):
        yield at, answer
    elif isinstance(answer, Measure) or (is_dataclass(answer) and not isinstance(answer, type)):
        for each in fields(answer):
            yield from figures(getattr(answer, each.name), f"{at}.{each.name}")
    elif isinstance(answer, Mapping):
        for key, one in answer.items():
            yield from figures(one, f"{at}.{key}")


@cache
def whole_page(name: str) -> Mapping[str, Reading[Any]]:
    return dict(figures(asked(name, Full(NOW))))


def keys(name: str) -> tuple[str, ...]:
    ask = Full(NOW)
    asked(name, ask)
    return tuple(sorted(ask.known))


KEYS = {name: keys(name) for name in PAGES}
WORLDS = {
    "healthy": HEALTHY,
    "no traffic": {**{name: (blue, 0.0) for name, (blue, _) in HEALTHY.items()}, "release_scraped_pods": (2.0, 2.0)},
    "kill switch": {**HEALTHY, "release_kill_switch": (1.0, 1.0)},
    "dear": {**HEALTHY, "release_cost": (72.0, 75.0)},
}


@pytest.mark.parametrize("name", PAGES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_lost_input_makes_a_figure_nothing(name: str, data: st.DataObject) -> None:
    key, how = data.draw(st.sampled_from(KEYS[name])), data.draw(st.sampled_from(HOW))
    whole = whole_page(name)
    for at, reading in figures(asked(name, Full(NOW, spoiled=(key, how)))):
        before = whole.get(at)
        if before is None or not before.value:
            continue
        assert reading.value is None or reading.value, f"{how} {key} made {at} {reading.value!r}"
        if how != "empty" and reading.state is State.EMPTY:
            raise AssertionError(f"{how} {key} made {at} say {reading.reason!r}")
        assert reading.state is not State.UNMEASURED, f"{how} {key} made {at} not measured"


@cache
def untouched(world: str) -> Verdict:
    """The verdict while nothing is lost."""
    found: Verdict = asked("release", Full(NOW, table=WORLDS[world])).before
    return found


@pytest.mark.parametrize("world", WORLDS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_lost_input_helps_a_release(world: str, data: st.DataObject) -> None:
    key, how = data.draw(st.sampled_from(KEYS["release"])), data.draw(st.sampled_from(HOW))
    before = untouched(world)
    after = asked("release", Full(NOW, table=WORLDS[world], spoiled=(key, how))).before
    passed = {gate.gate for gate in before.gates if gate.result is Result.PASS}

    assert after.decision is not Decision.GO or before.decision is Decision.GO
    assert {gate.gate for gate in after.gates if gate.result is Result.PASS} <= passed
    failed = {gate.gate for gate in before.gates if gate.result is Result.FAIL}
    assert not failed & {gate.gate for gate in after.gates if gate.result is Result.PASS}
    assert {gate.gate for gate in after.gates if not gate.is_measured} <= {
        gate.gate for gate in before.gates if not gate.is_measured
    }


# Windows and periods that only complete the picture: a verdict is not made of them.
BESIDE = ("line.", "past.", "scraped", "leases", "replicasets", "now.queue", "now.stopped", "now.cost")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([key for key in KEYS["release"] if not key.startswith(BESIDE)]), st.sampled_from(HOW))
def test_whatever_a_verdict_is_made_of_holds_it_when_it_is_lost(key: str, how: str) -> None:
    verdict = asked("release", Full(NOW, spoiled=(key, how))).before
    if how == "not understood" and verdict.decision is Decision.GO:
        return  # nothing of this answer is a zero that could hide anything
    assert verdict.decision is not Decision.GO, f"{how} {key} and still GO"
