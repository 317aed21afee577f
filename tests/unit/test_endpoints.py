"""Who gets a Service's connections, by EndpointSlices in odd but legal shapes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.endpoints import receivers

ENDING = {"ready": False, "serving": True, "terminating": True}


PORTS = [{"name": "http", "port": 8080, "protocol": "TCP"}]


def a_slice(
    *endpoints: Any, service: str = "agent-runtime", family: str = "IPv4", ports: Any = PORTS
) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": service}
    metadata = {"name": "s", "labels": labels}
    return {"metadata": metadata, "addressType": family, "endpoints": list(endpoints), "ports": ports}


def an_endpoint(pod: str, **conditions: Any) -> dict[str, Any]:
    return {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": pod}, "conditions": conditions}


def ready(*numbers: int) -> list[dict[str, Any]]:
    return [an_endpoint(f"g-{number}", ready=True, serving=True, terminating=False) for number in numbers]


@pytest.mark.parametrize(
    ("slices", "found"),
    [
        pytest.param([a_slice(*ready(1, 2)), a_slice(*ready(3))], {"g-1", "g-2", "g-3"}, id="two slices"),
        pytest.param([a_slice(*ready(1)), a_slice(*ready(1), family="IPv6")], {"g-1"}, id="dual stack"),
        pytest.param([a_slice(*ready(1, 2)), a_slice(*ready(2, 3))], {"g-1", "g-2", "g-3"}, id="one that moves"),
        pytest.param(
            [a_slice(*ready(1)), a_slice(an_endpoint("g-1", ready=False))], {"g-1"}, id="ready in one of two slices"
        ),
        pytest.param([a_slice(an_endpoint("g-1"))], {"g-1"}, id="ready is left out, which means true"),
        pytest.param([a_slice(an_endpoint("g-1", ready=None))], {"g-1"}, id="ready is null"),
        pytest.param([{"metadata": {"labels": None}, "endpoints": ready(1)}], set(), id="no labels"),
        pytest.param([{**a_slice(), "endpoints": None}], set(), id="endpoints are null"),
        pytest.param([a_slice({**an_endpoint("g-1"), "conditions": None})], {"g-1"}, id="conditions are null"),
        pytest.param([a_slice(*ready(1), service="gateway")], set(), id="another Service's"),
        pytest.param([a_slice({"addresses": ["192.0.2.4"], "conditions": {}})], {"192.0.2.4"}, id="no pod behind it"),
        pytest.param(
            [a_slice(an_endpoint("g-1", **ENDING), an_endpoint("g-2", **ENDING))], {"g-1", "g-2"},
            id="all are ending and still serve",
        ),
        pytest.param([a_slice(an_endpoint("b-1", **ENDING), *ready(1))], {"g-1"}, id="ends beside a ready one"),
        pytest.param(
            [a_slice(an_endpoint("g-1", ready=False, serving=False, terminating=True))], set(), id="does not serve"
        ),
        pytest.param([a_slice(an_endpoint("g-1", ready=False, serving=True))], set(), id="serves but is not ready"),
        pytest.param(
            [a_slice(*ready(1)), a_slice(an_endpoint("b-1", **ENDING), family="IPv6")], {"g-1", "b-1"},
            id="each address family falls back by itself",
        ),
        pytest.param([a_slice(*ready(1), ports=None)], set(), id="ready, but lacks the Service's named port"),
        pytest.param([a_slice(*ready(1), ports=[])], set(), id="no ports"),
        pytest.param([a_slice(*ready(1), ports=[{"name": "http", "port": None}])], set(), id="a port without a number"),
        pytest.param([a_slice(*ready(1), ports=[{"port": 80}])], {"g-1"}, id="a port without a name"),
        pytest.param(
            [a_slice(*ready(1), ports=None), a_slice(*ready(2))], {"g-2"}, id="one of two rollouts lacks the port"
        ),
        pytest.param(
            [a_slice(an_endpoint("b-1", **ENDING)), a_slice(*ready(1), ports=None)], {"b-1"},
            id="falls back to what ends where the ready ones lack the port",
        ),
        pytest.param(
            [{key: value for key, value in a_slice(*ready(1)).items() if key != "ports"}], {"g-1"},
            id="ports are left out",
        ),
        pytest.param([a_slice(*ready(1), family="FQDN")], set(), id="names instead of addresses"),
        pytest.param([a_slice(*ready(1), family="FQDN"), a_slice(*ready(2))], {"g-2"}, id="names beside addresses"),
    ],
)  # fmt: skip
def test_connections_go_where_kube_proxy_sends_them(slices: list[Any], found: set[str]) -> None:
    assert receivers("agent-runtime", slices) == found


@given(st.lists(st.sampled_from(["ready", "ending", "gone"]), max_size=8), st.integers(0, 8))
def test_how_endpoints_are_cut_into_slices_makes_no_difference(states: list[str], cut: int) -> None:
    conditions = {"ready": {"ready": True}, "ending": ENDING, "gone": {"ready": False, "serving": False}}
    endpoints = [an_endpoint(f"g-{place}", **conditions[state]) for place, state in enumerate(states)]
    whole = receivers("agent-runtime", [a_slice(*endpoints)])
    assert receivers("agent-runtime", [a_slice(*endpoints[:cut]), a_slice(*endpoints[cut:])]) == whole
    assert bool(whole) is any(state != "gone" for state in states)
