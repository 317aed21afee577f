"""Alertmanager: what fires, silenced or not, and typed errors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.alertmanager import Alertmanager
from connectors.errors import BadAnswer, Refused, Unreachable

_ALERT = {
    "labels": {"alertname": "TargetDown", "severity": "critical"},
    "annotations": {"summary": "A target is down."},
    "startsAt": "2026-01-02T03:04:05.678901234Z",
    "endsAt": "2026-01-02T04:04:05Z",
    "fingerprint": "abc",
    "receivers": [{"name": "team"}],
    "status": {"state": "suppressed", "silencedBy": ["s1"], "inhibitedBy": []},
}


def test_an_alert_is_read_with_who_silenced_it(backend, answer):
    backend.answers["/api/v2/alerts"] = answer([_ALERT])

    [alert] = Alertmanager(backend.url).alerts()

    assert alert.labels["alertname"] == "TargetDown"
    assert alert.starts_at == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert (alert.state, alert.silenced_by, alert.fingerprint) == ("suppressed", ("s1",), "abc")


def test_filters_are_passed_on(backend, answer):
    backend.answers["/api/v2/alerts"] = answer([])

    assert Alertmanager(backend.url + "/").alerts(['namespace="agents"']) == ()
    assert backend.asked[0].query == {"filter": 'namespace="agents"'}


def test_the_version_is_told(backend, answer):
    backend.answers["/api/v2/status"] = answer({"versionInfo": {"version": "0.25.0"}})

    assert Alertmanager(backend.url).version() == "0.25.0"


def test_a_bad_filter_is_refused_in_its_own_words(backend, answer):
    backend.answers["/api/v2/alerts"] = answer({"code": 400, "message": "bad matcher format"}, status=400)

    with pytest.raises(Refused, match="bad matcher format"):
        Alertmanager(backend.url).alerts(["nonsense"])


def test_a_list_of_something_else_is_a_bad_answer(backend, answer):
    backend.answers["/api/v2/alerts"] = answer([{"name": "x"}])

    with pytest.raises(BadAnswer, match="another shape"):
        Alertmanager(backend.url).alerts()


def test_nobody_listening_is_unreachable(dead_url: str):
    with pytest.raises(Unreachable, match="connection refused"):
        Alertmanager(dead_url).alerts()
