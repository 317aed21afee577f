"""A team's own blue-green is read and patched as it is: label, values, names of Services, and Argo Rollouts."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.decide.blue_green import of_service, preview_service, workloads_of
from dashboard.decide.governed import governed_service, release_began
from dashboard.decide.lacks import commands_for, could_be_governed, label_command, why_not_governed
from dashboard.decide.track_pods import pods_by_track
from dashboard.decide.tracks import find_tracks
from dashboard.decide.traffic_change import traffic_change
from dashboard.model.action import ActionKind
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.release import GovernedService, Track
from dashboard.settings import EnvironmentSettings, SettingsError, load
from dashboard.settings.blue_green import BlueGreenSettings
from tests.act.fakes import a_pod

MANIFESTS = Path(__file__).parents[1] / "foreign" / "manifests"
Object = dict[str, Any]


def objects(name: str) -> dict[str, list[Object]]:
    """The objects of a manifest by kind, as an API server has them."""
    found: dict[str, list[Object]] = {}
    for item in yaml.safe_load_all((MANIFESTS / f"{name}.yaml").read_text()):
        found.setdefault(item["kind"], []).append(item)
    return found


def service(name: str, selector: Mapping[str, str], **metadata: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "support", **metadata}, "spec": {"selector": dict(selector)}}


def deployment(name: str, labels: Mapping[str, str], replicas: int = 2, image: str = "agent:1") -> Object:
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [{"name": "app", "image": image}]}}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "template": template}}


def read(
    found: Mapping[str, list[Object]], name: str, known: BlueGreen, pods: Iterable[Object] = ()
) -> GovernedService:
    """One service as the Release page reads it."""
    services, deployments = found["Service"], found.get("Deployment", [])
    replicasets = found.get("ReplicaSet", [])
    one = next(item for item in services if item["metadata"]["name"] == name)
    assert known.is_governed(one)
    values = of_service(known, one, services=services, deployments=deployments, replicasets=replicasets)
    read = governed_service(
        one,
        services=services,
        deployments=workloads_of(one, deployments, replicasets),
        replica_sets=replicasets,
        pods=tuple(pods),
        slices=(),
        blue_green=values,
    )
    assert read is not None
    return read


COLOR = BlueGreenSettings(track_label="color", services=("support-agent",)).known
SLOT = BlueGreenSettings(track_label="slot", blue="a", green="b", governed_label="acme.example/managed").known


def test_a_service_with_a_colour_is_read_without_renaming_anything() -> None:
    found = read(objects("color"), "support-agent", COLOR)

    assert (found.active, found.preview, found.preview_service) == (Track.BLUE, Track.GREEN, "support-agent-preview")
    assert {track: one.version for track, one in found.tracks.items()} == {Track.BLUE: "2.3.1", Track.GREEN: "2.4.0"}
    assert [one.problem for one in found.tracks.values()] == ["", ""]


def test_the_patches_of_a_switch_write_the_teams_label_and_value() -> None:
    found = objects("color")
    users, preview = found["Service"]
    values = of_service(COLOR, users, services=found["Service"], deployments=found["Deployment"])
    tracks = find_tracks(users, found["Deployment"], values)

    change = traffic_change(
        users, preview=preview, tracks=tracks, kind=ActionKind.SWITCH, target=Track.GREEN, blue_green=values
    )

    assert change.service.body["spec"] == {"selector": {"color": "green"}}
    assert change.preview is not None
    assert change.preview.body == {"spec": {"selector": {"color": "blue"}}}


def test_two_fixed_values_and_a_label_of_the_team_govern_a_service() -> None:
    users = service("web", {"app": "web", "slot": "b"}, labels={"acme.example/managed": "true"})
    deployments = [deployment(f"web-{slot}", {"app": "web", "slot": slot}) for slot in ("a", "b")]

    found = read({"Service": [users], "Deployment": deployments}, "web", SLOT)

    assert (found.active, found.tracks[Track.BLUE].deployment, found.preview_service) == (Track.GREEN, "web-a", None)


def test_values_that_nobody_fixed_are_those_seen_and_keep_their_track_through_a_switch() -> None:
    known = BlueGreenSettings(track_label="release", services=("web",)).known
    deployments = [
        deployment("web-one", {"app": "web", "release": "r41"}),
        deployment("web-two", {"app": "web", "release": "r42"}),
        deployment("other", {"app": "other", "release": "r7"}),
    ]
    before, after = (service("web", {"app": "web", "release": value}) for value in ("r41", "r42"))

    first, second = (read({"Service": [one], "Deployment": deployments}, "web", known) for one in (before, after))

    assert (first.active, second.active) == (Track.BLUE, Track.GREEN)
    assert {track: one.deployment for track, one in second.tracks.items()} == {
        Track.BLUE: "web-one",
        Track.GREEN: "web-two",
    }


def test_the_version_as_the_track_tells_both() -> None:
    known = BlueGreenSettings(track_label="version", version_label="version", services=("web",)).known
    deployments = [deployment(f"web-{v}", {"app": "web", "version": v}) for v in ("v1", "v2")]

    found = read(
        {"Service": [service("web", {"app": "web", "version": "v1"})], "Deployment": deployments}, "web", known
    )

    assert {track: one.version for track, one in found.tracks.items()} == {Track.BLUE: "v1", Track.GREEN: "v2"}


def test_three_values_seen_let_nobody_switch_and_say_what_to_set() -> None:
    known = BlueGreenSettings(track_label="slot", services=("web",)).known
    deployments = [deployment(f"web-{slot}", {"app": "web", "slot": slot}) for slot in ("a", "b", "c")]

    found = read({"Service": [service("web", {"app": "web", "slot": "b"})], "Deployment": deployments}, "web", known)

    assert (found.active, found.tracks[found.active].deployment) == (Track.BLUE, "web-b")
    assert "slot has the values a, b, c: set blue and green" in found.tracks[Track.GREEN].problem


def test_a_third_value_that_runs_no_pods_is_left_over_and_counts_for_nothing() -> None:
    known = BlueGreenSettings(track_label="slot", services=("web",)).known
    deployments = [
        deployment(f"web-{s}", {"app": "web", "slot": s}, pods) for s, pods in (("a", 2), ("b", 0), ("c", 1))
    ]

    found = read({"Service": [service("web", {"app": "web", "slot": "c"})], "Deployment": deployments}, "web", known)

    assert (found.active, found.tracks[Track.BLUE].deployment, found.tracks[Track.BLUE].problem) == (
        Track.GREEN,
        "web-a",
        "",
    )


@pytest.mark.parametrize(
    ("others", "wanted"),
    [
        pytest.param([service("web-preview", {"app": "web", "color": "green"})], "web-preview", id="by its name"),
        pytest.param([service("try", {"app": "web", "color": "green"})], "try", id="by its selector"),
        pytest.param([service("lb", {"app": "web", "color": "blue"})], "", id="another entrance of the users"),
        pytest.param(
            [service("lb", {"app": "web", "color": "blue"}), service("try", {"app": "web", "color": "green"})],
            "try",
            id="beside another entrance",
        ),
        pytest.param([service("web-green", {"app": "web", "color": "green"})], "", id="one that stays on its track"),
        pytest.param(
            [service("one", {"app": "web", "color": "green"}), service("two", {"app": "web", "color": "green"})],
            "",
            id="two that could be it",
        ),
        pytest.param([service("try", {"app": "other", "color": "green"})], "", id="another application's"),
        pytest.param([service("web-preview", {"app": "web"})], "", id="one that names no track"),
        pytest.param(
            [service("web-preview", {"app": "web", "color": "green"}, labels={"tealdeck.io/governed": "true"})],
            "",
            id="one with users of its own",
        ),
    ],
)
def test_a_preview_service_is_found_without_an_annotation(others: list[Object], wanted: str) -> None:
    users = service("web", {"app": "web", "color": "blue"})
    known = BlueGreen(track_label="color", services=("web",))

    found = preview_service(users, [users, *others], known)

    assert (found["metadata"]["name"] if found else "") == wanted


def test_the_annotation_wins_over_names_and_selectors() -> None:
    users = service("web", {"app": "web", "color": "blue"}, annotations={"tealdeck.io/preview-service": "elsewhere"})
    others = [service("web-preview", {"app": "web", "color": "green"}), service("elsewhere", {"app": "x"})]

    found = preview_service(users, [users, *others], BlueGreen(track_label="color"))

    assert found is not None
    assert found["metadata"]["name"] == "elsewhere"


ROLLOUT = BlueGreen(services=("billing-agent-active",))


def test_a_rollout_of_argo_is_read_by_the_hashes_of_its_services() -> None:
    found = read(objects("argo"), "billing-agent-active", ROLLOUT)

    assert (found.active, found.preview_service) == (Track.BLUE, "billing-agent-preview")
    assert {track: (one.deployment, one.version, one.desired) for track, one in found.tracks.items()} == {
        Track.BLUE: ("billing-agent-7f8d9c6b5", "1", 1),
        Track.GREEN: ("billing-agent-5c4b7d9f8", "2", 1),
    }
    assert "`kubectl argo rollouts promote billing-agent -n support`" in found.moved_by
    assert "abort billing-agent" in found.moved_by


def test_pods_of_a_rollout_are_told_by_their_hash() -> None:
    found = objects("argo")
    users = found["Service"][0]
    values = of_service(ROLLOUT, users, services=found["Service"], replicasets=found["ReplicaSet"])
    pods = [a_pod(name, owner=item) for name, item in zip(("one", "two"), found["ReplicaSet"], strict=True)]
    stray = a_pod("stray", labels=found["ReplicaSet"][1]["spec"]["template"]["metadata"]["labels"])
    tracks = find_tracks(users, found["ReplicaSet"], values)

    sorted_pods = pods_by_track(users, tracks, replica_sets=found["ReplicaSet"], pods=[*pods, stray], blue_green=values)

    assert (sorted_pods[Track.BLUE].ready, sorted_pods[Track.BLUE].foreign) == ({"one"}, set())
    assert (sorted_pods[Track.GREEN].ready, sorted_pods[Track.GREEN].foreign) == ({"two"}, {"stray"})


def test_an_old_replicaset_that_argo_took_up_again_began_with_its_pods() -> None:
    found = objects("argo")["ReplicaSet"]
    found[1]["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    name = found[1]["metadata"]["name"]
    pods = [
        {"metadata": {"name": f"{name}-{end}", "creationTimestamp": f"2026-03-01T03:0{minute}:00Z"}}
        for minute, end in ((2, "b"), (1, "a"))
    ]

    assert release_began(name, found, found, pods) == (datetime(2026, 3, 1, 3, 1, tzinfo=UTC), f"{name}-")
    assert release_began(name, found, found) == (datetime(2026, 1, 1, tzinfo=UTC), f"{name}-")


def test_a_promoted_rollout_has_one_track_until_the_next_release() -> None:
    found = objects("argo")
    for item in found["Service"]:
        item["spec"]["selector"]["rollouts-pod-template-hash"] = "5c4b7d9f8"
    found["ReplicaSet"][0]["spec"]["replicas"] = 0

    read_now = read(found, "billing-agent-active", ROLLOUT)

    assert {track: one.version for track, one in read_now.tracks.items()} == {Track.BLUE: "2"}


def test_what_waits_to_be_scaled_down_after_a_promotion_is_not_the_candidate() -> None:
    found = objects("argo")
    for item in found["Service"]:
        item["spec"]["selector"]["rollouts-pod-template-hash"] = "5c4b7d9f8"

    read_now = read(found, "billing-agent-active", ROLLOUT)

    assert {track: one.version for track, one in read_now.tracks.items()} == {Track.BLUE: "2"}


def test_an_undo_is_a_new_revision_and_so_the_candidate() -> None:
    found = objects("argo")
    for item in found["Service"]:
        item["spec"]["selector"]["rollouts-pod-template-hash"] = "5c4b7d9f8"
    found["ReplicaSet"][0]["metadata"]["annotations"]["rollout.argoproj.io/revision"] = "3"

    read_now = read(found, "billing-agent-active", ROLLOUT)

    assert {track: one.version for track, one in read_now.tracks.items()} == {Track.BLUE: "2", Track.GREEN: "1"}


def test_a_rollout_without_a_preview_service_has_the_newest_replicaset_that_runs_beside_it() -> None:
    found = objects("argo")
    found["Service"].pop()
    older = copy.deepcopy(found["ReplicaSet"][1])
    older["metadata"] |= {"name": "billing-agent-0000", "creationTimestamp": "2026-01-01T00:00:00Z"}
    older["spec"]["template"]["metadata"]["labels"]["rollouts-pod-template-hash"] = "0000"
    found["ReplicaSet"][1]["metadata"]["creationTimestamp"] = "2026-02-01T00:00:00Z"
    found["ReplicaSet"].insert(0, older)

    read_now = read(found, "billing-agent-active", ROLLOUT)

    assert (read_now.preview_service, read_now.tracks[Track.GREEN].version) == (None, "2")


def test_our_own_labels_are_the_default() -> None:
    assert BlueGreenSettings().known == OURS


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.example.com:5000/team/agent:2.4.0", "2.4.0"),
        ("agent:2.4.0@sha256:" + "0" * 64, "2.4.0"),
        ("registry.example.com:5000/agent", ""),
        ("agent@sha256:" + "0" * 64, ""),
        ("agent:latest", ""),
    ],
)
def test_without_a_label_the_tag_of_the_image_is_the_version(image: str, version: str) -> None:
    one = deployment("web-blue", {"app": "web", "color": "blue"}, image=image)
    found = find_tracks(service("web", {"app": "web", "color": "blue"}), [one], BlueGreen(track_label="color"))
    assert found[Track.BLUE].version == version


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('blue = "a"', "blue or green alone; allowed: both, or neither"),
        ('blue = "a"\ngreen = "a"', "blue and green 'a'; allowed: two values that differ"),
        ('track_label = "bad label"', "track_label: found 'bad label'; allowed: a label's name"),
        ('track_label = ""', "track_label: found ''; allowed: a label's name"),
        ('blue = "a b"\ngreen = "c"', "blue: found 'a b'; allowed: a label's value"),
        ('services = ["Support_Agent"]', "found 'Support_Agent'; allowed: the name of a Service"),
        ('preview_name = "preview"', "preview_name: found 'preview'; allowed: a name with {} once"),
        ('colour = "x"', "colour: found an unknown key; allowed: track_label, blue, green"),
    ],
)
def test_each_mistake_names_key_found_and_allowed(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text(f"[environments.local.blue_green]\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        load(file, variables={})
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        pytest.param({}, {}, id="ours"),
        pytest.param(
            {"blue_green": {"track_label": "slot", "blue": "a", "green": "b"}}, {"blue": ("a",), "green": ("b",)}
        ),
        pytest.param(
            {
                "blue_green": {"track_label": "slot", "blue": "a", "green": "b"},
                "labels": {"track": {"name": "lane", "values": {"blue": "x", "green": "y"}}},
            },
            {"blue": ("x",), "green": ("y",)},
            id="the label's own line wins",
        ),
    ],
)
def test_metrics_tell_the_track_by_the_same_two_values(
    given: dict[str, Any], values: dict[str, tuple[str, ...]]
) -> None:
    environment = EnvironmentSettings.model_validate({"name": "local", **given})
    assert dict(environment.mapping.label("track").values) == values


def test_a_service_without_a_track_is_told_templates_first_and_the_selector_last() -> None:
    users = service("web", {"app": "web"})
    deployments = [deployment(f"web-{color}", {"app": "web"}) for color in ("blue", "green")]

    said = why_not_governed(users, deployments, of_service(COLOR, users, deployments=deployments))

    assert said.startswith("the selector of web has no color")
    commands = said.partition("last: ")[2].split("; then ")
    assert commands == [
        """kubectl -n support patch deployment web-blue --type merge -p """
        """'{"spec":{"template":{"metadata":{"labels":{"color":"blue"}}}}}'""",
        """kubectl -n support patch deployment web-green --type merge -p """
        """'{"spec":{"template":{"metadata":{"labels":{"color":"green"}}}}}'""",
        "kubectl -n support rollout status deployment web-blue",
        "kubectl -n support rollout status deployment web-green",
        """kubectl -n support patch service web --type merge -p '{"spec":{"selector":{"color":"blue"}}}'""",
    ]


def test_templates_that_have_the_label_are_left_alone() -> None:
    deployments = [deployment("web-one", {"app": "web", "color": "green"})]
    assert commands_for(service("web", {"app": "web"}), deployments, COLOR) == (
        """kubectl -n support patch service web --type merge -p '{"spec":{"selector":{"color":"green"}}}'""",
    )


def test_a_value_that_is_no_track_is_said_with_the_setting() -> None:
    said = why_not_governed(service("web", {"app": "web", "slot": "c"}), [], SLOT)
    assert "has slot=c, which is neither a nor b: set blue and green" in said


def test_a_service_that_names_a_track_lacks_nothing() -> None:
    assert why_not_governed(service("web", {"slot": "a"}), [], SLOT) == ""


# What else a Service lacks, with the commands that fix it.


def versioned(name: str, labels: Mapping[str, str], **given: Any) -> Object:
    item = deployment(name, labels, **given)
    return item | {"spec": item["spec"] | {"selector": {"matchLabels": {"app": labels.get("app", "web")}}}}


def patched(name: str, labels: Mapping[str, str]) -> str:
    written = ",".join(f'"{key}":"{value}"' for key, value in labels.items())
    return (
        f"kubectl -n support patch deployment {name} --type merge -p "
        f"""'{{"spec":{{"template":{{"metadata":{{"labels":{{{written}}}}}}}}}}}'"""
    )


NAMED = replace(COLOR, blue="blue", green="green")
BLUE = versioned("web-blue", {"app": "web", "color": "blue"})
USERS = service("web", {"app": "web", "color": "blue"})


@pytest.mark.parametrize(
    ("candidate", "labels"),
    [
        pytest.param(versioned("web-green", {"app": "web"}), {"color": "green"}, id="no label of the track"),
        pytest.param(versioned("web-next", {"app": "web"}), {"color": "VALUE"}, id="a name that tells no track"),
        pytest.param(
            versioned("web-green", {"app": "web", "color": "green"}, image="agent@sha256:1f"),
            {"app.kubernetes.io/version": "VERSION"},
            id="no version",
        ),
        pytest.param(
            versioned("web-green", {"app": "web"})
            | {"metadata": {"name": "web-green", "labels": {"app": "web", "color": "green"}}},
            {"color": "green"},
            id="the track on the Deployment alone",
        ),
    ],
)
def test_pods_that_lack_a_label_get_it_by_their_template_though_the_selector_has_its_own(
    candidate: Object, labels: Mapping[str, str]
) -> None:
    assert commands_for(USERS, [BLUE, candidate], NAMED) == (
        patched(candidate["metadata"]["name"], labels),
        f"kubectl -n support rollout status deployment {candidate['metadata']['name']}",
    )


def test_a_service_that_lacks_nothing_gets_no_command() -> None:
    green = versioned("web-green", {"app": "web", "color": "green"})
    assert (
        commands_for(USERS, [BLUE, green], NAMED, [USERS, service("web-preview", {"app": "web", "color": "green"})])
        == ()
    )


def test_a_preview_service_is_made_with_the_users_ports_on_the_other_track() -> None:
    green = versioned("web-green", {"app": "web", "color": "green"})
    ports = [{"name": "http", "port": 80, "targetPort": "web", "nodePort": 30080}, {"port": 9090}]
    users = USERS | {"spec": {**USERS["spec"], "ports": ports}}

    (command,) = commands_for(users, [BLUE, green], NAMED, [users])

    assert command == (
        """echo '{"apiVersion":"v1","kind":"Service","metadata":{"name":"web-preview","namespace":"support"},"""
        """"spec":{"selector":{"app":"web","color":"green"},"ports":[{"name":"http","port":80,"targetPort":"web"},"""
        """{"port":9090}]}}' | kubectl apply -f -"""
    )


