"""The doctor beyond metrics: patterns of logs, fields by concept, rights, retention and the commands for a Service."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any, cast

import pytest

from connectors.elasticsearch import FieldType, FieldTypes, Unavailable
from connectors.errors import Rejected
from dashboard.cli import sources as command
from dashboard.model.reading import Source, State, fresh
from dashboard.model.release import GovernedService, Track, TrackStatus
from dashboard.queries.ask import Ask
from dashboard.queries.fit import LogCheck, Right, log_check, retention_days, retention_says, rights
from dashboard.queries.resolution import resolve
from dashboard.queries.sources import FitAnswer, ServiceCheck, SourcesAnswer
from tests.unit.asking import NOW, World, environment

WHOLE = {
    "body.text": "match_only_text",
    "severity_text": "keyword",
    "resource.attributes.service.name": "keyword",
    "resource.attributes.k8s.namespace.name": "keyword",
    "resource.attributes.k8s.pod.name": "keyword",
    "trace_id": "keyword",
}


def types(**by_index: dict[str, str]) -> FieldTypes:
    names = {name for fields in by_index.values() for name in fields}
    found = {
        name: tuple(
            FieldType(type=fields[name], aggregatable="text" not in fields[name], indices=frozenset({index}))
            for index, fields in by_index.items()
            if name in fields
        )
        for name in names
    }
    return FieldTypes(by_name=found, indices=frozenset(by_index))


def checked(**by_index: dict[str, str]) -> LogCheck:
    return log_check("logs", "logs-*", resolve("logs", types(**by_index)))


def test_a_pattern_that_matches_no_index_is_named_with_its_setting() -> None:
    found = checked()

    assert found.says == ("no index matches logs-* (elasticsearch.logs in the settings)",)
    assert found.is_wrong


def test_whole_documents_lack_nothing_and_the_pod_tells_the_track() -> None:
    assert checked(a=WHOLE).says == ()


@pytest.mark.parametrize("field", ["resource.attributes.service.name", "body.text", "trace_id"])
def test_a_field_that_an_index_lacks_is_named_by_concept_with_the_setting(field: str) -> None:
    concept = {"resource.attributes.service.name": "service", "body.text": "message"}.get(field, field)
    part = {name: kind for name, kind in WHOLE.items() if name != field}

    (everywhere,) = checked(a=part).says
    (in_one,) = checked(a=WHOLE, b=part).says

    assert everywhere.startswith(f"no index has a field for the {concept}")
    assert in_one.startswith(f"b has no field for the {concept}")
    assert f"elasticsearch.fields.logs.{concept}" in in_one


def test_without_a_pods_name_the_track_is_lacking_too() -> None:
    part = {name: kind for name, kind in WHOLE.items() if "pod" not in name}
    assert [said.split(";")[0] for said in checked(a=part).says] == [
        "no index has a field for the pod",
        "no index has a field for the track",
    ]


def test_an_index_that_cannot_be_searched_is_named() -> None:
    closed = resolve("logs", types(a=WHOLE), (Unavailable(index="b", why="is closed"),))
    assert log_check("logs", "a,b", closed).says == ("b is closed",)


def test_traces_that_nobody_writes_are_told_and_are_no_fault() -> None:
    found = log_check("traces", "traces-*", resolve("traces", types()))
    assert found.says
    assert not found.is_wrong


def service(**more: Any) -> GovernedService:
    tracks = {
        track: TrackStatus(
            track=track, deployment=f"web-{track}", version="1", desired=1, ready=1, restarts=0, serving=1
        )
        for track in Track
    }
    given = {"namespace": "agents", "name": "web", "active": Track.BLUE, "preview_service": "web-preview", "owner": ""}
    return GovernedService(**{**given, "tracks": tracks, **more})


def test_rights_are_those_of_the_governed_services_alone() -> None:
    writes = {str(one) for one in rights(["agents"], [service()]) if one.verb == "patch"}

    assert writes == {
        "patch services web in agents",
        "patch services web-preview in agents",
        "patch deployments/scale web-blue in agents",
        "patch deployments/scale web-green in agents",
    }
    moved = rights(["agents"], [service(moved_by="Argo Rollouts moves it")])
    assert not [one for one in moved if one.verb == "patch"]
    assert "get pods/log in agents" in {str(one) for one in moved}


class Reviewed:
    """A cluster that answers access reviews from a set of refusals."""

    def __init__(self, world: World, refused: set[tuple[str, str]] | None) -> None:
        self.clock, self.version = world.cluster.clock, world.cluster.version
        self._refused = refused

    def may(self, verb: str, kind: str, *rest: Any) -> bool:
        if self._refused is None:
            raise Rejected("kubernetes", "access reviews are forbidden")
        return (verb, kind) not in self._refused


def asking(refused: set[tuple[str, str]] | None) -> Any:
    world = World(environment())
    sources = replace(world.ask._sources, kubernetes=cast(Any, Reviewed(world, refused)))
    world.ask.close()
    return Ask(environment(), sources, clock=world.clock.now, seconds=world.clock.seconds)


def test_access_reviews_say_which_rights_are_refused_and_nothing_where_they_are_forbidden() -> None:
    wanted = rights(["agents"], [service()])
    ask, mute = asking({("patch", "services"), ("watch", "jobs")}), asking(None)

    found, unknown = ask.refused(wanted), mute.refused(wanted)
    ask.close()
    mute.close()

    assert {str(one) for one in found.value} == {
        "patch services web in agents",
        "patch services web-preview in agents",
        "watch jobs in agents",
    }
    assert (unknown.state, unknown.value) == (State.MISSING, None)


@pytest.mark.parametrize(
    ("text", "days"), [("15d", 15.0), ("2w or 10GiB", 14.0), ("1y", 365.0), ("36h", 1.5), ("10GiB", None), ("", None)]
)
def test_retention_is_read_in_days(text: str, days: float | None) -> None:
    assert retention_days(text) == days


def test_a_retention_shorter_than_what_presence_needs_is_said() -> None:
    said = retention_says(fresh("7d", source=Source.PROMETHEUS, as_of=NOW), 400)
    assert said.startswith("keeps 7 days, fewer than the 14")
    assert said.endswith("retention_days = 7")
    assert retention_says(fresh("500d", source=Source.PROMETHEUS, as_of=NOW), 400) == "keeps 500 days"


def answers(**more: Any) -> tuple[SourcesAnswer, FitAnswer]:
    def known(value: Any) -> Any:
        return fresh(value, source=Source.KUBERNETES, as_of=NOW)

    services = known((ServiceCheck(namespace="agents", name="web", says=()),))
    found = SourcesAnswer(health=(), missing=known(()), concepts=known(()), services=services)
    logs = {"logs": known(LogCheck(stream="logs", pattern="logs-*", matched=("logs-a",)))}
    return found, FitAnswer(**{"logs": logs, "refused": known(()), "retention": known("15d"), **more})


def test_exit_codes_tell_what_could_be_mended() -> None:
    def known(value: Any) -> Any:
        return fresh(value, source=Source.KUBERNETES, as_of=NOW)

    silent = LogCheck(stream="logs", pattern="x", matched=(), says=("no index matches x",))
    assert command._code(*answers()) == 0
    assert command._code(*answers(refused=known((Right(verb="list", kind="pods"),)))) == 3
    assert command._code(*answers(logs={"logs": known(silent)})) == 3
    assert command._code(*answers(logs={"traces": known(replace(silent, stream="traces"))})) == 0


def test_text_and_json_say_the_same() -> None:
    found, fitting = answers(refused=fresh((Right(verb="list", kind="pods"),), source=Source.KUBERNETES, as_of=NOW))
    mended = ServiceCheck(namespace="agents", name="web", says=("no label",), commands=("kubectl one", "kubectl two"))
    found = replace(found, services=fresh((mended,), source=Source.KUBERNETES, as_of=NOW))

    text = "\n".join((command._table(found), *command._fit(fitting, 400)))
    document = json.loads(json.dumps(command._document(found, fitting), default=str))

    assert text.index("run: kubectl one") < text.index("run: kubectl two")
    assert "list pods" in text
    assert "logs: logs-* matches logs-a" in text
    assert "retention: prometheus keeps 15 days; write: retention_days = 15" in text
    assert document["services"][0]["commands"] == ["kubectl one", "kubectl two"]
    assert document["refused_rights"] == ["list pods"]
    assert document["logs"]["logs"]["matched"] == ["logs-a"]
    assert document["retention"] == "15d"


def test_the_command_declares_its_ways() -> None:
    parser = argparse.ArgumentParser()
    command.add(parser)
    assert parser.parse_args(["--json"]).json
