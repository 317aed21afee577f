"""Users without service are told on every page: nobody serves, or agents are stopped. The unknown is no outage."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.catalog import release as catalog
from dashboard.model.reading import Source, missing
from dashboard.queries.ask import Instant, Objects
from dashboard.queries.outage import outages
from tests.unit.test_triage import FakeAsk, service

SERVED = {
    "metadata": {"name": "a", "labels": {"kubernetes.io/service-name": "agent-runtime"}},
    "addressType": "IPv4",
    "ports": [{"port": 8080}],
    "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
}
UNSERVED = {**SERVED, "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]}


def said(slices: tuple[Any, ...], **more: Any) -> tuple[str, ...]:
    ask = FakeAsk(objects={"services": (service(),), "endpointslices": slices}, **more)
    return outages(ask, "agents")  # type: ignore[arg-type]


def test_nothing_is_said_while_users_are_served() -> None:
    assert said((SERVED,)) == ()


@pytest.mark.parametrize("slices", [pytest.param((), id="no endpoint"), pytest.param((UNSERVED,), id="none is ready")])
def test_a_service_that_nobody_serves_is_named(slices: tuple[Any, ...]) -> None:
    assert said(slices) == ("No pod serves agent-runtime: every request to it fails.",)


def test_the_kill_switch_stops_users() -> None:
    assert said((SERVED,), green={catalog.KILL_SWITCH.name: 1.0}) == (
        "The kill switch is engaged: agents are stopped by policy.",
    )


def test_what_is_not_known_is_no_outage() -> None:
    nobody = missing("no answer", source=Source.KUBERNETES)
    assert said((), instead={Objects: nobody, Instant: nobody}) == ()
