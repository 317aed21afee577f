"""A team calls its tracks red and black, a and b, or v1 and v2: pages, gates, sentences and cards say blue and green.

Values may be set or only be seen. What a value means is decided in `model/blue_green.py` alone; these tests go through
metrics, pods, logs and alerts to where people read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.elasticsearch import Found, Hit
from connectors.errors import Unreachable
from connectors.kubernetes import ListResult
from connectors.prometheus import Vector
from dashboard.catalog import service as by_track
from dashboard.catalog.agents import RUN_RATE
from dashboard.decide import changes, incidents
from dashboard.decide.alerts import concerns, place
from dashboard.decide.blue_green import with_seen
from dashboard.model.alert import Alert
from dashboard.model.blue_green import BlueGreen, TrackValues
from dashboard.model.reading import State
from dashboard.model.release import Track
from dashboard.model.verdict import Mode
from dashboard.model.view import View
from dashboard.queries.ask import Ask
from dashboard.queries.release import evidence, release
from dashboard.queries.request import Instant, LogPatterns, Logs
from dashboard.queries.resources import resources
from dashboard.queries.triage import triage
from dashboard.settings import EnvironmentSettings, Settings
from dashboard.settings.blue_green import BlueGreenSettings
from dashboard.settings.fields import of_label
from dashboard.ui.release import _track
from tests.act.fakes import FakeCluster
from tests.act.test_own_labels import SERVICE, ground
from tests.unit.asking import NOW as THEN
from tests.unit.asking import World
from tests.unit.release_stage import ENVIRONMENT, StageAsk, running

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
VIEW = View(env="local", ns="agents")
# The label, its value on blue and on green, and whether the settings say so or the values are only seen.
TEAMS = [
    pytest.param("color", ("red", "black"), True, id="red and black, set"),
    pytest.param("color", ("black", "red"), False, id="two colours, seen"),
    pytest.param("slot", ("a", "b"), True, id="slots, set"),
    pytest.param("version", ("v1", "v2"), False, id="versions, seen"),
    pytest.param("acme.example/lane", ("r41", "r42"), False, id="a label with a prefix, seen"),
]
of_teams = pytest.mark.parametrize(("label", "values", "is_set"), TEAMS)


def settings(label: str, values: tuple[str, str], is_set: bool, **more: Any) -> EnvironmentSettings:
    own: dict[str, Any] = {"track_label": label, "services": [SERVICE]}
    own |= dict(zip(("blue", "green"), values, strict=True)) if is_set else {}
    sources = {name: {"url": f"http://{name}"} for name in ("prometheus", "alertmanager", "elasticsearch")}
    local = {"namespaces": ["agents"], "blue_green": own, **sources, **more}
    return Settings.model_validate({"environments": {"local": local}}).environments["local"]


def stage(label: str, values: tuple[str, str], is_set: bool) -> StageAsk:
    own = settings(label, values, is_set).blue_green
    return StageAsk(
        NOW, cluster=running(ground(label, values)), environment=ENVIRONMENT.model_copy(update={"blue_green": own})
    )


def known(label: str, values: tuple[str, str], is_set: bool) -> BlueGreen:
    """What is known of this team's tracks once its cluster was read."""
    cluster = running(ground(label, values))

    def of(wanted: str) -> list[Any]:
        return [item for (kind, _), item in cluster.objects.items() if kind == wanted]

    return with_seen(settings(label, values, is_set).blue_green.known, of("services"), of("deployments"))


# The one place.

names = st.text("abcdefgrv0123456789", min_size=1, max_size=4) | st.sampled_from(["red", "black"])
services = st.lists(
    st.builds(lambda n, pair: TrackValues(service=f"s{n}", label="color", blue=pair[0], green=pair[1]),
              st.integers(0, 3), st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])),
    max_size=4, unique_by=lambda one: one.service,
)  # fmt: skip


