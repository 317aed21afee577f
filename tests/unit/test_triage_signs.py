"""What no share of failed runs shows has its card, and no input that is lost turns a card away or makes an all-clear.

Worlds are tables of values by expression; the law at the end spoils each answer of each world in each way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboard.decide.policy import Limits
from dashboard.decide.side_signs import Lines, burning, flooding, misdated
from dashboard.decide.signs import denying, losing, not_understood
from dashboard.decide.suspects import of_ends
from dashboard.model.health import SourceHealth
from dashboard.model.incident import CauseFamily
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Reading, Source, State, fresh
from dashboard.model.series import Sample
from dashboard.model.words import DECISIONS, Severity
from dashboard.model.workload import Health, Pod
from dashboard.queries.ask import Alerts, Instant, Logs, Objects, Request
from dashboard.queries.readings import Readings
from dashboard.queries.triage import Triage
from tests.unit.test_incidents import WELL, alert, pod
from tests.unit.test_triage import NOW, FakeAsk, ask_triage, page, service

QUIET = {
    "release_kill_switch": 0.0,
    "policy_denied": 0.1,
    "policy_decided": 40.0,
    "policy_decisions_by_word": 40.0,
    "queue_waiting": 0.0,
    "queue_oldest": 0.2,
    "component_broken_ratio": 0.0,
    "component_answers": 30.0,
    "audit_lag": 0.01,
    "audit_written": 0.4,
    "audit_valid": 1.0,
    "track_cost_per_run": 0.01,
    "track_cost_before": 0.01,
    "certificate_seconds_left": 9e7,
    "probe_seconds": 0.02,
    "cpu_used_by_pod": 0.1,
    "cpu_requested_by_pod": 0.2,
}
STUCK = {"track_runs": 0.0, "queue_waiting": 256.0, "queue_oldest": 42.0}


class World(FakeAsk):
    """A system in which everything is measured, with what is changed; one answer can be spoiled by its name."""

    def __init__(
        self,
        *,
        green: Mapping[str, float] | None = None,
        blue: Mapping[str, float] | None = None,
        flood: bool = False,
        slow: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        more.setdefault("objects", {"services": (service(),)})
        super().__init__(green={**QUIET, **(green or {})}, blue={**QUIET, **(blue or {})}, **more)
        self.flood, self.slow = flood, slow or {}
        self.spoiled: Mapping[str, State] = {}

    def health(self) -> tuple[SourceHealth, ...]:
        return tuple(replace(one, **self.slow.get(one.source, {})) for one in super().health())

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        self.asked.append(requests)
        return Readings(requests, {key: self._spoilt(key, self._one(one)) for key, one in requests.items()})

    def _one(self, request: Request) -> Reading[Any]:
        if isinstance(request, Logs) and request.histogram_buckets:
            return fresh(self._lines(request), source=Source.ELASTICSEARCH, as_of=NOW)
        return super()._one(request)

    def _lines(self, request: Logs) -> LogPage:
        track = str(request.filters["track"])
        entry: LogEntry = replace(page().entries[0], track=track)
        many = 15_000 if self.flood and track == "green" else 300
        bars = tuple(
            (request.start + timedelta(seconds=15 * i), many if i >= 56 else 300)
            for i in range(request.histogram_buckets)
        )
        return LogPage(entries=(entry,), total=9999, total_is_lower_bound=True, histogram=bars, terms={})

    def _spoilt(self, key: str, reading: Reading[Any]) -> Reading[Any]:
        state = self.spoiled.get(key)
        if state is None:
            return reading
        value = reading.value if state in (State.STALE, State.PARTIAL) else None
        if state in (State.STALE, State.PARTIAL) and value is None:
            value = ()
        return Reading(value=value, source=reading.source, state=state, as_of=NOW, reason="spoiled")


def no_endpoints() -> World:
    nothing = {"metadata": {"name": "a", "labels": {"kubernetes.io/service-name": "agent-runtime"}}, "endpoints": []}
    return World(objects={"services": (service(),), "endpointslices": (nothing,)})


def unschedulable() -> World:
    pod = {
        "metadata": {
            "name": "agent-runtime-green-7d9f-x2x1",
            "labels": {"app.kubernetes.io/name": "agent-runtime", "tealdeck.io/track": "green"},
            "creationTimestamp": (NOW - timedelta(minutes=2)).isoformat(),
        },
        "status": {
            "phase": "Pending",
            "conditions": [
                {
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "message": "0/2 nodes are available: 2 Insufficient cpu.",
                    "lastTransitionTime": (NOW - timedelta(minutes=2)).isoformat(),
                }
            ],
        },
    }  # fmt: skip
    return World(objects={"services": (service(),), "pods": (pod,)})


# By name: how it is made, the family of the card on top, and words of it.
WORLDS: dict[str, tuple[Callable[[], World], CauseFamily, str]] = {
    "kill switch": (
        lambda: World(green={"release_kill_switch": 1.0, "policy_denied": 30.0}),
        CauseFamily.STOPPED,
        "kill switch is engaged",
    ),
    "policies deny a lot": (
        lambda: World(green={"policy_denied": 20.0}),
        CauseFamily.STOPPED,
        "deny 50 %",
    ),
    "a stuck queue": (
        lambda: World(green=STUCK),
        CauseFamily.QUEUE,
        "No run of agent-runtime on green completes: 256 tasks wait",
    ),
    "both queues stuck": (
        lambda: World(green=STUCK, blue=STUCK),
        CauseFamily.QUEUE,
        "on green completes: 256 tasks wait",
    ),
    "a queue of which only the age is told": (
        lambda: World(green={**STUCK, "queue_waiting": 1.0}),
        CauseFamily.QUEUE,
        "1 task waits, the oldest for 42",
    ),
    "requests are lost": (
        lambda: World(blue={"component_broken_ratio": 0.06}),
        CauseFamily.REQUESTS,
        "answers 6 % of its requests",
    ),
    "the audit waits": (
        lambda: World(green={"audit_lag": 31.0, "audit_written": 0.0}),
        CauseFamily.AUDIT,
        "has waited for 31",
    ),
    "the audit was changed": (
        lambda: World(green={"audit_valid": 0.0}),
        CauseFamily.AUDIT,
        "chain is broken",
    ),
    "dear runs": (
        lambda: World(green={"track_cost_per_run": 0.08}),
        CauseFamily.COST,
        "8 times as much as before",
    ),
    "a certificate ends": (
        lambda: World(green={"certificate_seconds_left": 2e5}),
        CauseFamily.BLIND,
        "ends in 2 d",
    ),
    "a flood of lines": (
        lambda: World(flood=True),
        CauseFamily.LOGS,
        "writes 1,000 log lines a second",
    ),
    "a slow source": (
        lambda: World(slow={Source.KUBERNETES: {"latency_seconds": 4.8}}),
        CauseFamily.BLIND,
        "Kubernetes answers slowly: 4.80 s",
    ),
    "no endpoints": (
        no_endpoints,
        CauseFamily.UNSERVED,
        "No pod serves agent-runtime",
    ),
    "unschedulable pods": (
        unschedulable,
        CauseFamily.PODS,
        "2 Insufficient cpu",
    ),
    "failed runs": (
        lambda: World(green={"track_error_ratio": 0.313}),
        CauseFamily.ERRORS,
        "fails 31.3 % of its runs",
    ),
    "failed runs where little runs": (
        lambda: World(green={"track_error_ratio": 0.5, "track_runs": 0.3}),
        CauseFamily.ERRORS,
        "(last 1 min)",
    ),
    "an alert of others": (
        lambda: World(alerts=(alert("HighErrorRate"),)),
        CauseFamily.ERRORS,
        "HighErrorRate",
    ),
}


def said(found: Triage) -> str:
    top = found.incidents[0]
    return " ".join((top.headline, *top.reasons))


def test_a_system_in_which_all_is_quiet_and_measured_is_said_to_be_looked_at() -> None:
    found = ask_triage(World())
    assert found.incidents == ()
    assert (dict(found.coverage.unknown), dict(found.coverage.unmeasured), dict(found.coverage.silent)) == ({}, {}, {})
    assert {"the kill switch", "ages of queues", "endpoints", "log lines"} <= set(found.coverage.looked_at)


@pytest.mark.parametrize(("world", "family", "says"), WORLDS.values(), ids=WORLDS.keys())
def test_each_fault_is_the_top_card_with_its_cause(world: Callable[[], World], family: CauseFamily, says: str) -> None:
    found = ask_triage(world())
    assert found.incidents[0].family is family
    assert says in said(found)


@pytest.mark.parametrize("state", [s for s in State if s is not State.FRESH])
@pytest.mark.parametrize(("world", "family", "says"), WORLDS.values(), ids=WORLDS.keys())
def test_no_answer_that_is_lost_turns_a_card_away_or_makes_an_all_clear(
    world: Callable[[], World], family: CauseFamily, says: str, state: State
) -> None:
    """A card may go only where its own measure is lost, and then that is no longer among what was looked at."""
    whole = world()
    before = ask_triage(whole)
    for key in whole.asked[0]:
        spoiled = world()
        spoiled.spoiled = {key: state}
        found = ask_triage(spoiled)
        if family not in {one.family for one in found.incidents}:
            assert set(found.coverage.looked_at) < set(before.coverage.looked_at), key
            gone = set(before.coverage.looked_at) - set(found.coverage.looked_at)
            told = {
                *found.coverage.unmeasured,
                *found.coverage.silent,
                *(w for ws in found.unknown.values() for w in ws),
            }
            assert gone <= told, key
        if state in (State.MISSING, State.STALE, State.PARTIAL) and _counts(key):
            assert found.unknown, key


def _counts(key: str) -> bool:
    """Inputs of now. The others are figures of the chosen period, and what only narrows a cause."""
    return key.startswith(("now.", "longer.", "sign.", "lines.")) and key not in ("sign.written",)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("release_kill_switch", "the kill switch"),
        ("audit_valid", "the chain of its audit"),
        ("audit_lag", "the audit of the governed system"),
        ("queue_oldest", "ages of queues"),
        ("certificate_seconds_left", "certificates"),
    ],
)
def test_a_gauge_that_says_no_number_is_not_called_quiet(name: str, what: str) -> None:
    changed: dict[str, Any] = {name: None}
    found = ask_triage(World(green=changed))

    assert found.unknown["no number (NaN)"] == (what,)
    assert what not in found.coverage.looked_at
    assert "no number (NaN)" not in ask_triage(World()).unknown


def test_a_severity_that_is_not_understood_stays_so_beside_a_card_of_its_kind() -> None:
    found = ask_triage(World(alerts=(alert("HighErrorRate", severity="blorp"),)))
    assert found.incidents[0].severity is Severity.UNKNOWN
    assert found.incidents[0].severity_word == "“blorp”"


@pytest.mark.parametrize("kind", [Alerts, Instant, Objects])
def test_nothing_is_looked_at_where_nothing_answers(kind: type) -> None:
    gone: Reading[Any] = Reading(
        value=None, source=Source.PROMETHEUS, state=State.MISSING, as_of=None, reason="refused"
    )
    found = ask_triage(World(instead={kind: gone}))
    whole = ask_triage(World())
    assert set(found.coverage.looked_at) < set(whole.coverage.looked_at)
    assert found.unknown


def pod_of(track: str) -> Pod:
    return replace(pod(f"agent-runtime-{track}-1", Health.HEALTHY), track=track)


def cores(**by_track: float) -> list[Sample]:
    return [Sample(labels={"pod": f"agent-runtime-{track}-1"}, value=value) for track, value in by_track.items()]


PODS = [pod_of("green"), pod_of("blue")]
RUNNING = [replace(WELL, track=track) for track in ("blue", "green")]


@pytest.mark.parametrize(
    ("used", "requested", "says"),
    [
        pytest.param(cores(green=1.1, blue=0.1), cores(green=0.5, blue=0.5), ["it asked for 0.5 cores"], id="request"),
        pytest.param(cores(green=0.5, blue=0.1), cores(green=0.5), ["for each run 5 times"], id="beside the other"),
        pytest.param(cores(green=0.5, blue=0.1), [], ["for each run 5 times"], id="no request is known"),
        pytest.param(cores(green=0.1, blue=0.01), cores(green=0.02), [], id="hardly anything"),
        pytest.param(cores(green=0.5, blue=0.4), cores(green=0.5, blue=0.5), [], id="both alike"),
    ],
)
def test_cpu_is_told_by_what_was_asked_for_or_by_what_a_run_takes_on_the_other_track(
    used: list[Sample], requested: list[Sample], says: list[str]
) -> None:
    found = [one.headline for one in burning(used, requested, PODS, RUNNING)]
    assert len(found) == len(says)
    assert all(words in headline for words, headline in zip(says, found, strict=True))


def test_a_track_that_takes_cpu_for_no_run_is_not_held_against_the_other() -> None:
    idle = [WELL, replace(WELL, track="blue", runs_per_second=0.0)]
    assert list(burning(cores(green=0.5, blue=0.01), [], PODS, idle)) == []


def lines(track: str, seconds_back: float, *, per_second: float = 20.0) -> Lines:
    newest = NOW - timedelta(seconds=seconds_back)
    return Lines(service="agent-runtime", track=track, per_second=per_second, before=(20.0, 21.0, 19.0), newest=newest)


@pytest.mark.parametrize(
    ("green", "blue", "says"),
    [
        pytest.param(300, 2, "dated 5 min ago", id="a slow clock"),
        pytest.param(-90, 2, "dated 1 min 30 s ahead", id="a fast clock"),
        pytest.param(300, 300, "", id="all lines are late: no clock"),
        pytest.param(5, 2, "", id="as usual"),
    ],
)
def test_a_track_whose_lines_bear_another_time_than_the_others_is_told(green: float, blue: float, says: str) -> None:
    found = list(misdated([lines("green", green), lines("blue", blue)], RUNNING, NOW))
    assert [says in one.headline for one in found] == ([True] if says else [])


def test_pods_that_write_far_more_than_others_are_a_flood_however_long_it_lasts() -> None:
    by_pod = {"agent-runtime-green-1": 900.0, "agent-runtime-blue-1": 12.0, "gateway-1": 8.0, "registry-1": 3.0}
    (found,) = flooding([], by_pod, PODS)
    assert found.headline == "agent-runtime on green writes 900 log lines a second"
    assert list(flooding([], {**by_pod, "agent-runtime-green-1": 90.0}, PODS)) == []


def test_containers_that_died_of_memory_and_run_again_are_told_and_those_that_ended_well_are_not() -> None:
    def raw(reason: str, code: int, minutes: float) -> dict[str, Any]:
        ended = {"reason": reason, "exitCode": code, "finishedAt": (NOW - timedelta(minutes=minutes)).isoformat()}
        status = {"name": "app", "ready": True, "state": {"running": {}}, "lastState": {"terminated": ended}}
        return {"metadata": {"name": "agent-runtime-green-1"}, "status": {"containerStatuses": [status]}}

    (found,) = of_ends([raw("OOMKilled", 137, 1)], PODS, NOW)
    assert "1 pod of agent-runtime on green died and restarted: OOMKilled (exit 137)" in found.headline
    assert list(of_ends([raw("Completed", 0, 1)], PODS, NOW)) == []
    assert list(of_ends([raw("OOMKilled", 137, 30)], PODS, NOW)) == []


def denial(policy: str, value: float) -> Sample:
    return Sample(labels={"service_name": "agent-runtime", "track": "green", "policy": policy}, value=value)


@pytest.mark.parametrize(
    ("is_stopped", "policy", "cards"),
    [(True, "kill-switch", 0), (True, "screening", 1), (False, "kill-switch", 1)],
)
def test_what_the_kill_switch_denies_is_told_once_and_what_others_deny_beside_it(
    is_stopped: bool, policy: str, cards: int
) -> None:
    decided = [Sample(labels={"service_name": "agent-runtime", "track": "green"}, value=40.0)]
    found = denying([denial(policy, 20.0)], decided, Limits(), 15.0, is_stopped=is_stopped)
    assert len(list(found)) == cards


def test_codes_of_refused_requests_say_what_they_mean_and_unknown_ones_stand_alone() -> None:
    where = {"service_name": "gateway", "component": "gateway"}
    codes = [Sample(labels={**where, "code": code}, value=1.0) for code in ("502", "599")]
    (found,) = losing([Sample(labels=where, value=0.1)], [Sample(labels=where, value=20.0)], codes, 60.0)
    assert found.reasons == ("502 (1 /s): a peer broke the connection; 599 (1 /s)",)


def word(said: str, per_second: float = 20.0) -> Sample:
    return Sample(labels={"service_name": "agent-runtime", "track": "green", "decision": said}, value=per_second)


def test_words_of_decisions_that_no_table_knows_are_named() -> None:
    decisions = [word("allow"), word("Blocked"), word("deny"), word("blorp"), word("never-used", 0.0), word("")]
    assert not_understood(decisions, DECISIONS) == ("blorp",)


def test_a_decision_that_is_not_understood_is_unknown_and_no_part_of_what_was_looked_at() -> None:
    class Odd(World):
        def _samples(self, request: Instant) -> Reading[Any]:
            if request.expression.name == "policy_decisions_by_word":
                return fresh((word("blorp"),), source=Source.PROMETHEUS, as_of=NOW)
            return super()._samples(request)

    found = ask_triage(Odd())
    assert "policy decisions" not in found.coverage.looked_at
    assert any("“blorp” is not understood" in why for why in found.unknown)
