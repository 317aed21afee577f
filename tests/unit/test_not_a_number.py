"""A figure that is no number (NaN), or that is not there, is not known: it never counts as 0, nor does its sum.

By kind: counts of notifications, of tasks, of tokens, of requested CPU, a gauge of a kill switch, buckets of a
histogram. What Prometheus sends as NaN is None in a sample; infinity is a division by nothing and is None too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.business import by_kind, divided, outcomes, summed, total
from dashboard.decide.ordinary import stopped
from dashboard.decide.policy import Limits
from dashboard.decide.side_signs import burning
from dashboard.decide.signs import denying
from dashboard.decide.trace_story import cost_usd, lacks_costs, lacks_tokens, tokens
from dashboard.model.log import LogEntry
from dashboard.model.release import Track
from dashboard.model.series import Sample, Series
from dashboard.model.trace import SpanRole
from dashboard.queries.alerts import Delivery, deliveries
from dashboard.queries.latency_bounds import bounds_of
from dashboard.queries.traces import span_of
from dashboard.ui.silences import _delivery
from tests.unit.test_triage_signs import PODS, RUNNING, cores
from tests.unit.trace_spans import span, tree

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sample(value: float | None, **labels: str) -> Sample:
    return Sample(labels=labels, value=value)


# Notifications.


def by_way(**values: float | None) -> tuple[Sample, ...]:
    return tuple(sample(value, integration=way) for way, value in values.items())


@pytest.mark.parametrize(
    ("sent", "failed", "told"),
    [
        pytest.param(by_way(slack=9.0), by_way(slack=0.0), (9.0, 0.0), id="all known"),
        pytest.param(by_way(slack=9.0), by_way(slack=None), (9.0, None), id="failures are no number"),
        pytest.param(by_way(slack=9.0), (), (9.0, None), id="failures are not there"),
        pytest.param(by_way(slack=None), by_way(slack=0.0), (None, 0.0), id="what was sent is no number"),
        pytest.param((), by_way(slack=3.0), (None, 3.0), id="only failures are told"),
    ],
)
def test_a_count_of_notifications_that_is_not_known_is_no_zero(
    sent: tuple[Sample, ...], failed: tuple[Sample, ...], told: tuple[float | None, float | None]
) -> None:
    (found,) = deliveries(sent, failed)

    assert (found.sent, found.failed) == told
    assert ("none failed" in _delivery(found)) is (told[1] == 0.0)


def test_a_way_that_surely_sent_nothing_is_left_out_and_one_in_doubt_stands_above_the_well() -> None:
    found = deliveries(by_way(a=0.0, b=5.0, c=5.0, d=5.0), by_way(a=0.0, b=0.0, c=None, d=2.0))

    assert [one.integration for one in found] == ["d", "c", "b"]
    assert "td-sick" in _delivery(Delivery(integration="d", receiver="", sent=5.0, failed=2.0))


# Tasks.


def of_tasks(**counts: float | None) -> list[Sample]:
    return [sample(value, task_type="case", outcome=word) for word, value in counts.items()]


@pytest.mark.parametrize("word", ["success", "failure", "handed_over", "never-heard-of"])
def test_outcomes_of_which_one_count_is_no_number_are_not_known(word: str) -> None:
    counted = of_tasks(success=9.0, failure=1.0) + of_tasks(**{word: None})

    assert outcomes(counted) is None
    assert by_kind(counted) == {"case": None}


def test_a_sum_with_an_unknown_part_is_not_known_and_an_empty_one_neither() -> None:
    assert [total(values) for values in ((1.0, 2.0), (1.0, None), (), (None,))] == [3.0, None, None, None]


def line(*values: float | None, **labels: str) -> Series:
    return Series(times=tuple(map(float, range(len(values)))), values=values, labels=labels)


def test_a_gap_within_the_life_of_one_line_is_a_gap_of_the_sum() -> None:
    """A line adds nothing before it begins and after it ended; in between, the others are not the sum."""
    found = summed([line(1.0, 1.0, 1.0, 1.0, 1.0), line(None, 2.0, None, 2.0, None)])

    assert found.values == (1.0, 3.0, None, 3.0, 1.0)


def test_a_gap_within_the_part_is_no_share_of_0() -> None:
    found = divided(line(None, 1.0, None, 1.0, None), line(4.0, 4.0, 4.0, 4.0, 4.0))

    assert found.values == (0.0, 0.25, None, 0.25, 0.0)


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(0, 9)), min_size=4, max_size=4), min_size=1, max_size=4))
def test_a_number_that_is_lost_never_makes_a_sum_smaller(several: Sequence[Sequence[float | None]]) -> None:
    whole = summed([line(*(value if value is not None else 1.0 for value in one)) for one in several])
    found = summed([line(one[0] or 1.0, *one[1:3], one[3] or 1.0) for one in several])

    for ours, all_of_it in zip(found.values[1:3], whole.values[1:3], strict=True):
        assert ours is None or ours == pytest.approx(all_of_it)


# Tokens and costs of traces.


def entry(**attributes: object) -> LogEntry:
    return LogEntry(
        at=AT,
        severity="",
        message="chat",
        service="runtime",
        track="green",
        pod="p",
        trace_id="t",
        span_id="s",
        attributes={name.replace("__", "."): value for name, value in attributes.items()},
        id="1",
    )


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ({"gen_ai__usage__input_tokens": 10, "gen_ai__usage__output_tokens": 5}, 15.0),
        ({"gen_ai__usage__input_tokens": 10}, None),
        ({"gen_ai__usage__output_tokens": 5}, None),
        ({"gen_ai__usage__input_tokens": 10, "gen_ai__usage__output_tokens": float("nan")}, None),
        ({"gen_ai__usage__input_tokens": 10, "gen_ai__operation__name": "embeddings"}, 10.0),
        ({}, None),
    ],
    ids=str,
)
def test_tokens_of_one_direction_alone_are_no_count_of_tokens(said: dict[str, object], known: float | None) -> None:
    assert span_of(entry(**said)).tokens == known


def test_a_trace_whose_calls_do_not_all_say_their_cost_costs_at_least_that() -> None:
    def trace(first: float | None, second: float | None, own: float | None = None) -> tuple[float | None, bool]:
        found = tree(
            span("run", role=SpanRole.AGENT, cost_usd=own, tokens=own),
            span("a", parent="run", role=SpanRole.MODEL, cost_usd=first, tokens=first),
            span("b", parent="run", role=SpanRole.MODEL, cost_usd=second, tokens=second),
        )
        assert (tokens(found), lacks_tokens(found)) == (cost_usd(found), lacks_costs(found))
        return cost_usd(found), lacks_costs(found)

    assert trace(1.0, 2.0) == (3.0, False)
    assert trace(1.0, None) == (1.0, True)
    assert trace(None, None, own=5.0) == (5.0, False), "the agent's own sum covers its calls"
    assert trace(1.0, None, own=5.0) == (1.0, True)


# Signs of Triage.


def test_pods_whose_request_is_not_known_are_not_held_against_a_part_of_it() -> None:
    used = cores(green=1.1, blue=1.0)

    assert list(burning(used, [sample(None, pod="agent-runtime-green-1")], PODS, RUNNING)) == []
    assert len(list(burning(used, cores(green=0.5), PODS, RUNNING))) == 1


@pytest.mark.parametrize("total_value", [None, 0.0])
def test_denials_of_an_unknown_total_are_no_share(total_value: float | None) -> None:
    place = {"service_name": "agent-runtime", "track": "green"}
    denied = [sample(5.0, policy="budget", **place), sample(None, policy="scope", **place)]

    assert list(denying(denied, [sample(total_value, **place)], Limits(), 60.0, is_stopped=False)) == []
    assert len(list(denying(denied, [sample(6.0, **place)], Limits(), 60.0, is_stopped=False))) == 1


# What a release is compared by.


def test_a_kill_switch_that_is_not_read_is_as_it_was_last() -> None:
    gap = math.nan
    assert stopped(np.array([1.0, gap, gap, 0.0, 0.0])).tolist() == [True, True, True, False]
    assert stopped(np.array([0.0, gap, gap, 0.0])).tolist() == [False, False, False]
    assert stopped(np.array([gap, gap, 1.0])).tolist() == [False, True]


def buckets(track: str, pod: str, **runs: float | None) -> list[Sample]:
    bounds = {"half": "0.5", "one": "1", "all": "+Inf"}
    return [sample(value, track=track, pod=pod, le=bounds[name]) for name, value in runs.items()]


def test_a_bucket_that_one_scrape_lacks_does_not_make_a_pod_begin_anew() -> None:
    """Its whole life would count as runs of the time since."""
    steady = buckets("blue", "b1", half=600, one=900, all=1000), buckets("blue", "b1", half=0, one=0, all=0)
    ours = buckets("green", "g1", half=1, one=1, all=1)
    old = buckets("blue", "b2", half=90_000, one=90_000, all=90_000)
    for now, then in ((old[1:], old), (old, old[1:]), ([*old[1:], *buckets("blue", "b2", half=None)], old)):
        bounds, _, _ = bounds_of([((*steady[0], *ours, *now), (*steady[1], *then))], Track.GREEN, 5.0)
        assert [bound.share for bound in bounds] == [0.4, pytest.approx(0.1)]
