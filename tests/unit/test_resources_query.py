"""What the Resources page answers from readings, where its words are its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from dashboard.model.reading import Source, State, empty
from dashboard.model.view import View
from dashboard.queries.readings import Readings
from dashboard.queries.request import Request
from dashboard.queries.resources import resources
from tests.unit.asking import environment

NOW = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)


class NothingThere:
    """An Ask whose sources answer, and have nothing."""

    environment = environment()

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        nothing = empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
        return Readings(requests, dict.fromkeys(requests, nothing))


def test_without_a_cpu_limit_throttling_is_not_told_as_a_lack_of_traffic() -> None:
    found = resources(NothingThere(), View(env="local", ns="agents"), NOW)  # type: ignore[arg-type]
    throttled = found.measures["throttled"].value
    assert (throttled.state, throttled.value) == (State.EMPTY, None)
    assert "no container with a CPU limit" in throttled.reason
