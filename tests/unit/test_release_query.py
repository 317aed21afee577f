"""From the cluster and the counts to what the Release page shows, and to the verdict that a guard is handed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.model.action import ActionId, ActionKind, ActionRequest, Actor
from dashboard.model.reading import Source, State
from dashboard.model.release import Track
from dashboard.model.unfinished import WayOn
from dashboard.model.verdict import Decision, Mode, Result, Verdict
from dashboard.model.view import View
from dashboard.queries.release import judge, release
from tests.act.test_actions import Stage
from tests.unit.release_stage import HEALTHY, StageAsk, running

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
VIEW = View(env="local", ns="agents")


def gate(verdict: Verdict, name: str) -> Result:
    return next(answer.result for answer in verdict.gates if answer.gate == name)


def test_a_healthy_preview_is_go_on_the_page_and_for_the_guard() -> None:
    ask = StageAsk(NOW)
    found = release(ask, VIEW, NOW)  # type: ignore[arg-type]  # the part of Ask that queries use
    assert found.before.decision is Decision.GO, found.before.sentence
    assert judge(ask, "agents", "agent-runtime", NOW) == found.before  # type: ignore[arg-type]
    service = found.service.value
    assert service is not None
    assert (service.active, service.tracks[Track.GREEN].version) == (Track.BLUE, "1.8.0")
    assert found.figures[Track.BLUE].share.value == 1.0
    assert found.figures[Track.GREEN].error_ratio.value == pytest.approx(2 / 640)
    assert "nothing to go back to" in found.way_back_closed


@pytest.mark.parametrize("source", [Source.PROMETHEUS, Source.ALERTMANAGER, Source.KUBERNETES])
def test_with_one_source_down_it_is_never_go(source: Source) -> None:
    found = release(StageAsk(NOW, down=frozenset({source})), VIEW, NOW)  # type: ignore[arg-type]
    assert found.before.decision is Decision.WAIT
    assert gate(found.before, "inputs") is Result.UNKNOWN


def test_a_failed_pod_that_states_no_time_is_no_proof_of_a_restart_and_none_against_it() -> None:
    ask = StageAsk(NOW)
    green = next(pod for (kind, _), pod in ask.cluster.objects.items() if kind == "pods" and "green" in str(pod))
    lost = {
        **green,
        "metadata": {**green["metadata"], "name": "lost"},
        "status": {"phase": "Failed", "reason": "Evicted"},
    }
    ask.cluster.objects["pods", "lost"] = lost

    verdict = release(ask, VIEW, NOW).before  # type: ignore[arg-type]

    assert gate(verdict, "restarts") is Result.UNKNOWN
    assert any("when lost failed is not known" in answer.reason for answer in verdict.gates)


def test_a_preview_without_traffic_waits_and_shows_no_ratio() -> None:
    table = {name: (blue, 0.0) for name, (blue, _) in HEALTHY.items()} | {"release_scraped_pods": (2.0, 2.0)}
    found = release(StageAsk(NOW, table=table), VIEW, NOW)  # type: ignore[arg-type]
    assert found.before.decision is Decision.WAIT
    assert found.figures[Track.GREEN].error_ratio.state is State.EMPTY


@pytest.mark.parametrize(("measured", "seconds"), [(300.0, 300), (100.0, 100), (2.0, 20), (500.0, 300)])
def test_a_young_track_does_as_much_each_second_as_in_the_time_that_it_was_measured(
    measured: float, seconds: float
) -> None:
    table = {**HEALTHY, "release_measured_seconds": (300.0, measured)}
    found = release(StageAsk(NOW, table=table), VIEW, NOW)  # type: ignore[arg-type]
    assert found.figures[Track.BLUE].rate.value == pytest.approx(6000 / 300)
    assert found.figures[Track.GREEN].rate.value == pytest.approx(640 / seconds)


def test_a_restarted_container_of_the_preview_fails_its_gate() -> None:
    ask = StageAsk(NOW)
    pod = ask.cluster.objects["pods", "agent-runtime-green-1"]
    ended = {"terminated": {"exitCode": 137, "finishedAt": (NOW - timedelta(minutes=1)).isoformat()}}
    pod["status"]["containerStatuses"][0] |= {"restartCount": 1, "lastState": ended}
    found = release(ask, VIEW, NOW)  # type: ignore[arg-type]
    assert gate(found.before, "restarts") is Result.FAIL


def test_an_unknown_service_is_said_and_not_judged() -> None:
    found = release(StageAsk(NOW), View(env="local", ns="agents", service="nobody"), NOW)  # type: ignore[arg-type]
    assert found.service.value is None
    assert "nobody" in found.service.reason
    assert found.before.decision is Decision.WAIT


def test_after_a_switch_the_new_active_track_is_judged_and_the_way_back_is_open(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stage = Stage(tmp_path_factory.mktemp("audit"))
    stage.run(
        ActionRequest(
            kind=ActionKind.SWITCH,
            namespace="agents",
            service="agent-runtime",
            source=Track.BLUE,
            target=Track.GREEN,
            actor=Actor(name="alice", origin="test"),
            typed_version="1.8.0",
        )
    )
    just_after = stage.clock.now() + timedelta(seconds=2)
    early = release(StageAsk(just_after, cluster=running(stage.cluster)), VIEW, just_after).after  # type: ignore[arg-type]
    assert early is not None
    assert early.decision is Decision.WAIT

    now = stage.clock.now() + timedelta(minutes=5)
    found = release(StageAsk(now, cluster=running(stage.cluster)), VIEW, now)  # type: ignore[arg-type]
    assert found.after is not None
    assert (found.after.mode, found.after.candidate, found.after.decision) == (Mode.AFTER, Track.GREEN, Decision.GO)
    assert found.before.candidate is Track.BLUE
    assert found.served_before is not None
    assert (found.served_before.track, found.served_before.version) == (Track.BLUE, "1.7.4")
    assert found.way_back_closed == ""

    much_later = now + timedelta(hours=1)
    assert release(StageAsk(much_later, cluster=stage.cluster), VIEW, much_later).after is None  # type: ignore[arg-type]


def test_an_unfinished_action_makes_the_next_one_wait() -> None:
    ask = StageAsk(NOW)
    ask.cluster.objects["services", "agent-runtime"]["metadata"]["annotations"]["tealdeck.io/action"] = (
        '{"id": "a1", "kind": "switch", "source": "blue", "target": "green", "version": "1.8.0", "actor": "bob",'
        ' "reason": "", "step": "prepare", "started_at": "2026-03-01T02:59:30+00:00", "outcome": "running"}'
    )
    found = release(ask, VIEW, NOW)  # type: ignore[arg-type]
    assert found.before.decision is Decision.WAIT
    assert "by bob, begun 30 s ago, is at the step prepare" in found.before.sentence


def test_an_action_whose_process_died_lets_the_next_one_go_and_is_shown() -> None:
    ask = StageAsk(NOW)
    service = ask.cluster.objects["services", "agent-runtime"]
    service["metadata"]["annotations"]["tealdeck.io/action"] = (
        '{"id": "a1", "kind": "switch", "source": "blue", "target": "green", "version": "1.8.0", "actor": "bob",'
        ' "reason": "", "step": "prepare", "started_at": "2026-03-01T02:50:00+00:00", "outcome": "running"}'
    )
    spec = {"holderIdentity": "bob (switch a1)", "renewTime": "2026-03-01T02:58:00Z", "leaseDurationSeconds": 60}
    ask.cluster.objects["leases", "lock"] = {"metadata": {"name": "tealdeck-agent-runtime"}, "spec": spec}
    found = release(ask, VIEW, NOW)  # type: ignore[arg-type]
    assert found.before.decision is Decision.GO
    assert found.unfinished is not None
    assert found.unfinished.ways_on == (WayOn.RESUME, WayOn.CLEAR)

    spec["renewTime"] = "2026-03-01T02:59:30Z"
    assert release(ask, VIEW, NOW).before.decision is Decision.WAIT  # type: ignore[arg-type]
    own = judge(ask, "agents", "agent-runtime", NOW, ActionId("a1"))  # type: ignore[arg-type]
    assert own.decision is Decision.GO  # an action is not held against itself


def test_what_is_written_on_the_objects_is_asked_by_the_gates() -> None:
    ask = StageAsk(NOW)
    notes = ask.cluster.objects["services", "agent-runtime"]["metadata"].setdefault("annotations", {})
    notes |= {
        "tealdeck.io/freeze": "an audit",
        "tealdeck.io/backup-verified-at": (NOW - timedelta(hours=1)).isoformat(),
    }
    for track in Track:
        template = ask.cluster.objects["deployments", f"agent-runtime-{track}"]["spec"]["template"]
        declared = {"tealdeck.io/schema-writes": "5", "tealdeck.io/schema-reads": "4-5"}
        template.setdefault("metadata", {}).setdefault("annotations", {}).update(declared)
    found = release(ask, VIEW, NOW)  # type: ignore[arg-type]
    assert gate(found.before, "freeze") is Result.FAIL
    assert (gate(found.before, "backup"), gate(found.before, "schema")) == (Result.PASS, Result.PASS)


def test_notes_that_cannot_be_read_are_none() -> None:
    ask = StageAsk(NOW)
    notes = ask.cluster.objects["services", "agent-runtime"]["metadata"].setdefault("annotations", {})
    notes["tealdeck.io/backup-verified-at"] = "yesterday"
    template = ask.cluster.objects["deployments", "agent-runtime-green"]["spec"]["template"]
    template.setdefault("metadata", {})["annotations"] = {"tealdeck.io/schema-writes": "five"}
    found = release(ask, VIEW, NOW)  # type: ignore[arg-type]
    assert (gate(found.before, "backup"), gate(found.before, "schema")) == (Result.UNKNOWN, Result.UNKNOWN)


def test_a_stopped_fleet_a_burning_budget_and_a_dear_release_are_no_go() -> None:
    table = dict(HEALTHY) | {
        "release_kill_switch": (1.0,),
        "release_cost": (72.0, 150.0),
        "release_bad_share_5m": (0.003, 0.4),
        "release_bad_share_1h": (0.003, 0.2),
    }
    found = release(StageAsk(NOW, table=table), VIEW, NOW)  # type: ignore[arg-type]
    failing = {answer.gate for answer in found.before.gates if answer.result is Result.FAIL}
    assert failing == {"kill_switch", "cost", "slo", "together_compared"}


def rolled_out(ask: StageAsk, track: Track, *, replicas: int = 2, updated: int, observed: int = 2) -> None:
    """A track whose template names 1.9.0, while pods of the earlier release are still there."""
    deployment = ask.cluster.objects["deployments", f"agent-runtime-{track}"]
    labels = {**deployment["spec"]["template"]["metadata"]["labels"], "app.kubernetes.io/version": "1.9.0"}
    deployment["spec"]["template"] = {"metadata": {"labels": labels}}
    deployment["metadata"]["generation"] = 2
    counts = {"replicas": replicas, "readyReplicas": 2, "updatedReplicas": updated, "observedGeneration": observed}
    deployment["status"] = counts


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param({"updated": 0}, "pods of an earlier release are still there (2)", id="paused"),
        pytest.param({"replicas": 3, "updated": 1}, "earlier release are still there (2)", id="new pods do not start"),
        pytest.param({"updated": 2, "observed": 1}, "has not acted on the last change", id="controller is behind"),
    ],
)
def test_pods_of_an_earlier_release_are_no_evidence_for_the_one_that_the_template_names(
    status: dict[str, int], says: str
) -> None:
    ask = StageAsk(NOW)
    rolled_out(ask, Track.GREEN, **status)
    found = release(ask, VIEW, NOW).before  # type: ignore[arg-type]
    assert (found.version, found.decision) == ("1.9.0", Decision.WAIT)
    assert says in found.sentence


def test_a_rollout_of_the_other_track_says_nothing_about_the_candidate() -> None:
    ask = StageAsk(NOW)
    rolled_out(ask, Track.BLUE, updated=0)
    assert gate(release(ask, VIEW, NOW).before, "capacity") is Result.PASS  # type: ignore[arg-type]


def test_a_rollout_that_is_through_may_go() -> None:
    ask = StageAsk(NOW)
    rolled_out(ask, Track.GREEN, updated=2)
    ask.cluster.put("deployments", ask.cluster.objects["deployments", "agent-runtime-green"])
    running(ask.cluster).objects["deployments", "agent-runtime-green"]["status"]["observedGeneration"] = 2
    assert gate(release(ask, VIEW, NOW).before, "capacity") is Result.PASS  # type: ignore[arg-type]
