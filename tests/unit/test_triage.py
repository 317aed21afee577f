"""What Triage answers, from readings: a fault before its alert, its evidence, and what may never be said.

The Ask is a fake of two methods; grouping and order are in test_incidents.py, the page in test_ui_app.py and in a
browser.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.model.alert import Alert
from dashboard.model.health import SourceHealth
from dashboard.model.incident import CauseFamily, Standing
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.series import Sample, Series
from dashboard.model.view import View
from dashboard.queries.ask import Alerts, Instant, Logs, Objects, Range, Request
from dashboard.queries.readings import Readings
from dashboard.queries.triage import Triage, triage
from dashboard.settings import EnvironmentSettings
from dashboard.settings.sources import PrometheusSettings

NOW = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
VIEW = View(env="local", ns="agents")
TRACKS = ("blue", "green")
WELL = {
    "track_runs": 12.0,
    "track_error_ratio": 0.002,
    "track_p95": 0.8,
    "track_evaluations": 40.0,
    "track_violation_ratio": 0.001,
}

SERVING: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "endpointslices": (
        {
            "metadata": {"name": "a", "labels": {"kubernetes.io/service-name": "agent-runtime"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True, "serving": True}}],
            "ports": [{"name": "http", "port": 8080}],
        },
    )
}


class FakeAsk:
    """Answers from a table of values by expression and track; `instead` replaces whole kinds of answers."""

    environment = EnvironmentSettings(name="local", prometheus=PrometheusSettings(scrape_interval_seconds=3))

    def __init__(
        self,
        *,
        green: Mapping[str, float] | None = None,
        blue: Mapping[str, float] | None = None,
        alerts: tuple[Alert, ...] = (),
        objects: Mapping[str, tuple[Mapping[str, Any], ...]] | None = None,
        instead: Mapping[type, Reading[Any]] | None = None,
    ) -> None:
        self.values = {"green": {**WELL, **(green or {})}, "blue": {**WELL, **(blue or {})}}
        self.alerts, self.objects, self.instead = alerts, {**SERVING, **(objects or {})}, instead or {}
        self.asked: list[Mapping[str, Request]] = []

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        self.asked.append(requests)
        return Readings(requests, {key: self._one(request) for key, request in requests.items()})

    def health(self) -> tuple[SourceHealth, ...]:
        return tuple(SourceHealth(source=source, reachable=True) for source in Source)

    def _one(self, request: Request) -> Reading[Any]:
        if type(request) in self.instead:
            return self.instead[type(request)]
        match request:
            case Instant():
                return self._samples(request)
            case Range():
                lines = tuple(Series(labels=labels(t), times=(1.0, 2.0), values=(0.1, 0.2)) for t in TRACKS)
                return fresh(lines, source=Source.PROMETHEUS, as_of=NOW)
            case Alerts():
                return fresh(self.alerts, source=Source.ALERTMANAGER, as_of=NOW)
            case Logs():
                return fresh(page(), source=Source.ELASTICSEARCH, as_of=NOW)
            case Objects():
                return fresh(self.objects.get(request.kind, ()), source=Source.KUBERNETES, as_of=NOW)
        raise AssertionError(f"Triage asks no {request}")

    def _samples(self, request: Instant) -> Reading[Any]:
        name = request.expression.name
        found = tuple(Sample(labels=labels(t), value=v[name]) for t, v in self.values.items() if name in v)
        return (
            fresh(found, source=Source.PROMETHEUS, as_of=NOW)
            if found
            else empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
        )


def labels(track: str) -> dict[str, str]:
    return {"service_name": "agent-runtime", "track": track}


def page() -> LogPage:
    entry = LogEntry(
        at=NOW, severity="ERROR", message="timeout", service="agent-runtime", track="green", pod="p",
        trace_id="", span_id="", attributes={}, id="1",
    )  # fmt: skip
    return LogPage(entries=(entry,), total=1, total_is_lower_bound=False, histogram=(), terms={})


def ask_triage(ask: FakeAsk) -> Triage:
    return triage(ask, VIEW, NOW)  # type: ignore[arg-type]  # the fake has what Triage uses


def service(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "agent-runtime",
            "labels": {"tealdeck.io/governed": "true"},
            "annotations": {"tealdeck.io/owner": "team-agents", **annotations},
        },
        "spec": {"selector": {"app.kubernetes.io/name": "agent-runtime", "tealdeck.io/track": "green"}},
    }


def test_a_fault_is_told_before_its_alert_with_both_tracks_its_owner_and_its_newest_error_line() -> None:
    found = ask_triage(FakeAsk(green={"track_error_ratio": 0.31}, objects={"services": (service(),)}))
    (incident,) = found.incidents
    assert (incident.family, incident.standing, incident.owner) == (CauseFamily.ERRORS, Standing.SUSPECT, "team-agents")
    evidence = found.evidence[incident.key]
    assert [(track, measured.value.value) for track, measured in evidence.pair] == [("green", 0.31), ("blue", 0.002)]
    assert evidence.log is not None
    assert evidence.log.value is not None
    assert evidence.log.value.message == "timeout"


def test_the_switch_before_an_incident_is_its_last_change() -> None:
    intent = {
        "id": "a1", "kind": "switch", "source": "blue", "target": "green", "version": "1.8.0", "actor": "mira",
        "reason": "", "step": "done", "started_at": (NOW - timedelta(seconds=40)).isoformat(), "outcome": "succeeded",
        "ended_at": NOW.isoformat(),
    }  # fmt: skip
    objects = {"services": (service(**{"tealdeck.io/action": json.dumps(intent)}),)}
    found = ask_triage(FakeAsk(green={"track_error_ratio": 0.31}, objects=objects))
    change = found.evidence[found.incidents[0].key].change
    assert change is not None
    assert change.what == "switch to green 1.8.0 by mira"


def test_when_all_is_well_nothing_more_is_asked() -> None:
    ask = FakeAsk()
    found = ask_triage(ask)
    assert (found.incidents, found.unknown, found.has_traffic) == ((), {}, True)
    assert len(ask.asked) == 1


@pytest.mark.parametrize(
    ("kind", "source", "what"),
    [
        pytest.param(Alerts, Source.ALERTMANAGER, "alerts", id="no alerts"),
        pytest.param(Instant, Source.PROMETHEUS, "error ratios", id="no metrics"),
        pytest.param(Objects, Source.KUBERNETES, "pods", id="no cluster"),
    ],
)
@pytest.mark.parametrize("state", [State.MISSING, State.STALE, State.PARTIAL])
def test_what_a_source_does_not_say_now_is_unknown(kind: type, source: Source, what: str, state: State) -> None:
    gone: Reading[Any] = missing("refused", source=source)
    if state is not State.MISSING:
        gone = Reading(value=(), source=source, state=state, as_of=NOW, reason="refused")
    [(why, names)] = ask_triage(FakeAsk(instead={kind: gone})).unknown.items()
    assert (why, what in names) == ("refused", True)


def test_a_stale_ratio_raises_no_suspicion_about_now() -> None:
    old = Reading(
        value=(Sample(labels=labels("green"), value=0.9),),
        source=Source.PROMETHEUS,
        state=State.STALE,
        as_of=NOW - timedelta(minutes=5),
        reason="refused",
    )
    assert ask_triage(FakeAsk(instead={Instant: old})).incidents == ()


def test_without_series_there_is_no_traffic_and_nothing_is_called_measured() -> None:
    nothing: Reading[Any] = empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
    found = ask_triage(FakeAsk(instead={Instant: nothing}))
    assert (found.measured, found.has_traffic, found.incidents) == (0, False, ())


def test_logs_that_do_not_answer_cost_the_card_nothing_but_the_line() -> None:
    gone: Reading[Any] = missing("timed out", source=Source.ELASTICSEARCH)
    found = ask_triage(FakeAsk(green={"track_error_ratio": 0.31}, instead={Logs: gone}))
    log = found.evidence[found.incidents[0].key].log
    assert log is not None
    assert log.reason == "timed out"


def test_a_service_whose_figures_are_not_answered_has_figures_that_say_so() -> None:
    gone: Reading[Any] = missing("refused", source=Source.PROMETHEUS)
    found = ask_triage(FakeAsk(objects={"services": (service(),)}, instead={Instant: gone, Range: gone}))
    figures = found.figures[("agent-runtime", "green")]
    assert {measured.value.reason for measured in figures.values()} == {"refused"}
