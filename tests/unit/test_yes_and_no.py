"""A yes or no under a label means what the label's name says, in the deck's words and in the question that it asks."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dashboard.catalog.bad_events import of_concept
from dashboard.catalog.translation import translate
from dashboard.decide.bad_events import is_bad
from dashboard.decide.telling import Telling, telling
from dashboard.model.bad_events import SeenEvents
from dashboard.model.concepts import CONCEPTS
from dashboard.model.event_matchers import DENIED, JUDGED, VIOLATED
from dashboard.model.mapping import Mapping
from dashboard.model.series import Sample
from dashboard.model.telemetry import Understood
from dashboard.model.words import WORDS
from dashboard.settings import Settings

CONCEPT = {concept.key: concept for concept in CONCEPTS}
LOGICAL = {"contract_evaluations": "outcome", "policy_decisions": "decision"}
ASKED = {"contract_evaluations": VIOLATED, "policy_decisions": DENIED}
# The concept, the label, what it says where all is well and what where it is not.
PLAIN = [
    ("contract_evaluations", "violated", "false", "true"),
    ("contract_evaluations", "is_violated", "False", "True"),
    ("contract_evaluations", "contract_breached", "no", "yes"),
    ("contract_evaluations", "failed", "0", "1"),
    ("contract_evaluations", "passed", "true", "false"),
    ("contract_evaluations", "isCompliant", "TRUE", "FALSE"),
    ("contract_evaluations", "check_result", "true", "false"),
    ("policy_decisions", "blocked", "false", "true"),
    ("policy_decisions", "denied", "0", "1"),
    ("policy_decisions", "request_rejected", "no", "yes"),
    ("policy_decisions", "allowed", "true", "false"),
    ("policy_decisions", "was_permitted", "1", "0"),
    ("policy_decisions", "not_allowed", "false", "true"),
]
UNCLEAR = [("contract_evaluations", "triggered"), ("policy_decisions", "flagged"), ("policy_decisions", "shadow")]


def mapping(key: str, **metric: Any) -> Mapping:
    local = {"namespaces": ["n"], "metrics": {key: {"series": "guard_total", **metric}}}
    return Settings.model_validate({"environments": {"x": local}}).environments["x"].mapping


def told(key: str, known: Mapping, label: str, *values: str) -> tuple[Telling, list[str]]:
    """How the values are taken, and which of them count as bad."""
    (one,) = of_concept(CONCEPT[key], "n", known)
    rows = tuple(Sample(labels={"service_name": "s", "track": "blue", label: value}, value=9.0) for value in values)
    return telling(one, SeenEvents(rows=rows), WORDS), [row.labels[label] for row in rows if is_bad(one, row)]


def matched(promql: str, label: str, values: tuple[str, ...]) -> list[str]:
    """The values that the question's matcher on a label picks, as Prometheus would."""
    (pattern,) = re.findall(rf'{label}=~"((?:[^"\\\\]|\\\\.)*)"', promql)
    return [value for value in values if re.fullmatch(pattern.replace("\\\\", "\\"), value)]


@pytest.mark.parametrize(("key", "label", "good", "bad"), PLAIN)
def test_a_yes_under_a_label_is_counted_as_its_name_means_it(key: str, label: str, good: str, bad: str) -> None:
    known = mapping(key, labels={LOGICAL[key]: label})
    found, counted = told(key, known, label, good, bad)
    asked = translate(f'sum(increase({CONCEPT[key].series}{{namespace="n", {ASKED[key]}}}[5m]))', known)

    assert {one.value: one.understood for one in found.values} == {good: Understood.GOOD, bad: Understood.FAILED}
    assert found.doubts == ()
    assert counted == [bad]
    assert matched(asked, label, (good, bad)) == [bad]


@pytest.mark.parametrize(("key", "label", "good", "bad"), PLAIN)
def test_settings_that_say_it_right_are_not_contradicted(key: str, label: str, good: str, bad: str) -> None:
    found, counted = told(key, mapping(key, bad=f'{label}="{bad}"'), label, good, bad)

    assert counted == [bad]
    assert (found.doubts, found.bad) == ((), "")


@pytest.mark.parametrize(("label", "good", "bad"), [one[1:] for one in PLAIN if one[0] == "contract_evaluations"])
def test_both_answers_are_evaluations_that_say_whether_a_contract_was_kept(label: str, good: str, bad: str) -> None:
    known = mapping("contract_evaluations", labels={"outcome": label})
    asked = translate(f'sum(increase(agentgov_contract_evaluations_total{{namespace="n", {JUDGED}}}[5m]))', known)

    assert matched(asked, label, (good, bad)) == [good, bad]


@pytest.mark.parametrize(("key", "label"), UNCLEAR)
@pytest.mark.parametrize("values", [("true", "false"), ("1", "0"), ("yes", "no")])
def test_a_yes_under_a_name_that_says_neither_is_not_understood(key: str, label: str, values: tuple[str, ...]) -> None:
    found, counted = told(key, mapping(key, labels={LOGICAL[key]: label}), label, *values)

    assert {one.understood for one in found.values} == {Understood.NOT_UNDERSTOOD}
    assert found.doubts
    assert counted == []


def test_the_words_of_the_settings_win_over_the_name() -> None:
    label = {"name": "blocked", "values": {"deny": "false", "allow": "true"}}
    found, counted = told(
        "policy_decisions", mapping("policy_decisions", labels={"decision": label}), "blocked", "false", "true"
    )

    assert found.doubts == ()
    assert counted == ["false"]
