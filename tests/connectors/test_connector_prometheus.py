"""Prometheus: values, gaps and warnings of good answers; a typed error with plain words for each bad one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors import body
from connectors.errors import (
    BadAnswer,
    Incomplete,
    NotFound,
    RateLimited,
    Rejected,
    SourceError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from connectors.prometheus import Metadata, Prometheus
from connectors.session import Access


def _vector(*values: str, **more: Any) -> dict[str, Any]:
    result = [{"metric": {"track": f"t{i}"}, "value": [1700000000.5, value]} for i, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": result}} | more


def test_an_instant_answers_labels_times_and_values(backend, answer):
    backend.answers["/api/v1/query"] = answer(_vector("1.5"))

    [point] = Prometheus(backend.url).instant("up").points

    assert (point.labels, point.at, point.value) == ({"track": "t0"}, 1700000000.5, 1.5)
    assert backend.asked[0].form == {"query": "up", "timeout": "2000ms"}


@pytest.mark.parametrize(("seconds", "sent"), [(1.95636, "1956ms"), (0.3, "300ms"), (4.999987, "5000ms")])
def test_what_is_left_of_a_time_budget_is_sent_as_a_duration_that_prometheus_reads(backend, answer, seconds, sent):
    backend.answers["/api/v1/query"] = answer(_vector("1.5"))
    Prometheus(backend.url).instant("up", timeout_seconds=seconds)
    assert backend.asked[0].form["timeout"] == sent


def test_a_value_that_is_not_a_number_is_none_and_infinity_stays(backend, answer):
    backend.answers["/api/v1/query"] = answer(_vector("NaN", "+Inf"))

    assert [point.value for point in Prometheus(backend.url).instant("a / b").points] == [None, float("inf")]


def test_a_scalar_is_one_value_without_labels(backend, answer):
    data = {"resultType": "scalar", "result": [1700000000, "42"]}
    backend.answers["/api/v1/query"] = answer({"status": "success", "data": data})

    [point] = Prometheus(backend.url).instant("42").points

    assert (point.labels, point.value) == ({}, 42.0)


def test_the_instant_asked_for_is_passed_on(backend, answer):
    backend.answers["/api/v1/query"] = answer(_vector("1"))

    Prometheus(backend.url).instant("up", at=datetime(2026, 1, 1, tzinfo=UTC))

    assert float(backend.asked[0].form["time"]) == datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_a_range_answers_its_lines_with_the_gaps_left_out(backend, answer):
    result = [{"metric": {"track": "blue"}, "values": [[100, "1"], [110, "NaN"], [130, "2"]]}]
    backend.answers["/api/v1/query_range"] = answer({"status": "success", "data": {"result": result}})

    [line] = Prometheus(backend.url).range("up", start=100, end=130, step_seconds=10).lines

    assert line.points == ((100.0, 1.0), (110.0, None), (130.0, 2.0))
    assert backend.asked[0].form == {"query": "up", "start": "100", "end": "130", "step": "10", "timeout": "5000ms"}


def test_warnings_are_kept(backend, answer):
    backend.answers["/api/v1/query"] = answer(_vector("1", warnings=["one store did not answer"]))

    assert Prometheus(backend.url).instant("up").warnings == ("one store did not answer",)


def test_an_info_is_no_warning(backend, answer):
    said = ["metric might not be a counter"]
    backend.answers["/api/v1/query"] = answer(_vector("1", infos=said))
    backend.answers["/api/v1/query_range"] = answer(
        {"status": "success", "data": {"resultType": "matrix", "result": []}, "infos": said, "warnings": ["cut"]}
    )
    instant = Prometheus(backend.url).instant("up")
    course = Prometheus(backend.url).range("up", start=0, end=60, step_seconds=15)
    assert (instant.warnings, instant.infos) == ((), tuple(said))
    assert (course.warnings, course.infos) == (("cut",), tuple(said))


def test_a_token_is_read_at_each_use_so_that_it_may_be_rotated(backend, answer, tmp_path: Path):
    backend.answers["/api/v1/query"] = answer(_vector("1"))
    token = tmp_path / "token"
    prometheus = Prometheus(backend.url, Access(token_file=str(token)))

    for secret in ("first", "second"):
        token.write_text(f"{secret}\n")
        prometheus.instant("up")

    assert [asked.headers["Authorization"] for asked in backend.asked] == ["Bearer first", "Bearer second"]


def test_a_token_file_that_is_missing_names_the_file(tmp_path: Path):
    with pytest.raises(Unreachable, match=r"cannot read its credentials from .*token: No such file"):
        Prometheus("http://127.0.0.1:1", Access(token_file=str(tmp_path / "token"))).instant("up")


def test_the_version_is_told_after_a_sign_of_health(backend, answer):
    backend.answers["/-/healthy"] = answer(b"Prometheus is Healthy.\n")
    backend.answers["/api/v1/status/buildinfo"] = answer({"status": "success", "data": {"version": "2.42.0"}})

    assert Prometheus(backend.url).version() == "2.42.0"


def test_a_relative_without_these_pages_is_up_with_no_version(backend):
    assert Prometheus(backend.url).version() == ""


def test_nobody_listening_is_unreachable_in_plain_words(dead_url: str):
    with pytest.raises(Unreachable) as caught:
        Prometheus(dead_url).instant("up")

    assert (caught.value.source, caught.value.detail) == ("prometheus", "connection refused")
    assert caught.value.__cause__ is not None


def test_an_unknown_host_is_unreachable_in_plain_words():
    with pytest.raises(Unreachable, match="host name is not known"):
        Prometheus("http://prometheus.invalid").instant("up")


def test_an_answer_that_takes_too_long_is_timed_out(backend, answer):
    backend.answers["/api/v1/query"] = answer(_vector("1"), hold=backend.released)

    with pytest.raises(TimedOut, match=r"no answer within 0\.1 s"):
        Prometheus(backend.url).instant("up", timeout_seconds=0.1)


_PARSE_ERROR = {"status": "error", "errorType": "bad_data", "error": "invalid parameter: parse error"}


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        pytest.param(
            400, _PARSE_ERROR, Rejected, "HTTP 400: invalid parameter: parse error", id="a query it cannot parse"
        ),
        pytest.param(
            401,
            b"who?",
            Unauthorized,
            "it does not accept our credentials (HTTP 401): who?",
            id="no or a wrong token",
        ),
        pytest.param(429, b"", RateLimited, "it is asked too often (HTTP 429)", id="asked too often"),
        pytest.param(500, b"<html>oops</html>", BadAnswer, "it failed (HTTP 500)", id="a failure of its own"),
        pytest.param(302, b"", BadAnswer, "for example to a login page (HTTP 302)", id="a login page is no answer"),
        pytest.param(200, b"<html>", BadAnswer, "a web page, not data", id="a page where JSON is due"),
        pytest.param(200, {"status": "success"}, BadAnswer, "another shape", id="JSON of something else"),
        pytest.param(200, [1, 2], BadAnswer, "another shape", id="a list where an object is due"),
        pytest.param(
            200,
            b'{"data": {"result": [{"metric": {',
            BadAnswer,
            "its answer ends in the middle",
            id="an answer cut off",
        ),
    ],
)
def test_each_bad_answer_says_what_can_be_done(backend, answer, status, body, error: type[SourceError], words):
    backend.answers["/api/v1/query"] = answer(body, status=status)

    with pytest.raises(error) as caught:
        Prometheus(backend.url).instant("up")

    assert type(caught.value) is error
    assert words in caught.value.detail


def test_a_rate_limit_says_how_long_to_wait(backend, answer):
    backend.answers["/api/v1/query"] = answer(b"", status=429, headers={"Retry-After": "7"})

    with pytest.raises(RateLimited) as caught:
        Prometheus(backend.url).instant("up")

    assert caught.value.retry_after_seconds == 7


def test_a_long_body_is_cut_short_and_put_on_one_line(backend, answer):
    backend.answers["/api/v1/query"] = answer(b"line\n" * 1000, status=500)

    with pytest.raises(BadAnswer) as caught:
        Prometheus(backend.url).instant("up")

    assert len(caught.value.detail) == 300
    assert "\n" not in caught.value.detail


def test_a_failed_query_is_not_tried_again(backend, answer):
    backend.answers["/api/v1/query"] = answer(b"", status=503)

    with pytest.raises(BadAnswer):
        Prometheus(backend.url).instant("up")

    assert len(backend.asked) == 1


def test_a_long_query_goes_into_the_body(backend, answer):
    backend.answers["/api/v1/query"] = answer(_vector("1"))
    query = f'up{{pod=~"{"|".join(f"pod-{n}" for n in range(5000))}"}}'

    Prometheus(backend.url).instant(query)

    assert (backend.asked[0].method, backend.asked[0].query, backend.asked[0].form["query"]) == ("POST", {}, query)


def test_connections_are_kept(backend, answer):
    backend.answers["/api/v1/query"] = answer(_vector("1"))
    prometheus = Prometheus(backend.url)

    for _ in range(5):
        prometheus.instant("up")

    assert backend.connections == 1


def test_basic_authentication_and_a_tenant_are_sent(backend, answer, tmp_path: Path):
    backend.answers["/api/v1/query"] = answer(_vector("1"))
    (tmp_path / "password").write_text("pass word\n")
    access = Access(username="deck", password_file=str(tmp_path / "password"), headers={"x-scope-orgid": "agents"})

    Prometheus(backend.url, access).instant("up")

    sent = backend.asked[0].headers
    assert (sent["Authorization"], sent["X-Scope-OrgID"]) == ("Basic ZGVjazpwYXNzIHdvcmQ=", "agents")


def test_an_answer_that_trickles_is_timed_out(backend, answer):
    backend.answers["/api/v1/query"] = answer(b" " * 1000, trickle_seconds=0.05)

    with pytest.raises(TimedOut, match=r"no answer within 0\.3 s"):
        Prometheus(backend.url).instant("up", timeout_seconds=0.3)


def test_an_answer_of_any_size_is_not_taken_into_memory(backend, answer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.body.read", partial(body.read, largest_bytes=2**20))
    backend.answers["/api/v1/query"] = answer(b" " * (2**20 + 1))

    with pytest.raises(BadAnswer, match="its answer is larger than 1 MiB"):
        Prometheus(backend.url).instant("up")


def test_series_and_label_values_are_those_of_the_selectors(backend, answer):
    labels = {"__name__": "up", "job": "agents"}
    backend.answers["/api/v1/series"] = answer({"status": "success", "data": [labels]})
    backend.answers["/api/v1/label/job/values"] = answer({"status": "success", "data": ["b", "a"]})
    prometheus = Prometheus(backend.url)

    assert prometheus.series("up", start=1, end=2) == (labels,)
    assert prometheus.label_values("job", "up", start=1, end=2) == ("a", "b")
    assert backend.asked[0].form == {"match[]": "up", "start": "1", "end": "2"}
    assert backend.asked[1].query == {"match[]": "up", "start": "1", "end": "2"}


def test_exemplars_lead_to_traces(backend, answer):
    one = {"labels": {"trace_id": "abc"}, "value": "1.5", "timestamp": 1700000000.25}
    data = [{"seriesLabels": {"le": "2"}, "exemplars": [one]}]
    backend.answers["/api/v1/query_exemplars"] = answer({"status": "success", "data": data})

    [exemplar] = Prometheus(backend.url).exemplars("x_bucket", start=1, end=2)

    assert (exemplar.labels["trace_id"], exemplar.value, exemplar.at) == ("abc", 1.5, 1700000000.25)


def test_what_a_relative_lacks_is_not_found(backend):
    with pytest.raises(NotFound):
        Prometheus(backend.url).exemplars("x_bucket", start=1, end=2)


def test_a_target_says_why_it_is_down_and_that_it_was_never_scraped(backend, answer):
    target = {
        "labels": {"job": "agents"},
        "scrapeUrl": "http://10.0.0.1:9090/metrics",
        "health": "down",
        "lastError": "connection refused",
        "lastScrape": "0001-01-01T00:00:00Z",
        "lastScrapeDuration": 0.5,
    }
    backend.answers["/api/v1/targets"] = answer({"status": "success", "data": {"activeTargets": [target]}})

    [found] = Prometheus(backend.url).targets()

    assert (found.job, found.health, found.last_error, found.last_scrape) == (
        "agents", "down", "connection refused", None,
    )  # fmt: skip


def test_rules_tell_their_state_and_what_went_wrong(backend, answer):
    alerting = {
        "name": "TargetDown", "query": "up == 0", "health": "err", "lastError": "many-to-many", "state": "firing",
        "labels": {"severity": "critical"}, "annotations": {"summary": "down"}, "type": "alerting",
    }  # fmt: skip
    recording = {"name": "a:b:c", "query": "sum(up)", "health": "ok", "type": "recording"}
    groups = {"groups": [{"name": "g", "rules": [alerting, recording]}]}
    backend.answers["/api/v1/rules"] = answer({"status": "success", "data": groups})

    first, second = Prometheus(backend.url).rules()

    assert (first.group, first.state, first.last_error) == ("g", "firing", "many-to-many")
    assert (second.name, second.state, second.labels) == ("a:b:c", "", {})


def test_metadata_tells_how_each_target_declares_a_metric(backend, answer):
    data = {
        "up": [{"type": "gauge", "help": "", "unit": ""}],
        "t": [{"type": "counter", "help": "Time.", "unit": "ms"}],
    }
    backend.answers["/api/v1/metadata"] = answer({"status": "success", "data": data})

    assert Prometheus(backend.url).metadata() == {
        "up": (Metadata(kind="gauge"),),
        "t": (Metadata(kind="counter", unit="ms", about="Time."),),
    }


@pytest.mark.parametrize("partial", [True, False])
def test_an_answer_of_half_of_the_storage_is_partial(backend, answer, partial):
    """VictoriaMetrics says so beside the data and warns of nothing."""
    backend.answers["/api/v1/query"] = answer(_vector("1", isPartial=partial))
    assert bool(Prometheus(backend.url).instant("up").warnings) is partial


@pytest.mark.parametrize("said", [{"warnings": ["store-2 did not answer"]}, {"isPartial": True}])
def test_names_that_were_told_in_part_are_not_taken_for_all(backend, answer, said):
    for page in ("label/__name__/values", "series"):
        backend.answers[f"/api/v1/{page}"] = answer({"status": "success", "data": [], **said})
    for asked in (lambda p: p.label_values("__name__", start=0, end=1), lambda p: p.series("up", start=0, end=1)):
        with pytest.raises(Incomplete, match="it left something out: "):
            asked(Prometheus(backend.url))
