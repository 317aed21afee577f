"""Settings whose values mean two things, or nothing, are refused by name: figures would be those of others."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dashboard.settings import Settings


def given(**names: Any) -> Settings:
    return Settings.model_validate({"environments": {"local": {"namespaces": ["n"], **names}}})


def of(label: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"labels": {label: {"name": "slot", "values": values}}}


def runs(**more: str) -> dict[str, Any]:
    return {"metrics": {"agent_runs": {"series": "x", **more}}}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (of("track", {"blue": "a", "green": "a"}), "'a' twice"),
        (of("track", {"blue": ["a", "b"], "green": "b"}), "'b' twice"),
        (of("decision", {"deny": "held", "allow": ["ok", "held"]}), "'held' twice"),
        (of("track", {"blu": "a", "green": "b"}), "track.values.blu"),
        (of("track", {"a": "blue", "b": "green"}), "track.values.a"),
        (of("decision", {"dney": "held"}), "decision.values.dney"),
        (of("outcome", {"vilation": "bad"}), "outcome.values.vilation"),
        ({"metrics": {"agent_runs": {"series": "x", **of("track", {"left": "a"})}}}, "track.values.left"),
        ({"metrics": {"agent_runs": {"series": "x", "bad": 'result=~"err("'}}}, "a regular expression"),
        ({"metrics": {"agent_runs": {"series": "x", "match": 'a="1", b!~"[x"'}}}, "a regular expression"),
        (runs(bad='code=~"\\\\pN+"'), "a regular expression"),
        (runs(bad='result="err"', match='result="ok"'), 'agent_runs.match result="ok"'),
        (runs(bad='result=~"err|timeout"', match='env="x", result!~"err|timeout"'), "result!~"),
        (runs(bad='result!="ok"', match='result=~"ok"'), "lets bad events through"),
        ({"words": {"outcome": {"err": "succeeded", "ERR": "failed"}}}, "'ERR' in two meanings"),
        ({"words": {"level": {"sev-1": "error", "SEV 1": "info"}}}, "in two meanings"),
    ],
)
def test_a_word_with_two_meanings_or_none_is_refused(names: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        given(**names)
    assert says in str([one["ctx"] for one in refused.value.errors()]).replace("\\", "")


@pytest.mark.parametrize(
    "names",
    [
        runs(bad='result="err"', match='result=~"ok|err"'),
        runs(bad='result="err"', match='kind="agent", result!=""'),
        runs(bad='result=~"e.+"', match='result=~"[a-z]+"'),
        of("track", {"blue": ["a", "x"], "green": "b"}),
        of("decision", {"deny": ["blocked", "held"], "allow": "ok"}),
        of("severity", {"high": "5"}),
        {"metrics": {"agent_runs": {"series": "x", "bad": 'result=~"(?i:err|time\\\\d+)", env!="te(st"'}}},
        {"words": {"outcome": {"err": "failed", "ERR": "failed"}}},
    ],
)
def test_words_with_one_meaning_are_taken(names: dict[str, Any]) -> None:
    assert given(**names)
