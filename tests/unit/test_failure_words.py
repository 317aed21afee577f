"""No failure in a word or label that nobody looks for makes a release pass: by the whole judge, page and guard alike.

The counts are those of a healthy release; what the series say of how their events ended is made up by each test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.catalog.bad_events import bad_events
from dashboard.catalog.release import DENIAL_COUNTER, FAILED, FAILED_TOOL_COUNTER, VIOLATIONS
from dashboard.decide.bad_events import by_place, doubts
from dashboard.model.bad_events import BadEvents, SeenEvents
from dashboard.model.reading import Reading, State
from dashboard.model.release import Track
from dashboard.model.series import Sample
from dashboard.model.verdict import Decision, Result, Verdict
from dashboard.model.view import View
from dashboard.model.words import WORDS
from dashboard.queries.ask import Instant, Range, Request
from dashboard.queries.believed import doubted
from dashboard.queries.release import judge, release
from dashboard.settings import Settings
from tests.unit.release_stage import ENVIRONMENT, HEALTHY, StageAsk

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
RUNS, TOOLS = "gen_ai_invoke_agent_duration_seconds", "gen_ai_execute_tool_duration_seconds"
EVALUATIONS, DECISIONS = "agentgov_contract_evaluations_total", "agentgov_policy_decisions_total"


@dataclass
class WordsAsk(StageAsk):
    """The healthy stage, whose series have other labels: by metric, those of each track, or of both under ""."""

    says: Mapping[str, tuple[tuple[str, dict[str, str], float], ...]] = field(default_factory=dict)

    def _answer(self, request: Request) -> Reading[Any]:
        answer = super()._answer(request)
        if not isinstance(request, Instant | Range) or answer.value is None:
            return answer
        asked = request.expression.render({"scrape_seconds": "3", **request.values})
        told = bad_events(asked, self.environment.mapping)
        return doubted(answer, by_place(doubts(one, self._seen(one), WORDS) for one in told), {})

    def _seen(self, told: BadEvents) -> SeenEvents:
        return SeenEvents(rows=tuple(self._rows(told.metric)))

    def _rows(self, metric: str) -> Iterable[Sample]:
        for on, labels, value in self.says.get(metric, ()):
            for track in (on,) if on else ("blue", "green"):
                yield Sample(labels={"service_name": "agent-runtime", "track": track, **labels}, value=value)


def verdict(says: Mapping[str, Any], *, table: Mapping[str, Any] | None = None, **names: Any) -> Verdict:
    local = {"namespace": "agents", "refresh_seconds": 5, "prometheus": {"scrape_interval_seconds": 3}, **names}
    environment = Settings.model_validate({"environments": {"local": local}}).environments["local"]
    ask = WordsAsk(
        NOW, environment=environment if names else ENVIRONMENT, says=says, table={**HEALTHY, **(table or {})}
    )
    found: Any = ask
    judged = judge(found, "agents", "agent-runtime", NOW)
    assert release(found, View(env="local", ns="agents"), NOW).before == judged
    return judged


def own(bad: str) -> dict[str, Any]:
    return {"metrics": {"agent_runs": {"series": RUNS, "bad": bad}}}


OK, FAILED_ROW = ("", {"status": "ok"}, 900.0), ("", {"status": "error"}, 90.0)
# What is said, the settings, the gates that may not pass and words of their reason.
HELD: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...], str]] = {
    "a typo in the value": (
        {f"{RUNS}_count": (OK, FAILED_ROW)},
        own('status="Error"'),
        ("errors", "errors_compared", "slo"),
        "status=“error”",
    ),
    "another label": (
        {f"{RUNS}_count": (("", {"result": "failed"}, 9.0), ("", {"result": "fine"}, 900.0))},
        {},
        ("errors", "errors_compared"),
        "result=",
    ),
    "the candidate changes its word": (
        {f"{RUNS}_count": (OK, ("blue", {"status": "failed"}, 9.0), ("green", {"status": "error"}, 90.0))},
        own('status="failed"'),
        ("errors", "errors_compared"),
        "status=“error”",
    ),
    "the candidate changes its label": (
        {f"{RUNS}_count": (OK, ("blue", {"status": "failed"}, 9.0), ("green", {"outcome": "failure"}, 90.0))},
        own('status="failed"'),
        ("errors", "errors_compared"),
        "outcome=“failure”",
    ),
    "contracts": (
        {EVALUATIONS: (("", {"outcome": "pass"}, 900.0), ("green", {"outcome": "wobbly"}, 90.0))},
        {},
        ("violations", "violations_compared"),
        "outcome=“wobbly”",
    ),
    "tools": (
        {f"{TOOLS}_count": (("", {}, 900.0), ("green", {"success": "false"}, 90.0))},
        {},
        ("tools_compared",),
        "success=“false”",
    ),
    "a label for exceptions": (
        {f"{RUNS}_count": (("", {}, 900.0), ("green", {"exception_class": "RateLimitError"}, 90.0))},
        {},
        ("errors", "errors_compared"),
        "exception_class=“RateLimitError”",
    ),
    "a yes to a time-out": (
        {f"{RUNS}_count": (("", {"timed_out": "false"}, 900.0), ("green", {"timed_out": "true"}, 90.0))},
        {},
        ("errors", "errors_compared"),
        "timed_out=“true”",
    ),
    "an exit code": (
        {f"{RUNS}_count": (("", {"return_code": "1"}, 900.0),)},
        {},
        ("errors", "errors_compared"),
        "return_code=“1”",
    ),
    "tools that were refused": (
        {f"{TOOLS}_count": (("", {"http_status_code": "200"}, 900.0), ("green", {"http_status_code": "429"}, 90.0))},
        {},
        ("tools_compared",),
        "http_status_code=“429”",
    ),
    "decisions": (
        {DECISIONS: (("", {"decision": "allow"}, 900.0), ("", {"decision": "nixda"}, 90.0))},
        {},
        ("denials_compared",),
        "decision=“nixda”",
    ),
    "no label at all": (
        {f"{RUNS}_count": (("", {"flavour": "plain"}, 900.0),)},
        own('mood="bad"'),
        ("errors", "errors_compared"),
        "no label mood",
    ),
}


@pytest.mark.parametrize("kind", HELD)
def test_what_is_not_understood_holds_the_gates_that_rest_on_it(kind: str) -> None:
    says, names, gates, why = HELD[kind]
    found = verdict(says, **names)
    by_name = {gate.gate: gate for gate in found.gates}

    assert found.decision is Decision.WAIT
    assert all(by_name[name].result is Result.UNKNOWN for name in gates)
    assert all(why in by_name[name].reason for name in gates if name != "slo")


@pytest.mark.parametrize(
    ("says", "names"),
    [
        ({f"{RUNS}_count": (("", {}, 900.0), ("", {"error_type": "Timeout"}, 9.0))}, {}),
        ({f"{RUNS}_count": (("", {}, 900.0),)}, {}),
        ({f"{RUNS}_count": (OK,)}, own('status="error"')),
        ({f"{RUNS}_count": (OK, ("", {"status": "kaputt"}, 0.0))}, own('status="error"')),
        ({EVALUATIONS: (("", {"outcome": "ok"}, 900.0), ("", {"outcome": "fail"}, 9.0))}, {}),
    ],
    ids=["failures are marked", "nothing failed", "only good words", "a word never said", "other words for contracts"],
)
def test_what_is_understood_lets_a_healthy_release_go(says: dict[str, Any], names: dict[str, Any]) -> None:
    assert verdict(says, **names).decision is Decision.GO


def test_the_tile_of_a_track_shows_no_zero_where_its_words_are_not_understood() -> None:
    table = {**HEALTHY, "release_failed_runs": (18.0, 0.0)}
    says = {f"{RUNS}_count": (("", {"error_type": "Timeout"}, 9.0), ("green", {"result": "failed"}, 90.0))}
    ask: Any = WordsAsk(NOW, table=table, says=says)
    figures = release(ask, View(env="local", ns="agents"), NOW).figures

    assert figures[Track.GREEN].error_ratio.value is None
    assert "result=“failed”" in figures[Track.GREEN].error_ratio.reason
    assert figures[Track.BLUE].error_ratio.value == pytest.approx(18 / 6000)


def test_harm_that_is_understood_still_fails_beside_words_that_are_not() -> None:
    says = {f"{RUNS}_count": (("", {"error_type": "Timeout"}, 9.0), ("green", {"result": "failed"}, 90.0))}
    found: Any = Failing(NOW, says=says)
    judged = judge(found, "agents", "agent-runtime", NOW)

    assert judged.decision is Decision.NO_GO
    assert judge(Failing(NOW), "agents", "agent-runtime", NOW).decision is Decision.NO_GO  # type: ignore[arg-type]


@dataclass
class Failing(WordsAsk):
    """The same where a fifth of green's runs fail."""

    def _answer(self, request: Request) -> Reading[Any]:
        answer = super()._answer(request)
        if isinstance(request, Range) and request.expression.name == "release_failed_counter" and answer.value:
            worse = (
                replace(line, values=tuple(20.0 * index for index in range(len(line.values))))
                if line.labels["track"] == "green"
                else line
                for line in answer.value
            )
            return replace(answer, value=tuple(worse))
        return answer


