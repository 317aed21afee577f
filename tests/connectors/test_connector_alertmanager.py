"""Alertmanager: what fires, silenced or not, and typed errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.alertmanager import Alertmanager, Matcher
from connectors.errors import BadAnswer, Rejected, Unreachable

_ALERT = {
    "labels": {"alertname": "TargetDown", "severity": "critical"},
    "annotations": {"summary": "A target is down."},
    "startsAt": "2026-01-02T03:04:05.678901234Z",
    "endsAt": "2026-01-02T04:04:05Z",
    "fingerprint": "abc",
    "receivers": [{"name": "team"}],
    "status": {"state": "suppressed", "silencedBy": ["s1"], "inhibitedBy": [], "mutedBy": ["night"]},
}


def test_an_alert_is_read_with_who_silenced_it(backend, answer):
    backend.answers["/api/v2/alerts"] = answer([_ALERT])

    [alert] = Alertmanager(backend.url).alerts()

    assert alert.labels["alertname"] == "TargetDown"
    assert alert.starts_at == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert (alert.state, alert.silenced_by, alert.fingerprint) == ("suppressed", ("s1",), "abc")
    assert alert.muted_by == ("night",)


def test_filters_are_passed_on(backend, answer):
    backend.answers["/api/v2/alerts"] = answer([])

    assert Alertmanager(backend.url + "/").alerts(['namespace="agents"']) == ()
    assert backend.asked[0].query == {"filter": 'namespace="agents"'}


def test_the_version_is_told(backend, answer):
    backend.answers["/api/v2/status"] = answer({"versionInfo": {"version": "0.25.0"}})

    assert Alertmanager(backend.url).version() == "0.25.0"


def test_a_bad_filter_is_refused_in_its_own_words(backend, answer):
    backend.answers["/api/v2/alerts"] = answer({"code": 400, "message": "bad matcher format"}, status=400)

    with pytest.raises(Rejected, match="bad matcher format"):
        Alertmanager(backend.url).alerts(["nonsense"])


def test_a_list_of_something_else_is_a_bad_answer(backend, answer):
    backend.answers["/api/v2/alerts"] = answer([{"name": "x"}])

    with pytest.raises(BadAnswer, match="another shape"):
        Alertmanager(backend.url).alerts()


def test_nobody_listening_is_unreachable(dead_url: str):
    with pytest.raises(Unreachable, match="connection refused"):
        Alertmanager(dead_url).alerts()


_SILENCE = {
    "id": "s1",
    "status": {"state": "active"},
    "matchers": [{"name": "track", "value": "green|blue", "isRegex": True, "isEqual": True}],
    "startsAt": "2026-01-02T03:00:00Z",
    "endsAt": "2026-01-02T04:00:00Z",
    "createdBy": "ada",
    "comment": "known",
    "updatedAt": "2026-01-02T03:00:00Z",
}


def test_a_silence_that_is_read_can_be_extended_as_it_is(backend, answer):
    backend.answers["/api/v2/silences"] = lambda asked: answer(
        [_SILENCE] if asked.method == "GET" else {"silenceID": "s1"}
    )
    alertmanager = Alertmanager(backend.url)

    [silence] = alertmanager.silences()
    assert alertmanager.silence(replace(silence, ends_at=datetime(2026, 1, 2, 6, tzinfo=UTC))) == "s1"

    assert (silence.state, silence.created_by, str(silence.matchers[0])) == ("active", "ada", 'track=~"green|blue"')
    posted = backend.asked[-1].json
    assert (posted["id"], posted["endsAt"]) == ("s1", "2026-01-02T06:00:00+00:00")
    assert posted["matchers"] == _SILENCE["matchers"]


def test_a_silence_is_ended_by_its_id(backend, answer):
    backend.answers["/api/v2/silence/s1"] = answer(b"")

    Alertmanager(backend.url).expire("s1")

    assert (backend.asked[0].method, backend.asked[0].path) == ("DELETE", "/api/v2/silence/s1")


@pytest.mark.parametrize(
    ("matcher", "text"),
    [
        pytest.param(Matcher(name="a", value="x"), 'a="x"', id="equal"),
        pytest.param(Matcher(name="a", value="x.*", is_regex=True), 'a=~"x.*"', id="a pattern"),
        pytest.param(Matcher(name="a", value="x", is_equal=False), 'a!="x"', id="not equal"),
        pytest.param(Matcher(name="a", value="x.*", is_regex=True, is_equal=False), 'a!~"x.*"', id="not a pattern"),
        pytest.param(Matcher(name="a", value='say "\\n"'), 'a="say \\"\\\\n\\""', id="quotes and backslashes"),
    ],
)
def test_what_a_silence_would_match_is_asked_of_alertmanager_itself(backend, answer, matcher: Matcher, text: str):
    backend.answers["/api/v2/alerts"] = answer([_ALERT])

    assert len(Alertmanager(backend.url).matched([matcher])) == 1
    assert backend.asked[0].query == {"filter": text}


def test_groups_are_the_notifications_that_receivers_get(backend, answer):
    group = {"labels": {"service": "agent-runtime"}, "receiver": {"name": "pager"}, "alerts": [_ALERT]}
    backend.answers["/api/v2/alerts/groups"] = answer([group])
    backend.answers["/api/v2/receivers"] = answer([{"name": "pager"}, {"name": "mail"}])
    alertmanager = Alertmanager(backend.url)

    [found] = alertmanager.groups()

    assert (found.receiver, found.labels["service"], len(found.alerts)) == ("pager", "agent-runtime", 1)
    assert alertmanager.receivers() == ("pager", "mail")