@pytest.mark.parametrize(
    ("users", "deployments", "known"),
    [
        pytest.param(service("web", {"app": "web"}), [], NAMED, id="no Deployment behind the selector"),
        pytest.param(service("web", {}), [BLUE], NAMED, id="no selector"),
        pytest.param(
            service("web", {"app": "web"}),
            [
                versioned("web-blue", {"app": "web"})
                | {"metadata": {"name": "web-blue", "deletionTimestamp": "2026-03-01"}}
            ],
            NAMED,
            id="a Deployment that goes",
        ),
        pytest.param(
            service("web", {"app": "web"}),
            [
                versioned("web-blue", {"app": "web"})
                | {
                    "metadata": {
                        "name": "web-blue",
                        "ownerReferences": [{"kind": "App", "name": "x", "controller": True}],
                    }
                }
            ],
            NAMED,
            id="what another object controls",
        ),
        pytest.param(
            USERS,
            [
                BLUE,
                versioned("web-green", {"app": "other"})
                | {"metadata": {"name": "web-green", "labels": {"app": "web", "color": "green"}}},
            ],
            NAMED,
            id="a label that the Deployment's own selector fixes",
        ),
        pytest.param(service("web", {"rollouts-pod-template-hash": "1"}), [BLUE], NAMED, id="what Argo Rollouts moves"),
        pytest.param(
            USERS, [versioned("web-green", {"app": "web"})], replace(NAMED, doubt="three"), id="values in doubt"
        ),
    ],
)
def test_no_command_is_offered_where_it_would_not_help(
    users: Object, deployments: list[Object], known: BlueGreen
) -> None:
    assert commands_for(users, deployments, known, [users]) == ()


def test_the_selector_is_changed_only_behind_pods_that_will_carry_the_label() -> None:
    """A selector with a label that no pod carries would leave the users without a pod."""
    fixed = versioned("web-blue", {"app": "web"})
    fixed["metadata"]["ownerReferences"] = [{"kind": "App", "name": "x", "controller": True}]
    commands = commands_for(service("web", {"app": "web"}), [fixed, versioned("web-green", {"app": "web"})], NAMED)

    assert commands[0] == patched("web-green", {"color": "green"})
    assert commands[-1].endswith("""'{"spec":{"selector":{"color":"green"}}}'""")


def test_a_service_that_looks_like_blue_green_and_is_not_governed_gets_the_command_that_governs_it() -> None:
    known = replace(NAMED, governed_label="acme.example/managed")
    plain = service("web", {"app": "web"})

    assert could_be_governed(USERS, [], known)
    assert could_be_governed(plain, [BLUE, versioned("web-green", {"app": "web", "color": "green"})], known)
    assert not could_be_governed(plain, [BLUE], known)
    assert label_command(USERS, known) == "kubectl -n support label service web acme.example/managed=true"
