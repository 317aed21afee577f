"""The check of a team's telemetry: what is there, under which name, with which labels, and what would mend it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.own_series import within
from dashboard.model.concepts import CONCEPTS
from dashboard.model.mapping import OURS
from dashboard.model.telemetry import ConceptCheck, Fit, Telemetry
from dashboard.queries.doctor import candidates, check, suggest

RUNS = "gen_ai_invoke_agent_duration_seconds_count"
PLACED = {"namespace": "a", "service_name": "s", "track": "blue", "pod": "s-blue-1-2"}
OUR_RUN = {**PLACED, "gen_ai_operation_name": "invoke_agent"}


def telemetry(*names: str, ever: tuple[str, ...] = (), **labels: str) -> Telemetry:
    found = labels or OUR_RUN
    return Telemetry(recent=frozenset(names), ever=frozenset((*names, *ever)), labels=dict.fromkeys(names, (found,)))


def of(key: str, known: Telemetry) -> ConceptCheck:
    return next(one for one in check(OURS, known) if one.key == key)


def test_our_own_names_need_nothing() -> None:
    assert of("agent_runs", telemetry(RUNS)).standing is Fit.PRESENT
    assert suggest(telemetry(RUNS)).presets == ()


def test_runs_without_the_name_of_the_operation_are_those_of_the_conventions() -> None:
    found = of("agent_runs", telemetry(RUNS, **PLACED))

    assert (found.standing, found.lines) == (Fit.RENAMED, ('presets = ["otel-genai"]',))


def test_a_metric_that_stopped_is_silent_and_one_that_never_was_is_not_measured() -> None:
    known = telemetry(RUNS, ever=("agentgov_agent_cost_usd_total",))

    assert of("cost", known).standing is Fit.SILENT
    assert of("retries", known).standing is Fit.UNMEASURED


def test_a_label_that_lacks_is_named_with_what_is_there() -> None:
    found = of("cost", telemetry("agentgov_agent_cost_usd_total", namespace="a", app="x"))

    assert found.standing is Fit.UNLABELLED
    assert "service_name (the service)" in found.says
    assert any("app" in line for line in found.lines)


def test_which_of_two_slots_is_blue_is_not_guessed() -> None:
    run = {name: value for name, value in OUR_RUN.items() if name != "track"}
    sets = tuple({**run, "slot": slot} for slot in "ab")
    known = Telemetry(recent=frozenset({RUNS}), ever=frozenset({RUNS}), labels={RUNS: sets})

    assert not suggest(known).labels


@given(
    st.sets(st.sampled_from(sorted(candidates()))),
    st.dictionaries(st.sampled_from(["namespace", "pod", "track"]), st.just("x")),
)
def test_every_concept_has_one_standing_and_a_suggestion_never_finds_less(
    names: set[str], labels: dict[str, str]
) -> None:
    known = Telemetry(recent=frozenset(names), ever=frozenset(names), labels=dict.fromkeys(names, (labels,)))
    before, after = check(OURS, known), check(suggest(known).mapping(), known)

    assert [one.key for one in before] == [concept.key for concept in CONCEPTS]
    there = (Fit.PRESENT, Fit.UNLABELLED)
    assert sum(one.standing in there for one in after) >= sum(one.standing in there for one in before)


@pytest.mark.parametrize(
    "theirs",
    [
        {"namespace": "other-team"},
        {"namespace": "monitoring", "exported_namespace": "other-team"},
        {"k8s_namespace_name": "other-team", "service_namespace": "support"},
    ],
)
def test_another_teams_series_are_none_of_ours(theirs: dict[str, str]) -> None:
    found = of("agent_runs", within(telemetry(RUNS, **{**OUR_RUN, "namespace": "other-team", **theirs}), ("support",)))
    assert found.standing is Fit.UNMEASURED
    assert "other namespaces alone" in found.says
    assert "other-team" in found.says


def test_ours_count_beside_those_of_others() -> None:
    sets = ({**OUR_RUN, "namespace": "other-team"}, {**OUR_RUN, "namespace": "support"})
    known = Telemetry(recent=frozenset((RUNS,)), ever=frozenset((RUNS,)), labels={RUNS: sets})
    assert of("agent_runs", within(known, ("support",))).standing is Fit.PRESENT


def test_a_namespace_that_an_exporter_hides_is_named_with_the_line_that_reads_it() -> None:
    hidden = {**OUR_RUN, "namespace": "monitoring", "exported_namespace": "support"}
    found = of("agent_runs", within(telemetry(RUNS, **hidden), ("support",)))
    assert found.standing is Fit.UNLABELLED
    assert 'labels.namespace = "exported_namespace"' in found.lines


def test_a_series_without_a_namespace_stays() -> None:
    bare = {key: value for key, value in OUR_RUN.items() if key != "namespace"}
    assert of("agent_runs", within(telemetry(RUNS, **bare), ("support",))).standing is Fit.UNLABELLED


def test_presets_are_not_chosen_by_what_others_measure() -> None:
    known = telemetry(*candidates(), **{**OUR_RUN, "namespace": "other-team"})
    assert suggest(within(known, ("support",))).presets == ()


@pytest.mark.parametrize("swapped", [True, False])
def test_a_label_that_says_otherwise_than_the_pods_names_tells_no_track(swapped: bool) -> None:
    other = {"blue": "green", "green": "blue"}
    sets = tuple(
        {"namespace": "a", "service_name": "s", "pod": f"s-{track}-1-2", "bucket": other[track] if swapped else track}
        for track in other
    )
    known = Telemetry(recent=frozenset((RUNS,)), ever=frozenset((RUNS,)), labels={RUNS: sets})
    assert ("track" in suggest(known).labels) is not swapped
