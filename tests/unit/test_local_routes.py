"""How HTTPRoutes split a Service's requests: who gets which share, and which routes do not count."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.proxy.routes import Port, Turns, splits

BLUE, GREEN = ("agents", "blue", "http"), ("agents", "green", "http")
Json = dict[str, Any]


def service(name: str) -> Json:
    ports = [{"name": "http", "port": 8080}, {"name": "admin", "port": 9090}]
    return {"metadata": {"name": name, "namespace": "agents"}, "spec": {"ports": ports}}


def backend(name: str, weight: Any = None, **more: Any) -> Json:
    return {"name": name, "port": 8080, **({} if weight is None else {"weight": weight}), **more}


def route(*backends: Json, name: str = "split", created: str = "2026-01-01T00:00:00Z", **rule: Any) -> Json:
    parent = {"group": "", "kind": "Service", "name": "blue", "port": 8080}
    metadata = {"name": name, "namespace": "agents", "creationTimestamp": created}
    spec = {"parentRefs": [parent], "rules": [{"backendRefs": list(backends), **rule}]}
    return {"metadata": metadata, "spec": spec}


def of(*routes: Json) -> tuple[dict[Port, dict[Port, int]], list[str]]:
    return splits(routes, [service("blue"), service("green")])


def test_a_route_splits_the_port_of_its_parent_by_weight() -> None:
    assert of(route(backend("blue", 90), backend("green", 10))) == ({BLUE: {BLUE: 90, GREEN: 10}}, [])


def test_a_parent_without_a_port_means_all_of_its_ports() -> None:
    wide = route(backend("green"))
    del wide["spec"]["parentRefs"][0]["port"]
    assert of(wide)[0].keys() == {BLUE, ("agents", "blue", "admin")}


def test_a_weight_that_is_not_given_is_one() -> None:
    assert of(route(backend("blue"), backend("green", 3)))[0] == {BLUE: {BLUE: 1, GREEN: 3}}


def test_a_backend_that_is_not_there_keeps_its_share() -> None:
    assert of(route(backend("blue", 1), backend("gone", 1)))[0] == {BLUE: {BLUE: 1, ("agents", "gone", ""): 1}}


def test_a_route_of_a_gateway_is_somebody_elses() -> None:
    gateway = route(backend("green"), filters=[{"type": "RequestMirror"}])
    gateway["spec"]["parentRefs"] = [{"name": "public"}]
    assert of(gateway) == ({}, [])


def test_the_oldest_of_several_routes_counts() -> None:
    young = route(backend("green"), name="a", created="2026-01-02T00:00:00Z")
    found, problems = of(young, route(backend("blue"), name="b"))
    assert found == {BLUE: {BLUE: 1}}
    assert problems == ["HTTPRoute agents/a is left out: an older one has port http of Service blue"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (route(backend("green"), matches=[{"path": {"type": "PathPrefix", "value": "/beta"}}]), "some requests only"),
        (route(backend("green"), filters=[{"type": "RequestMirror"}]), "it asks for filters"),
        (route(backend("green", filters=[{"type": "RequestMirror"}])), "it asks for filters"),
        (route(backend("green", namespace="elsewhere")), "another namespace"),
        (route(backend("green", group="example.com", kind="Bucket")), "green is no Service"),
        (route(), "it names no backendRefs"),
        (route(backend("green", -1)), "the weight of green is negative"),
        (route({"weight": 1}), "it cannot be read"),
        (route(backend("green", weight="much")), "it cannot be read"),
        (route("green"), "it cannot be read"),  # type: ignore[arg-type]
    ],
    ids=[
        "a match",
        "a filter",
        "a filter of a backend",
        "another namespace",
        "no Service",
        "nobody",
        "a negative weight",
        "no name",
        "a word for a weight",
        "a word for a backend",
    ],
)
def test_a_route_that_asks_for_more_is_left_out_with_the_reason(asked: Json, why: str) -> None:
    found, (problem,) = of(asked)
    assert found == {}
    assert why in problem


def test_a_match_of_every_path_is_no_condition() -> None:
    every = [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert of(route(backend("green"), matches=every))[0] == {BLUE: {GREEN: 1}}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any), st.integers(1, 3))
def test_in_full_rounds_everyone_has_exactly_its_weight(weights: list[int], rounds: int) -> None:
    wanted = {("agents", str(index), "http"): weight for index, weight in enumerate(weights)}
    turns = Turns(wanted)
    counted = Counter(turns.next() for _ in range(rounds * sum(weights)))
    assert counted == Counter({port: rounds * weight for port, weight in wanted.items()})


def test_weights_of_zero_send_to_nobody() -> None:
    assert Turns({BLUE: 0, GREEN: 0}).next() is None