@given(services, st.sampled_from(list(Track)))
def test_of_one_service_each_value_means_its_track_and_comes_back_as_its_spelling(
    seen: list[TrackValues], track: Track
) -> None:
    names = BlueGreen(track_label="color", blue="", green="", seen=tuple(seen))
    for one in seen:
        own = one.blue if track is Track.BLUE else one.green
        assert names.word(own, one.service) == track
        assert own in names.spellings(track, one.service)


@given(services, names)
def test_a_value_that_means_another_track_elsewhere_is_never_taken_for_either(
    seen: list[TrackValues], value: str
) -> None:
    names = BlueGreen(track_label="color", blue="", green="", seen=tuple(seen))
    meant = {track for one in seen for track, own in ((Track.BLUE, one.blue), (Track.GREEN, one.green)) if own == value}
    if len(meant) == 2:
        assert names.word(value) not in tuple(Track)
        assert all(value not in names.spellings(track) for track in Track)


def test_the_decks_own_word_as_a_value_keeps_its_track_beside_any_other() -> None:
    for values in (("azure", "blue"), ("green", "red"), ("blue", "canary")):
        found = known("color", values, is_set=False)
        assert {found.meaning(value, SERVICE) for value in values} == set(Track)
        assert all(found.meaning(value, SERVICE) == value for value in values if value in tuple(Track))


def test_settings_refuse_a_tracks_own_word_for_the_other_one() -> None:
    with pytest.raises(ValueError, match="own word"):
        BlueGreenSettings(track_label="color", blue="green", green="red")


# Pods, workloads and changes.


@of_teams
def test_pods_and_workloads_of_resources_and_triage_are_of_blue_and_green(
    label: str, values: tuple[str, str], is_set: bool
) -> None:
    ask = cast(Any, stage(label, values, is_set))
    in_order = sorted(values) if not is_set else list(values)

    for pods in (resources(ask, VIEW, NOW).pods.value, triage(ask, VIEW, NOW).pods.value):
        assert pods
        assert {pod.track for pod in pods} == {"blue", "green"}
        blue = {pod.name for pod in pods if pod.track == "blue"}
        labels = {item["metadata"]["name"]: item["metadata"]["labels"] for item in _of(ask.cluster, "pods")}
        assert {labels[name][label] for name in blue} == {in_order[0]}
    (line,) = triage(ask, VIEW, NOW).services.value or ()
    assert line.active in tuple(Track)
    assert [workload.track for workload in line.tracks] == ["blue", "green"]


@of_teams
def test_a_rollout_is_told_by_the_tracks_word(label: str, values: tuple[str, str], is_set: bool) -> None:
    names = known(label, values, is_set)
    sets = [
        {
            "metadata": {
                "name": f"{SERVICE}-{value}-7d9",
                "creationTimestamp": "2026-03-01T02:00:00Z",
                "labels": {label: value, "app.kubernetes.io/name": SERVICE},
                "annotations": {"deployment.kubernetes.io/revision": "1"},
                "ownerReferences": [{"kind": "Deployment", "name": f"{SERVICE}-{value}", "controller": True}],
            },
            "spec": {"replicas": 1, "template": {"metadata": {"labels": {label: value}}}},
        }
        for value in values
    ]
    found = changes.changes(services=[], replica_sets=sets, blue_green=replace(names, services=()))
    told = found or ()
    cluster = running(ground(label, values))
    found = changes.changes(
        services=_of(cluster, "services"),
        deployments=_of(cluster, "deployments"),
        replica_sets=sets,
        blue_green=settings(label, values, is_set).blue_green.known,
    )
    assert told is not None
    assert {change.track for change in found} == {"blue", "green"}
    assert all(change.what.startswith(change.track) for change in found)


# The Release page, the verdict and the command.


@of_teams
def test_release_says_what_the_team_calls_each_track(label: str, values: tuple[str, str], is_set: bool) -> None:
    answer = release(cast(Any, stage(label, values, is_set)), VIEW, NOW)
    service = answer.service.value
    assert service is not None
    for track, own in zip(Track, sorted(values) if not is_set else values, strict=True):
        assert service.own_name(track) == f"{label}={own}"
        card = _track(service, track, answer.figures[track], NOW)
        assert f"● {track}" in card
        assert f"{label}={own}" in card


