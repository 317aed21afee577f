"""From alerts and moments to incidents: one card a cause, the worst first, and a suspicion only with evidence.

Covers grouping, order, suspects from measures and from pods, the last change, where a fault sits. How the page words
and draws them is in test_ui_triage.py.
"""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.incidents import change_before, group, in_order, joined, only_where, told_now, with_outages
from dashboard.decide.suspects import of_pods, of_symptoms, suspect
from dashboard.model.alert import Alert
from dashboard.model.incident import CauseFamily, Change, Incident, Standing, Symptoms
from dashboard.model.words import Severity
from dashboard.model.workload import Health, Pod

NOW = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
WELL = Symptoms(
    service="agent-runtime",
    track="green",
    window_seconds=30.0,
    runs_per_second=12.0,
    error_ratio=0.002,
    p95_seconds=0.9,
    evaluations_per_second=40.0,
    violation_ratio=0.001,
)


def suspects(symptoms: Iterable[Symptoms], pods: Iterable[Pod], known: Iterable[Incident]) -> tuple[Incident, ...]:
    """What is found beside the known incidents."""
    told = tuple(known)
    found = joined(told, [*of_symptoms(symptoms), *of_pods(pods)])
    return in_order(one for one in found if one.key not in {i.key for i in told})


def alert(
    name: str = "AgentErrorRatioHigh", *, since_seconds: float = 60, state: Any = "active", **labels: str
) -> Alert:
    found = {"service_name": "agent-runtime", "track": "green", "severity": "critical", "owner": "team-agents"} | labels
    return Alert(
        name=name,
        labels={key: value for key, value in found.items() if value},
        annotations={"summary": f"{name} says so", "runbook": "agent-error-ratio-high"},
        starts_at=NOW - timedelta(seconds=since_seconds),
        state=state,
        fingerprint=f"{name}{labels}",
    )


def pod(name: str, health: Health, *, trouble: str = "") -> Pod:
    return Pod(
        name=name,
        workload="agent-runtime-green",
        component="agent-runtime",
        track="green",
        version="1.8.0",
        phase="Running",
        node="node-a",
        ready=0,
        containers=("app",),
        restarts=4,
        trouble=trouble,
        started_at=None,
        terminating=False,
        health=health,
    )


def test_alerts_of_one_cause_are_one_incident_headed_by_the_fault_and_not_by_its_budget() -> None:
    found = group(
        [
            alert("ErrorBudgetBurnsFast", since_seconds=200, slo="agent-success"),
            alert("AgentErrorRatioHigh", since_seconds=100),
        ]
    )
    assert len(found) == 1
    assert found[0].headline == "AgentErrorRatioHigh says so"
    assert found[0].since == NOW - timedelta(seconds=200)
    assert found[0].alerts == ("AgentErrorRatioHigh", "ErrorBudgetBurnsFast")


def test_a_budget_burnt_by_violations_belongs_to_the_contracts() -> None:
    (found,) = group([alert("ErrorBudgetBurnsFast", slo="contract-compliance"), alert("ContractViolationRatioHigh")])
    assert found.family is CauseFamily.CONTRACTS


def test_two_tracks_are_two_incidents() -> None:
    assert {i.track for i in group([alert(track="green"), alert(track="blue")])} == {"blue", "green"}


def test_pods_name_their_service_and_track() -> None:
    (found,) = group([alert("PodCrashLooping", service_name="", track="", pod="agent-runtime-green-7d9f-x2x1")])
    assert (found.service, found.track, found.family) == ("agent-runtime", "green", CauseFamily.PODS)


def test_the_order_is_the_same_however_alerts_arrive_and_suppressed_ones_are_last() -> None:
    alerts = [
        alert("TargetDown", severity="warning"),
        alert("AgentErrorRatioHigh", state="suppressed", track="blue"),
        alert("AgentLatencyHigh", severity="warning"),
        alert("ContractViolationRatioHigh"),
        alert("AgentErrorRatioHigh"),
        alert("SomethingElse", severity="warning"),
    ]
    expected = [i.key for i in group(alerts)]
    for mixed in itertools.permutations(alerts):
        assert [i.key for i in group(mixed)] == expected
    assert expected[0] == "firing/errors//agent-runtime/green"
    assert expected[-1] == "suppressed/errors//agent-runtime/blue"


_PARTS = st.sampled_from(["", "a", "A", "b", "a-b", "a/b", "a b", "a%2Fb"])