QUESTIONS = {
    entry.name: bad_events(entry.render({"namespace": "n", "service": "s", "window": "5m"}), ENVIRONMENT.mapping)[0]
    for entry in (FAILED, VIOLATIONS, FAILED_TOOL_COUNTER, DENIAL_COUNTER)
}
LABEL = {"outcome": "result", "evaluation": "outcome", "decision": "decision"}
odd = st.text("abcdefghij", min_size=3, max_size=12)


@given(st.sampled_from(sorted(QUESTIONS)), odd, st.sampled_from(["blue", "green"]), st.floats(1, 1e9))
def test_any_word_that_no_table_knows_is_a_doubt_of_its_track_alone(
    name: str, word: str, track: str, count: float
) -> None:
    told = QUESTIONS[name]
    label = LABEL[told.table]
    if getattr(WORDS, told.table).meaning(word) is not None:
        return
    row = Sample(labels={"service_name": "s", "track": track, label: word}, value=count)
    found = doubts(told, SeenEvents(rows=(row,)), WORDS)

    assert list(found) == [("s", track)]
    assert word in found["s", track]
    assert "metrics." in found["s", track] or "words." in found["s", track]


@given(st.lists(st.tuples(st.sampled_from(["blue", "green"]), st.sampled_from(["", "0", "x"])), max_size=4))
def test_no_zero_survives_a_doubt_and_no_value_above_it_is_lost(rows: list[tuple[str, str]]) -> None:
    samples = tuple(
        Sample(labels={"service_name": "s", "track": track}, value={"": None, "0": 0.0, "x": 0.5}[kind])
        for track, kind in rows
    )
    answer: Reading[Any] = Reading(
        value=samples or None, source=StageAsk(NOW)._answer(Instant(FAILED, {"namespace": "n", "service": "s",
        "window": "5m"})).source, state=State.FRESH if samples else State.EMPTY, as_of=NOW, reason="nothing",
    )  # fmt: skip
    found = doubted(answer, {("s", "green"): "odd"}, {})
    kept = [sample.value for sample in found.value or () if sample.labels["track"] == "green"]

    assert found.state in (State.PARTIAL, State.MISSING)
    assert 0.0 not in kept
    assert kept.count(0.5) == sum(pair == ("green", "x") for pair in rows)