@of_teams
def test_a_critical_alert_on_the_teams_value_fails_the_gate_of_that_track_alone(
    label: str, values: tuple[str, str], is_set: bool
) -> None:
    found = evidence(cast(Any, stage(label, values, is_set)), "agents", SERVICE, NOW, Mode.BEFORE)
    service = found.service.value
    assert service is not None
    plain = label.replace(".", "_").replace("/", "_")
    for track, own in zip(Track, sorted(values) if not is_set else values, strict=True):
        for name in (plain, f"label_{plain}", "track"):
            alert = _alert(service_name=SERVICE, **{name: own})
            assert concerns(alert, service, track)
            assert not concerns(alert, service, track.other)


# Alerts on Triage.


@of_teams
def test_alerts_by_label_and_by_the_name_of_a_workload_become_cards_of_a_track(
    label: str, values: tuple[str, str], is_set: bool
) -> None:
    names = known(label, values, is_set)
    plain = label.replace(".", "_").replace("/", "_")
    for track, own in zip(Track, sorted(values) if not is_set else values, strict=True):
        for labels in (
            {"service_name": SERVICE, plain: own},
            {"service_name": SERVICE, f"label_{plain}": own},
            {"deployment": f"{SERVICE}-{own}"},
            {"pod": f"{SERVICE}-{own}-7d9c5b6f4-x2x4z"},
        ):
            assert place(labels, names) == (SERVICE, track), labels
            (incident,) = incidents.group([_alert(**labels)], tracks=names)
            assert (incident.service, incident.track) == (SERVICE, track)


# Metrics and logs, by way of Ask.


class Listed:
    """A cluster whose objects are those of a fake one; or one that does not answer."""

    def __init__(self, world: World, cluster: FakeCluster | None) -> None:
        self.clock, self.version, self.watch = world.cluster.clock, world.cluster.version, world.cluster.watch
        self._cluster = cluster

    def list(self, kind: str, namespace: str | None) -> ListResult:
        if self._cluster is None:
            raise Unreachable("kubernetes", "connection refused")
        return ListResult(items=tuple(_of(self._cluster, kind)), resource_version="1")


def asking(environment: EnvironmentSettings, cluster: FakeCluster | None) -> World:
    world = World(environment)
    sources = replace(world.ask._sources, kubernetes=cast(Any, Listed(world, cluster)))
    world.ask.close()
    world.ask = Ask(environment, sources, clock=world.clock.now, seconds=world.clock.seconds)
    return world


@of_teams
def test_a_question_about_a_track_asks_for_the_teams_value_and_answers_in_our_word(
    label: str, values: tuple[str, str], is_set: bool
) -> None:
    environment = settings(label, values, is_set, labels={"track": "lane"})
    world = asking(environment, running(ground(label, values)))
    blue, green = sorted(values) if not is_set else values
    given = {"namespace": "agents", "service": SERVICE, "agent": "", "track": "green", "window": "5m"}
    world.prometheus.answer = Vector(points=())

    world.ask.gather({"one": Instant(RUN_RATE, given)})
    world.ask.gather({"both": Instant(by_track.TRACK_RUNS, {**given, "track": ""})})
    world.ask.close()

    # Each is asked in two steps: whether a series began, and the count.
    (began, _), (one, _), _, (both, _) = world.prometheus.asked
    assert f'lane=~"{green}"' in began
    assert f'lane=~"{green}"' in one
    assert f'"track", "blue", "lane", "{blue}"' in both
    assert f'"track", "green", "lane", "{green}"' in both


