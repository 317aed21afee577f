"""One bucket bound is one number, however it is spelled, and a bucket that is missing is missing, never 0 slow runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide import latency
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.series import Sample, Series
from dashboard.model.trial import Trial
from dashboard.queries.ask import Range, Request
from tests.unit.test_evidence import HISTORY, NOW, PODS, Counters, ask

# Runs in 10 s of each pod: 100, of them within the first bound, and within the second.
WITHIN = {0.5: 50, 1.0: 90}
EVERY = float("inf")


@dataclass
class Spelled(Counters):
    """Each pod spells the bounds in its own way; from `renamed_at` on as `later` says."""

    spelling: Mapping[str, Mapping[float, str]] = field(default_factory=dict)
    later: Mapping[str, Mapping[float, str]] = field(default_factory=dict)
    slow: Mapping[str, int] = field(default_factory=dict)  # runs over the second bound, in 10 s
    renamed_at: int = HISTORY + 15

    def within(self, pod: str, bound: float) -> int:
        return 100 - self.slow.get(pod, 10) if bound == 1.0 else WITHIN.get(bound, 100)

    def _buckets(self, at: datetime | None) -> tuple[Sample, ...]:
        return tuple(
            Sample(labels={"track": pod.split("-")[0], "pod": pod, "le": label}, value=200.0 * self.within(pod, bound))
            for pod in PODS
            for bound, label in {**self.spelling[pod], EVERY: "+Inf"}.items()
        )

    def _answer(self, request: Request) -> Reading[Any]:
        if not isinstance(request, Range) or request.expression.name != "release_within_counter":
            return super()._answer(request)
        pattern = re.compile(
            re.search(r'le=~"([^"]*)"', request.expression.render(request.values))[1].replace("\\\\", "\\")
        )  # type: ignore[index]
        start, end = (int(at.timestamp()) for at in (request.start, request.end))
        times = tuple(float(at) for at in range(start, end + 1, request.step_seconds))
        lines = [line for pod in PODS for line in self._lines(pod, times) if pattern.fullmatch(line.labels["le"])]
        return fresh(tuple(lines), source=Source.PROMETHEUS, as_of=NOW)

    def _lines(self, pod: str, times: tuple[float, ...]) -> list[Series]:
        lines = []
        for bound, label in self.spelling[pod].items():
            grows = [self.within(pod, bound) * (at - times[0]) / 10 for at in times]
            other = self.later.get(pod, {}).get(bound, label)
            labels = {"track": pod.split("-")[0], "pod": pod}
            if other == label:
                lines.append(Series(labels=labels | {"le": label}, times=times, values=tuple(grows)))
                continue
            # Prometheus shows the old series for 5 minutes more, as it was.
            old = [*grows[: self.renamed_at], *[grows[self.renamed_at - 1]] * (len(times) - self.renamed_at)]
            new = [*[None] * self.renamed_at, *grows[self.renamed_at :]]
            lines.append(Series(labels=labels | {"le": label}, times=times, values=tuple(old)))
            lines.append(Series(labels=labels | {"le": other}, times=times, values=tuple(new)))
        return lines


GO = {0.5: "0.5", 1.0: "1"}
PYTHON = {0.5: "0.5", 1.0: "1.0"}
SCIENCE = {0.5: "5e-1", 1.0: "1e0"}
PADDED = {0.5: "0.500", 1.0: "1.000"}
ALIKE = dict.fromkeys(PODS, GO)
BETWEEN = {pod: PYTHON if pod.startswith("green") else GO for pod in PODS}
WITHIN_A_TRACK = dict(zip(PODS, (GO, PYTHON, SCIENCE, PADDED), strict=True))


def slow_share(found: Trial, index: int) -> tuple[float, float]:
    bad = found.bad_events[f"slow_{index}"]
    total = found.total_events.get(f"slow_{index}", found.total_events["runs"])
    return (
        sum(bad.candidate) / sum(total.candidate),
        (sum(bad.first) + sum(bad.second)) / (sum(total.first) + sum(total.second)),
    )


@pytest.mark.parametrize("spelling", [ALIKE, BETWEEN, WITHIN_A_TRACK], ids=["alike", "between tracks", "in a track"])
@pytest.mark.parametrize("of_green", [10, 40])
def test_the_share_of_slow_runs_does_not_depend_on_the_spelling(
    spelling: Mapping[str, Mapping[float, str]], of_green: int
) -> None:
    slow = {pod: of_green for pod in PODS if pod.startswith("green")}
    found = ask(Spelled(spelling=spelling, slow=slow))
    assert [bound.seconds for bound in found.bounds] == [0.5, 1.0]
    assert slow_share(found, 1) == (pytest.approx(of_green / 100), pytest.approx(0.1))
    assert found.problems == {}


@pytest.mark.parametrize("later", [PYTHON, SCIENCE])
def test_bounds_that_are_spelled_otherwise_from_one_scrape_to_the_next_go_on(later: Mapping[float, str]) -> None:
    found = ask(Spelled(spelling=ALIKE, later=dict.fromkeys(PODS, later)))
    assert set(found.bad_events["slow_1"].candidate[HISTORY:]) == {20}
    assert found.left_out == {"blue": 0.0, "green": 0.0}


def test_a_pod_without_the_bucket_is_left_out_of_latency_alone() -> None:
    spelling = {**ALIKE, "green-x-1": {0.5: "0.5"}}
    found = ask(Spelled(spelling=spelling))
    assert slow_share(found, 1) == (pytest.approx(0.1), pytest.approx(0.1))
    assert set(found.total_events["slow_1"].candidate[HISTORY:]) == {100}
    assert set(found.total_events["runs"].candidate[HISTORY:]) == {200}


def test_a_track_without_any_bucket_is_a_problem_that_is_named_and_not_0_slow_runs() -> None:
    class Bare(Spelled):
        def _lines(self, pod: str, times: tuple[float, ...]) -> list[Series]:
            return [] if pod.startswith("blue") else super()._lines(pod, times)

    found = ask(Bare(spelling=ALIKE))
    assert found.problems == {"latency": "blue reported no runs by their time since the release began"}
    assert sum(found.total_events["slow_1"].first) == 0


def test_what_is_no_number_is_no_bound() -> None:
    assert [latency.bound_of(text) for text in ("", "fast", "NaN")] == [None] * 3
    assert {latency.bound_of(text) for text in ("Inf", "+Inf", "inf")} == {EVERY}


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_every_spelling_is_of_its_bound(bound: float) -> None:
    found = latency.spellings((bound,), (repr(bound), "another"))
    assert repr(bound) in found
    assert {latency.bound_of(text) for text in found} == {bound}