@given(st.lists(st.tuples(_PARTS, _PARTS, _PARTS, st.sampled_from(["active", "unprocessed", "suppressed"]))))
def test_no_two_incidents_of_alerts_share_a_key(said: list[tuple[str, str, str, str]]) -> None:
    alerts = [
        alert(f"Disk{name}", state=state, service_name=service, track=track) for name, service, track, state in said
    ]
    keys = [i.key for i in group(alerts)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "alerts",
    [
        [alert("DiskFull"), alert("diskfull")],
        [alert("DiskFull", service_name="a-b", track=""), alert("DiskFull", service_name="a", track="b")],
        [alert("DiskFull", service_name="a", track="g"), alert("DiskFull-a", service_name="", track="g")],
    ],
)
def test_causes_whose_names_look_alike_have_keys_of_their_own(alerts: list[Alert]) -> None:
    assert len({i.key for i in group(alerts)}) == 2


def test_one_track_named_in_two_ways_is_one_incident() -> None:
    nowhere = {"service_name": "", "track": ""}
    (found,) = group(
        [
            alert("DiskFull", **nowhere, service="agent-runtime-green"),
            alert("DiskFull", **nowhere, deployment="agent-runtime-green"),
        ]
    )
    assert (found.service, found.track) == ("agent-runtime", "green")


@given(st.sets(st.tuples(_PARTS, _PARTS, _PARTS)))
def test_suspects_share_a_key_only_where_they_mean_the_same(places: set[tuple[str, str, str]]) -> None:
    keys = {
        suspect(CauseFamily.PODS, "sick", service=service, track=track, subject=subject).key
        for service, track, subject in places
    }
    assert len(keys) == len(places)


def test_a_silenced_alert_does_not_hide_one_that_fires() -> None:
    found = group([alert(state="suppressed"), alert("ErrorBudgetBurnsFast", slo="agent-success")])
    assert [i.standing for i in found] == [Standing.FIRING, Standing.SUPPRESSED]


@pytest.mark.parametrize(
    ("sick", "family"),
    [
        pytest.param(replace(WELL, error_ratio=0.31), CauseFamily.ERRORS, id="runs fail"),
        pytest.param(replace(WELL, violation_ratio=0.04), CauseFamily.CONTRACTS, id="contracts are violated"),
        pytest.param(replace(WELL, p95_seconds=4.2), CauseFamily.LATENCY, id="runs are slow"),
    ],
)
def test_a_fault_is_suspected_before_any_alert(sick: Symptoms, family: CauseFamily) -> None:
    (found,) = suspects([WELL, sick], [], [])
    assert (found.family, found.standing, found.since) == (family, Standing.SUSPECT, None)


def test_a_suspect_says_how_bad_where_and_over_which_time() -> None:
    (found,) = suspects([replace(WELL, error_ratio=0.31)], [], [])
    assert found.headline == "agent-runtime on green fails 31 % of its runs now (last 30 s)"


@pytest.mark.parametrize(
    "symptoms",
    [
        pytest.param(WELL, id="all is well"),
        pytest.param(replace(WELL, error_ratio=0.5, runs_per_second=0.1), id="hardly any traffic"),
        pytest.param(replace(WELL, error_ratio=0.06, runs_per_second=1.0), id="too few failed runs"),
        pytest.param(replace(WELL, error_ratio=None, p95_seconds=None, violation_ratio=None), id="nothing measured"),
        pytest.param(replace(WELL, p95_seconds=9.0, runs_per_second=None), id="slow, but nobody knows how many"),
    ],
)
def test_nothing_is_suspected_without_evidence(symptoms: Symptoms) -> None:
    assert suspects([symptoms], [], []) == ()


def test_what_an_alert_tells_already_is_not_told_twice() -> None:
    assert suspects([replace(WELL, error_ratio=0.31)], [], group([alert()])) == ()
    assert suspects([replace(WELL, error_ratio=0.31)], [], group([alert(state="suppressed")])) == ()


def test_failing_pods_are_one_suspect_for_their_track() -> None:
    members = [pod("a", Health.FAILING, trouble="CrashLoopBackOff"), pod("b", Health.HEALTHY)]
    (found,) = suspects([], members, [])
    assert found.headline == "1 of 2 pods of agent-runtime on green fail: CrashLoopBackOff"
    assert found.severity is Severity.WARNING
    (worse,) = suspects([], members[:1], [])
    assert worse.severity is Severity.CRITICAL


def incident(**other: Any) -> Incident:
    return replace(group([alert(since_seconds=60)])[0], **other)


def change(seconds_ago: float, *, track: str = "green", service: str = "agent-runtime") -> Change:
    return Change(at=NOW - timedelta(seconds=seconds_ago), what="deployed", service=service, track=track)


