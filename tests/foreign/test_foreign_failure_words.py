"""Failures in words or labels that nobody looks for are no 0: made-up emitters in a real Prometheus.

Each service is an emitter of its own, with a blue and a green pod. What is held: the figure is right, or it says which
label and which value it does not understand and which line of the settings mends it. Where everything is understood 0
is 0.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dashboard.catalog import agents, contracts, release, service, triage
from dashboard.catalog.expression import Expression
from dashboard.model.reading import Reading, State
from dashboard.model.telemetry import ConceptCheck, Fit, Understood
from dashboard.queries import believed
from dashboard.queries.ask import Instant, build_ask
from dashboard.queries.incident import place, value_at
from dashboard.queries.sources import sources
from tests.foreign.past_hour import Row, end, prometheus
from tests.foreign.test_foreign_metrics import settings

RUNS = "gen_ai_invoke_agent_duration_seconds_count"
EVALUATIONS, DECISIONS = "agentgov_contract_evaluations_total", "agentgov_policy_decisions_total"
INVOKE = {"gen_ai_operation_name": "invoke_agent"}


def rows(service_name: str, track: str, name: str, *series: tuple[dict[str, str], float]) -> list[Row]:
    target = {
        "namespace": "support", "service_name": service_name, "track": track, "job": service_name,
        "pod": f"{service_name}-{track}-1", "instance": f"{service_name}-{track}",
    }  # fmt: skip
    found = [Row(name=name, labels={**target, **labels}, value=value) for labels, value in series]
    return [Row(name="up", labels=target, value=1.0), *found]


def both(service_name: str, name: str, *series: tuple[dict[str, str], float]) -> list[Row]:
    return [row for track in ("blue", "green") for row in rows(service_name, track, name, *series)]


def runs(*series: tuple[dict[str, str], float]) -> list[tuple[dict[str, str], float]]:
    return [({**INVOKE, **labels}, value) for labels, value in series]


@dataclass(frozen=True, kw_only=True)
class Emitter:
    """What a service sends, what the settings say of it, and what a question about it must say."""

    sends: list[Row]
    asked: Expression = release.FAILED
    says: tuple[str, ...] = ()  # of a doubt; where it is empty the zero is believed
    names: dict[str, Any] = field(default_factory=dict)
    value: float | None = None


def bad(text: str, **more: str) -> dict[str, Any]:
    return {"metrics": {"agent_runs": {"series": RUNS.removesuffix("_count"), "bad": text, **more}}}


OK, FAILED = ({"status": "ok"}, 900.0), ({"status": "error"}, 100.0)
EMITTERS: dict[str, Emitter] = {
    "typo-in-the-value": Emitter(
        sends=both("typo-in-the-value", RUNS, *runs(OK, FAILED)),
        names=bad('status="Error"'),
        says=("status=“error”", "metrics.agent_runs.bad"),
    ),
    "typo-in-the-label": Emitter(
        sends=both("typo-in-the-label", RUNS, *runs(OK, FAILED)), names=bad('state="error"'), says=("status=“error”",)
    ),
    "label-nobody-has": Emitter(
        sends=both("label-nobody-has", RUNS, *runs(({"flavour": "plain"}, 900.0))),
        names=bad('mood="bad"'),
        says=("no label mood", "flavour"),
    ),
    "other-label": Emitter(
        sends=both("other-label", RUNS, *runs(({"outcome": "success"}, 900.0), ({"outcome": "failure"}, 100.0))),
        says=("outcome=“failure”", "metrics.agent_runs.bad = 'outcome=\"failure\"'"),
    ),
    "yes-or-no": Emitter(
        sends=both("yes-or-no", RUNS, *runs(({"success": "true"}, 900.0), ({"success": "false"}, 100.0))),
        says=("success=“false”",),
    ),
    "status-of-http": Emitter(
        sends=both("status-of-http", RUNS, *runs(({"code": "200"}, 900.0), ({"code": "503"}, 100.0))),
        names=bad('code="500"'),
        says=("code=“503”",),
    ),
    "unknown-word": Emitter(
        sends=both("unknown-word", RUNS, *runs(OK, ({"status": "kaputt"}, 100.0))),
        names=bad('status="error"'),
        says=("status=“kaputt”", "words.outcome"),
    ),
    "renamed-word": Emitter(
        sends=rows("renamed-word", "blue", RUNS, *runs(OK, ({"status": "failed"}, 9.0)))
        + rows("renamed-word", "green", RUNS, *runs(OK, FAILED)),
        names=bad('status="failed"'),
        says=("status=“error”", "failed|error"),
    ),
    "renamed-label": Emitter(
        sends=rows("renamed-label", "blue", RUNS, *runs(({}, 900.0), ({"error_type": "Timeout"}, 9.0)))
        + rows("renamed-label", "green", RUNS, *runs(({"status": "ok"}, 900.0), ({"status": "broke_down"}, 100.0))),
        says=("status=“broke_down”",),
    ),
    "dropped-label": Emitter(
        sends=rows("dropped-label", "blue", RUNS, *runs(OK, FAILED))
        + rows("dropped-label", "green", RUNS, *runs(({}, 900.0))),
        names=bad('status="error"'),
        says=("on green has no label status",),
    ),
    "series-without-a-track": Emitter(
        sends=[
            *both("series-without-a-track", RUNS, *runs(({}, 900.0))),
            Row(
                name="my_failed_total",
                labels={"namespace": "support", "service_name": "series-without-a-track"},
                value=100.0,
            ),
        ],
        names={"metrics": {"agent_runs": {"series": RUNS.removesuffix("_count"), "bad_series": "my_failed_total"}}},
        says=("my_failed_total has no label for the track",),
    ),
    "outcomes-under-a-name-of-its-own": Emitter(
        sends=both(
            "outcomes-under-a-name-of-its-own",
            RUNS,
            *runs(({"ended": "ok"}, 900.0), ({"ended": "err"}, 60.0), ({"ended": "Cancelled"}, 40.0)),
        ),
        says=("ended=“", "a failure that is not counted"),
    ),
    "contract-words": Emitter(
        sends=both("contract-words", EVALUATIONS, ({"outcome": "fine"}, 900.0), ({"outcome": "shaky"}, 100.0)),
        asked=release.VIOLATIONS,
        says=("outcome=“", "words.evaluation"),
    ),
    "contract-without-outcome": Emitter(
        sends=both("contract-without-outcome", EVALUATIONS, ({}, 900.0)),
        asked=release.VIOLATIONS,
        says=("no label outcome",),
    ),
    "decision-words": Emitter(
        sends=both("decision-words", DECISIONS, ({"decision": "allow"}, 900.0), ({"decision": "nixda"}, 100.0)),
        asked=contracts.DENIAL_RATIO,
        says=("decision=“nixda”", "words.decision"),
    ),
    "tools": Emitter(
        sends=both("tools", "gen_ai_execute_tool_duration_seconds_count", ({"result": "failed"}, 5.0), ({}, 900.0)),
        asked=agents.TOOL_ERROR_RATIO,
        says=("result=“failed”", "metrics.tool_calls.bad"),
    ),
    "models": Emitter(
        sends=both(
            "models",
            "gen_ai_client_operation_duration_seconds_count",
            ({"status_code": "500", "gen_ai_request_model": "m"}, 5.0),
            ({"status_code": "200", "gen_ai_request_model": "m"}, 900.0),
        ),
        asked=agents.MODEL_ERROR_RATIO,
        says=("status_code=“500”", "metrics.model_calls.bad"),
    ),
    # What is understood is believed.
    "never-failed": Emitter(sends=both("never-failed", RUNS, *runs(({}, 900.0))), value=0.0),
    "only-good-words": Emitter(sends=both("only-good-words", RUNS, *runs(OK)), names=bad('status="error"'), value=0.0),
    "words-never-said": Emitter(
        sends=both("words-never-said", RUNS, *runs(OK, ({"status": "kaputt"}, 0.0))),
        names=bad('status="error"'),
        value=0.0,
    ),
    "own-good-word": Emitter(
        sends=both("own-good-word", RUNS, *runs(({"status": "tiptop"}, 900.0))),
        names=bad('status="error"') | {"words": {"outcome": {"tiptop": "succeeded"}}},
        value=0.0,
    ),
    "only-failures-are-marked": Emitter(
        sends=both("only-failures-are-marked", RUNS, *runs(({}, 900.0), ({"error": "true"}, 100.0))),
        names=bad('error="true"'),
        value=100.0 / 6,
    ),
    "no-error-has-a-word": Emitter(
        sends=both(
            "no-error-has-a-word", RUNS, *runs(({"error_type": "none"}, 900.0), ({"error_type": "Timeout"}, 100.0))
        ),
        value=100.0 / 6,
    ),
    "no-error-has-a-word-under-another-label": Emitter(
        sends=both(
            "no-error-has-a-word-under-another-label",
            RUNS,
            *runs(({"problem": "None"}, 900.0), ({"problem": "Timeout"}, 100.0)),
        ),
        names=bad('problem!=""'),
        value=100.0 / 6,
    ),
    "all-but-good": Emitter(
        sends=both("all-but-good", RUNS, *runs(OK, ({"status": "whatever"}, 100.0))),
        names=bad('status!="ok"'),
        value=100.0 / 6,
    ),
    "contracts-in-other-words": Emitter(
        sends=both("contracts-in-other-words", EVALUATIONS, ({"outcome": "OK"}, 900.0), ({"outcome": "fail"}, 100.0)),
        asked=release.VIOLATIONS,
        value=100.0 / 6,
    ),
    "own-word-for-a-violation": Emitter(
        sends=both("own-word-for-a-violation", EVALUATIONS, ({"outcome": "ok"}, 900.0), ({"outcome": "ugh"}, 100.0)),
        asked=release.VIOLATIONS,
        names={"words": {"evaluation": {"ugh": "violated"}}},
        value=100.0 / 6,
    ),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    sent = [row for emitter in EMITTERS.values() for row in emitter.sends]
    with prometheus(sent, tmp_path_factory.mktemp("words")) as found:
        yield found


def reading(url: str, asked: Expression, names: dict[str, Any], **values: str) -> Reading[Any]:
    ask = build_ask(settings(url, **names))
    known = {"namespace": "support", "track": "", "agent": "", "contract": "", "window": "10m", **values}
    try:
        return ask.gather({"x": Instant(asked, known, at=end())}).samples("x")
    finally:
        ask.close()


@pytest.mark.parametrize("name", EMITTERS)
def test_a_count_of_failures_is_right_or_says_what_it_does_not_understand(url: str, name: str) -> None:
    emitter = EMITTERS[name]
    found = reading(url, emitter.asked, emitter.names, service=name)
    samples = {place(sample.labels)[1]: sample.value for sample in found.value or ()}

    if emitter.value is not None:
        assert found.state is State.FRESH, found.reason
        assert samples == pytest.approx(dict.fromkeys(("blue", "green"), emitter.value), rel=0.05)
        return
    assert found.state in (State.PARTIAL, State.MISSING)
    assert all(words in found.reason for words in emitter.says), found.reason
    assert 0.0 not in samples.values() or found.doubts
    assert all(value != 0 for track, value in samples.items() if any(on in ("", track) for _, on in found.doubts))


def test_a_question_about_all_services_tells_of_each_by_itself(url: str) -> None:
    found = reading(url, service.TRACK_ERROR_RATIO, {})
    values = {place(sample.labels): sample.value for sample in found.value or ()}

    assert values["never-failed", "green"] == 0.0
    assert values["renamed-label", "blue"] == pytest.approx(9 / 909, rel=0.01)
    assert values["other-label", "green"] is None
    assert "outcome=“failure”" in found.doubts["other-label", "green"]
    assert ("never-failed", "green") not in found.doubts


def test_a_service_without_a_metric_that_another_one_has_is_not_measured(url: str) -> None:
    names = {"metrics": {"agent_runs": {"series": RUNS.removesuffix("_count"), "bad_series": "my_failed_total"}}}
    found = reading(url, service.TRACK_ERROR_RATIO, names)
    here = believed.at(found, ("never-failed", "green"), value_at(("never-failed", "green")), empty="no traffic")

    assert here.state is State.UNMEASURED
    assert "my_failed_total" in here.reason
    assert "series-without-a-track" not in found.unmeasured_of


def test_the_agents_of_a_track_and_its_denials_are_told_as_far_as_they_are_understood(url: str) -> None:
    agents_now = reading(url, triage.AGENT_ERROR_RATIO_NOW, {})
    denied = reading(url, triage.DENIED, {})

    assert ("yes-or-no", "blue") in agents_now.doubts
    assert set(denied.doubts) == {("decision-words", "blue"), ("decision-words", "green")}


def checks_of(url: str, **names: Any) -> dict[str, ConceptCheck]:
    ask = build_ask(settings(url, **names))
    try:
        found = sources(ask, end()).concepts
    finally:
        ask.close()
    assert found.value is not None, found.reason
    return {one.key: one for one in found.value}


def test_the_check_of_sources_tells_what_is_not_understood_and_what_is(tmp_path: Path) -> None:
    sent = [
        *both("runs", RUNS, *runs(OK, FAILED)),
        *both("tools", "gen_ai_execute_tool_duration_seconds_count", ({}, 900.0), ({"error_type": "Timeout"}, 9.0)),
        *both("contracts", EVALUATIONS, ({"outcome": "ok"}, 900.0), ({"outcome": "shaky"}, 100.0)),
        *both("policies", DECISIONS, ({"decision": "allow"}, 900.0), ({"decision": "deny"}, 100.0)),
        *both("requests", "agentgov_component_requests_total", ({"code": "200"}, 900.0), ({"code": "503"}, 9.0)),
    ]
    with prometheus(sent, tmp_path) as url:
        typo = checks_of(url, **bad('status="Error"'))
        mended = checks_of(url, **tomllib.loads("\n".join(typo["agent_runs"].lines)))

    assert typo["agent_runs"].standing is typo["contract_evaluations"].standing is Fit.DOUBTED
    assert "status=“error”" in typo["agent_runs"].says
    assert typo["contract_evaluations"].lines[0].startswith('words.evaluation."shaky" = ')
    for key in ("tool_calls", "policy_decisions", "requests"):
        assert (typo[key].standing, typo[key].says) == (Fit.PRESENT, "")
        assert {one.understood for one in typo[key].told} == {Understood.GOOD, Understood.FAILED}
    assert (mended["agent_runs"].standing, mended["agent_runs"].says) == (Fit.PRESENT, "")
