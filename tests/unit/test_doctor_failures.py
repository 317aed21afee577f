"""The check of sources on failures: made-up emitters, what is said of each, and which line of the settings mends it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from dashboard.catalog.bad_events import REQUESTS, of_concept, of_requests
from dashboard.cli import sources as command
from dashboard.decide.telling import told_words
from dashboard.model.bad_events import SeenEvents
from dashboard.model.concepts import CONCEPTS
from dashboard.model.reading import Reading, Source, fresh, missing
from dashboard.model.series import Sample
from dashboard.model.telemetry import ConceptCheck, Fit, Telemetry, ToldValue, Understood
from dashboard.queries.telling import with_telling
from dashboard.settings import EnvironmentSettings, Settings
from tests.unit.asking import NOW
from tests.unit.test_fit import answers

RUNS = "gen_ai_invoke_agent_duration_seconds"
KEYS = {concept.key: concept for concept in CONCEPTS}
Series = tuple[dict[str, str], float]
OK: Series = ({"status": "ok"}, 900.0)
FAILED: Series = ({"status": "error"}, 100.0)


def environment(**names: Any) -> EnvironmentSettings:
    return Settings.model_validate({"environments": {"local": {"namespaces": ["a"], **names}}}).environments["local"]


def own(bad: str, key: str = "agent_runs", series: str = RUNS) -> dict[str, Any]:
    return {"metrics": {key: {"series": series, "bad": bad}}}


def seen(*series: Series, failed_before: bool = False) -> Reading[SeenEvents]:
    rows = tuple(
        Sample(labels={"service_name": "s", "track": track, **labels}, value=value)
        for track in ("blue", "green")
        for labels, value in series
    )
    before = frozenset({"s"}) if failed_before else frozenset[str]()
    return fresh(SeenEvents(rows=rows, failed_before=before), source=Source.PROMETHEUS, as_of=NOW)


def checked(reading: Reading[SeenEvents], key: str = "agent_runs", ever: str = "", **names: Any) -> ConceptCheck:
    found = environment(**names)
    told = of_concept(KEYS[key], "a", found.mapping) if key in KEYS else of_requests("a", found.mapping)
    assert told, "the concept tells nothing"
    one = ConceptCheck(key=key, what=key, standing=Fit.PRESENT, metric="m")
    telemetry = Telemetry(recent=frozenset(), ever=frozenset({ever}))
    return with_telling(one, [(each, reading) for each in told], telemetry, found.mapping, found.words.tables())


def understood(one: ConceptCheck) -> dict[str, str]:
    return {f"{each.label}={each.value}": each.understood.value for each in one.told}


# What is sent, the settings, words of the sentence, a line, and what the values are taken for.
DOUBTED: dict[str, tuple[Reading[SeenEvents], dict[str, Any], str, str, dict[str, str]]] = {
    "a typo in the value": (
        seen(OK, FAILED),
        own('status="Error"'),
        "status=“error”, a failure that is not counted",
        'bad = "status=~\\"Error|error\\""',
        {"status=ok": "good", "status=error": "failed"},
    ),
    "a typo in a word that nothing has said yet": (
        seen(OK),
        own('status="eror"'),
        'status="eror", which never matched',
        'metrics.agent_runs.bad = "..."',
        {"status=ok": "good"},
    ),
    "a typo in the label": (
        seen(({"flavour": "plain"}, 900.0)),
        own('staus="error"'),
        "has no label staus",
        "metrics.agent_runs.bad",
        {"staus=": "not understood"},
    ),
    "another label tells": (
        seen(({"outcome": "success"}, 900.0), ({"outcome": "failure"}, 100.0), ({"outcome": "timeout"}, 9.0)),
        {},
        "outcome=“failure”",
        f'metrics.agent_runs = {{ series = "{RUNS}", match = "gen_ai_operation_name=\\"invoke_agent\\"", '
        f'bad = "outcome=~\\"failure|timeout\\"" }}',
        {"outcome=success": "good", "outcome=failure": "failed", "outcome=timeout": "failed"},
    ),
    "a word that nobody knows": (
        seen(OK, FAILED, ({"status": "kaputt"}, 5.0)),
        own('status="error"'),
        "status=“kaputt”",
        'words.outcome."kaputt" = "failed"',
        {"status=ok": "good", "status=error": "failed", "status=kaputt": "not understood"},
    ),
}


@pytest.mark.parametrize("kind", DOUBTED)
def test_runs_whose_failures_may_not_be_counted_are_not_present(kind: str) -> None:
    reading, names, says, line, values = DOUBTED[kind]
    found = checked(reading, **names)

    assert found.standing is Fit.DOUBTED
    assert says in found.says
    assert any(line in each for each in found.lines), found.lines
    assert values.items() <= understood(found).items()


@pytest.mark.parametrize(
    ("key", "series", "line"),
    [
        ("tool_calls", ({"success": "false"}, 9.0), "metrics.tool_calls = "),
        ("model_calls", ({"result": "failed"}, 9.0), "metrics.model_calls = "),
        ("contract_evaluations", ({"outcome": "wobbly"}, 9.0), 'words.evaluation."wobbly" = "violated"'),
        ("policy_decisions", ({"decision": "nixda"}, 9.0), 'words.decision."nixda" = "denied"'),
        ("requests", ({"code": "kaputt"}, 9.0), 'words.outcome."kaputt" = "failed"'),
    ],
)
def test_every_concept_with_bad_events_is_looked_at(key: str, series: Series, line: str) -> None:
    found = checked(seen(series), key=key)
    assert found.standing is Fit.DOUBTED
    assert any(each.startswith(line) for each in found.lines), found.lines


def test_no_concept_with_bad_events_is_left_out() -> None:
    mapping = environment().mapping
    assert all(len(of_concept(concept, "a", mapping)) == bool(concept.bad) for concept in CONCEPTS)
    assert of_requests("a", mapping)[0].metric == REQUESTS


@pytest.mark.parametrize(
    ("reading", "key", "names"),
    [
        pytest.param(seen(({}, 900.0), ({"error_type": "Timeout"}, 9.0)), "agent_runs", {}, id="failures are marked"),
        pytest.param(seen(({}, 900.0)), "agent_runs", {}, id="nothing failed, by the convention"),
        pytest.param(seen(OK, FAILED), "agent_runs", own('status="error"'), id="the settings' own label"),
        pytest.param(seen(OK), "agent_runs", own('status="error"'), id="nothing failed, by the settings"),
        pytest.param(seen(OK, ({"status": "kaputt"}, 0.0)), "agent_runs", own('status="error"'), id="never said"),
        pytest.param(
            seen(OK, ({"status": "ugh"}, 9.0)),
            "agent_runs",
            {**own('status="ugh"'), "words": {"outcome": {"ugh": "failed"}}},
            id="a word of the settings",
        ),
        pytest.param(seen(({"outcome": "ok"}, 9.0), ({"outcome": "FAIL"}, 1.0)), "contract_evaluations", {}, id="eval"),
        pytest.param(seen(({"code": "200"}, 9.0), ({"code": "503"}, 1.0)), "requests", {}, id="requests"),
    ],
)
def test_a_sound_emitter_stays_present(reading: Reading[SeenEvents], key: str, names: dict[str, Any]) -> None:
    found = checked(reading, key=key, **names)
    assert (found.standing, found.lines) == (Fit.PRESENT, ())
    assert Understood.NOT_UNDERSTOOD not in {one.understood for one in found.told}


def test_a_sound_matcher_that_never_matched_is_said_and_is_no_doubt() -> None:
    never, once = (checked(seen(OK, failed_before=past), **own('status="error"')) for past in (False, True))
    assert never.says == 'status="error" matched nothing in 14 days'
    assert once.says == ""


def test_the_line_that_is_written_mends_what_it_is_written_for() -> None:
    reading = seen(({"outcome": "success"}, 900.0), ({"outcome": "failure"}, 100.0), ({"outcome": 'a "b'}, 0.0))
    (line,) = checked(reading).lines
    assert checked(reading, **tomllib.loads(line)).standing is Fit.PRESENT


def test_a_counter_of_bad_events_that_was_never_there_is_a_doubt_and_one_that_was_is_none() -> None:
    names = {"metrics": {"agent_runs": {"series": RUNS, "bad_series": "my_failed_total"}}}
    nothing = replace(seen(), value=SeenEvents(rows=()))

    assert "no my_failed_total in 14 days" in checked(nothing, **names).says
    assert checked(nothing, **names).standing is Fit.DOUBTED
    assert checked(nothing, ever="my_failed_total", **names).standing is Fit.PRESENT


def test_what_prometheus_does_not_answer_is_not_said_to_be_well() -> None:
    found = checked(missing("prometheus: no answer within 2 s", source=Source.PROMETHEUS))
    assert found.standing is Fit.DOUBTED
    assert "no answer within 2 s" in found.says


def test_a_concept_that_lacks_a_label_keeps_its_standing_and_tells_both() -> None:
    found = environment()
    (told,) = of_concept(KEYS["agent_runs"], "a", found.mapping)
    one = ConceptCheck(key="agent_runs", what="runs", standing=Fit.UNLABELLED, says="m has no track", lines=("x",))
    telemetry, words = Telemetry(recent=frozenset(), ever=frozenset()), found.words.tables()
    both = with_telling(one, [(told, seen(({"result": "failed"}, 9.0)))], telemetry, found.mapping, words)

    assert both.standing is Fit.UNLABELLED
    assert both.says.startswith("m has no track; ")
    assert both.lines[0] == "x"
    assert "result" in both.lines[1]


def test_text_json_and_exit_code_tell_a_doubt() -> None:
    doubted = checked(seen(OK, FAILED), **own('status="Error"'))
    sound = checked(seen(OK, FAILED), **own('status="error"'))

    def of(one: ConceptCheck) -> tuple[Any, Any]:
        found, fitting = answers()
        return replace(found, concepts=fresh((one,), source=Source.PROMETHEUS, as_of=NOW)), fitting

    text, document = command._table(of(doubted)[0]), command._document(*of(doubted))["concepts"][0]

    assert (command._code(*of(doubted)), command._code(*of(sound))) == (3, 0)
    assert "present, failures in doubt" in text
    assert "label status: “error” is failed, “ok” is good" in text
    assert "write: metrics.agent_runs = " in text
    assert document["standing"] == "present, failures in doubt"
    assert {"label": "status", "value": "error", "understood": "failed"} in document["told"]
    assert "label status: “error” is failed, “ok” is good" in command._table(of(sound)[0])


def test_of_many_values_those_that_nobody_understands_are_shown_first() -> None:
    values = [ToldValue(label="status", value=f"v{n}", understood=Understood.GOOD) for n in range(50)]
    odd = ToldValue(label="status", value="zzz", understood=Understood.NOT_UNDERSTOOD)
    (said,) = told_words([*values, odd])
    assert said.startswith("label status: “zzz” is not understood")
    assert said.endswith("and 43 more")


@pytest.mark.parametrize("value", ["a\nb", "x'\x1b[31m", "ü" * 3])
def test_a_value_that_a_line_cannot_hold_is_written_into_none(value: str) -> None:
    found = checked(seen(OK, FAILED, ({"status": value}, 5.0)), **own('status="error"'))
    assert found.standing is Fit.DOUBTED
    assert not [line for line in found.lines if value in line]