def test_the_last_change_is_the_newest_before_the_incident_on_its_own_track() -> None:
    changes = [change(500), change(100), change(30), change(70, track="blue"), change(65, service="gateway")]
    assert change_before(incident(), changes, NOW) == change(100)


def test_a_suspect_looks_back_from_now() -> None:
    assert change_before(incident(since=None), [change(500), change(30)], NOW) == change(30)


def test_a_change_of_the_whole_service_counts_for_each_track() -> None:
    assert change_before(incident(), [change(500), change(80, track="")], NOW) == change(80, track="")


@pytest.mark.parametrize(
    ("shares", "where"),
    [
        pytest.param({"claims": 0.3, "triage": 0.0}, ("claims",), id="one of two"),
        pytest.param({"a": 0.3, "b": 0.3, "c": 0.3, "d": 0.0}, (), id="most are: chance spared one"),
        pytest.param({"claims": 0.3, "triage": 0.2}, (), id="all are sick: no place to point to"),
        pytest.param({"claims": 0.01, "triage": None}, (), id="none is"),
        pytest.param({}, (), id="nothing measured"),
    ],
)
def test_only_where(shares: dict[str, float | None], where: tuple[str, ...]) -> None:
    assert only_where(shares, 0.05) == where


@pytest.mark.parametrize(
    ("labels", "owner"),
    [
        pytest.param({"owner": "", "team": "support"}, "support", id="a label team"),
        pytest.param({"owner": "a", "team": "b"}, "a", id="the first label wins"),
        pytest.param({"owner": "", "squad": "c"}, "", id="a label that is not named"),
    ],
)
def test_the_owner_is_the_first_of_the_labels_that_name_one(labels: dict[str, str], owner: str) -> None:
    assert [one.owner for one in group([alert(**labels)])] == [owner]


def test_labels_of_a_teams_own_name_the_owner() -> None:
    assert [one.owner for one in group([alert(squad="c")], owner_labels=("squad", "owner"))] == ["c"]


@pytest.mark.parametrize(
    ("annotations", "runbook"),
    [
        pytest.param({"runbook_url": "https://wiki.example.com/x"}, "https://wiki.example.com/x", id="an address"),
        pytest.param({"runbook": "cost", "runbook_url": "https://wiki.example.com/x"}, "cost", id="ours wins"),
        pytest.param({"summary": "s"}, "", id="none"),
    ],
)
def test_a_runbook_is_one_of_ours_or_an_address(annotations: dict[str, str], runbook: str) -> None:
    assert [one.runbook for one in group([replace(alert(), annotations=annotations)])] == [runbook]


def test_a_headline_has_the_figure_of_now_and_what_the_alert_said_is_a_reason() -> None:
    (known,) = group([alert()])
    now = told_now(known, 0.235, 15.0)
    assert now.headline == "agent-runtime on green fails 23.5 % of its runs now (last 15 s)"
    assert now.reasons == (f"At its start: {known.headline}",)
    assert told_now(known, None, 15.0) == known


def test_a_measure_beside_its_alert_is_told_once() -> None:
    (found,) = joined(group([alert()]), of_symptoms([replace(WELL, error_ratio=0.235)]))
    assert found.window_seconds == WELL.window_seconds
    assert "23.5" not in f"{found.headline} {found.reasons}"


def outages(*found: Incident) -> list[tuple[CauseFamily, str, bool]]:
    return [(one.family, one.track, one.is_outage) for one in with_outages(found, {"agent-runtime": "blue"})]


def test_users_without_service_come_before_everything_else() -> None:
    errors = suspect(CauseFamily.ERRORS, "errors", service="agent-runtime", track="blue")
    unserved = suspect(CauseFamily.UNSERVED, "nobody serves", service="agent-runtime")
    stuck = suspect(CauseFamily.QUEUE, "no run ends", service="agent-runtime", track="blue")
    idle = suspect(CauseFamily.QUEUE, "no run ends", service="agent-runtime", track="green")
    denials = suspect(CauseFamily.STOPPED, "policies deny", severity=Severity.WARNING)
    assert outages(errors, denials, idle, stuck, unserved) == [
        (CauseFamily.UNSERVED, "", True),
        (CauseFamily.QUEUE, "blue", True),
        (CauseFamily.QUEUE, "green", False),
        (CauseFamily.ERRORS, "blue", False),
        (CauseFamily.STOPPED, "", False),
    ]


def test_what_is_silenced_is_no_outage_on_top() -> None:
    (silenced,) = group([alert("KillSwitchEngaged", state="suppressed")])
    assert [one.is_outage for one in with_outages([silenced], {})] == [False]
