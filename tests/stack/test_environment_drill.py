"""No request is lost while pods are replaced and traffic is switched: the short form of `python -m bench.drill`."""

from __future__ import annotations

import asyncio

import pytest

from bench.drill import Plan, drill
from tests.environment import Environment

pytestmark = pytest.mark.slow


def test_a_rolling_update_and_two_switches_lose_nothing(environment: Environment) -> None:
    plan = Plan(requests=3000, rate=200, updates=1, switches=2, namespace="short-drill")
    score = asyncio.run(drill(environment.endpoints["kubeconfig"], plan))
    assert not score.lost
    assert (score.updates, score.switches) == (1, 2)
    assert score.answered >= 3000
    assert score.slow >= 30, "no long request was under way"
    assert score.messages > 100, "the WebSockets did not talk"
    assert set(score.by_track) == {"blue", "green"}, "the switch moved nothing"