@of_teams
def test_log_questions_find_and_count_the_teams_values_as_tracks(
    label: str, values: tuple[str, str], is_set: bool
) -> None:
    world = asking(settings(label, values, is_set), running(ground(label, values)))
    blue, green = sorted(values) if not is_set else values
    field = "resource.attributes.tealdeck.track"
    hits = tuple(
        Hit(id=value, index="i", source={"@timestamp": THEN.isoformat(), field: value, "service.name": SERVICE})
        for value in (blue, green)
    )
    world.elasticsearch.answer = Found(hits=hits, total=2, total_is_lower_bound=False)
    begins, ends = THEN - timedelta(minutes=5), THEN
    logs = Logs(stream="logs", namespace="agents", start=begins, end=ends, filters={"track": "blue"}, terms=("track",))

    page = world.ask.gather({"x": logs}).logs("x").value
    patterns = world.ask.gather({"x": LogPatterns(logs)}).patterns("x").value
    world.ask.close()

    assert page is not None
    assert [entry.track for entry in page.entries] == ["blue", "green"]
    assert dict(page.terms["track"]) == {"blue": 1, "green": 1}
    assert patterns is not None
    for asked in world.elasticsearch.asked:
        assert f"'{blue}'" in str(asked["query"])
        assert f"'{green}'" not in str(asked["query"])


@pytest.mark.parametrize("track", ["blue", "green"])
def test_where_no_cluster_shows_the_values_a_tracks_figure_is_missing_and_not_zero(track: str) -> None:
    world = asking(settings("color", ("red", "black"), is_set=False), None)
    given = {"namespace": "agents", "service": SERVICE, "agent": "", "track": track, "window": "5m"}
    logs = Logs(
        stream="logs", namespace="agents", start=THEN - timedelta(minutes=5), end=THEN, filters={"track": track}
    )

    answers = world.ask.gather({"rate": Instant(RUN_RATE, given), "lines": logs})
    world.ask.close()

    for reading in (answers.samples("rate"), answers.logs("lines")):
        assert (reading.state, reading.value) == (State.MISSING, None)
        assert "which value of color" in reading.reason
    assert world.prometheus.asked == []


def test_two_services_with_other_values_are_both_understood() -> None:
    seen = (
        TrackValues(service="one", label="color", blue="red", green="rose"),
        TrackValues(service="two", label="color", blue="a", green="b"),
    )
    names = BlueGreen(track_label="color", blue="", green="", seen=seen)
    environment = settings("color", ("", ""), is_set=False, labels={"track": "color"})

    assert environment.mapping_for(names).label("track").values == {"blue": ("red", "a"), "green": ("rose", "b")}
    assert environment.mapping_for(names, "two").label("track").values == {"blue": ("a",), "green": ("b",)}


def test_a_preset_that_reads_tracks_from_names_of_pods_reads_the_teams_values() -> None:
    environment = settings("slot", ("a", "b"), is_set=True, presets=["kube-prometheus-stack"])
    label = environment.mapping.label("track")
    assert (label.name, label.values) == ("pod", {"blue": ("a",), "green": ("b",)})


def test_own_words_on_metrics_win_over_those_of_the_cluster() -> None:
    own = {"name": "role", "values": {"blue": "active", "green": "preview"}}
    environment = settings("slot", ("a", "b"), is_set=True, labels={"track": own})
    assert environment.mapping.label("track").values == {"blue": ("active",), "green": ("preview",)}


@pytest.mark.parametrize(
    ("label", "fields"),
    [
        ("color", {"kubernetes.labels.color", "resource.attributes.k8s.pod.label.color"}),
        ("acme.example/lane", {"kubernetes.labels.acme_example/lane", "kubernetes.labels.acme_example_lane"}),
        ("app.lane", {"kubernetes.labels.app_lane", "resource.attributes.k8s.pod.labels.app.lane"}),
    ],
)
def test_logs_carry_the_track_in_the_fields_of_the_label(label: str, fields: set[str]) -> None:
    assert fields <= set(of_label(label)["logs"]["track"])
    assert settings(label, ("a", "b"), is_set=True).fields["logs"]["track"] == of_label(label)["logs"]["track"]


def _of(cluster: FakeCluster, wanted: str) -> list[Any]:
    return [item for (kind, _), item in cluster.objects.items() if kind == wanted]


def _alert(**labels: str) -> Alert:
    told: Mapping[str, str] = {"alertname": "Broken", "severity": "critical", "namespace": "agents", **labels}
    return Alert(name="Broken", labels=told, annotations={}, starts_at=NOW, state="active", fingerprint="f")
