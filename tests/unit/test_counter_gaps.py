"""A gap is no birth: what counters grew by, as Prometheus counts it, on bad days of the telemetry.

Pod g-1 of green is scraped every 5 s and does 10 runs each time, unless a row says otherwise; 3000 of its 100,000 runs
failed weeks ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dashboard.catalog import release as catalog
from dashboard.catalog.expression import Expression
from dashboard.decide import counters
from dashboard.decide.factor import Array
from dashboard.model.reading import Unit
from tests.unit.promql import answers, of

PLACE = {"namespace": "agents", "service_name": "agent-runtime", "track": "green"}
TARGET = {"pod": "g-1", "instance": "10.0.0.1:9464", "job": "agents"}


def labels(**more: str) -> str:
    return ",".join(f'{name}="{value}"' for name, value in {**PLACE, **TARGET, **more}.items())


def runs(values: str, **more: str) -> tuple[str, str]:
    named = labels(gen_ai_operation_name="invoke_agent", **more)
    return f"gen_ai_invoke_agent_duration_seconds_count{{{named}}}", values


def up(values: str, **more: str) -> tuple[str, str]:
    return f"up{{{labels(**more)}}}", values


@dataclass(frozen=True)
class Case:
    """Series, the moment and the window of the question, and what is true of the window."""

    series: list[tuple[str, str]]
    at: str
    runs: float
    failed: float
    window: str = "20s"


STEADY = runs("97000+10x400")
STEADY_BAD = runs("3000+0x400", error_type="timeout")
WELL = up("1x400")
OTHER = up("1x400", pod="b-1", instance="10.0.0.2:9464", track="blue")
CASES = {
    "nothing happens": Case([STEADY, STEADY_BAD, WELL], "622s", 40, 0),
    "a scrape failed as the window began": Case(
        [
            runs("97000+10x119 stale 98210+10x60"),
            runs("3000+0x119 stale 3000+0x60", error_type="timeout"),
            up("1x119 0 1x60"),
        ],
        "622s",
        40,
        0,
    ),
    "a scrape failed as a long window began": Case(
        [
            runs("97000+10x119 stale 98210+10x60"),
            runs("3000+0x119 stale 3000+0x60", error_type="timeout"),
            up("1x119 0 1x60"),
        ],
        "902s",
        600,
        0,
        window="300s",
    ),
    "scrapes failed for two minutes": Case(
        [
            runs("97000+10x119 stale _x23 98440+10x60"),
            runs("3000+0x119 stale _x23 3000+0x60", error_type="timeout"),
            up("1x119 0x24 1x60"),
        ],
        "730s",
        25,
        0,
    ),
    "what a kind had before its series was first seen is unknown after an outage": Case(
        [
            runs("97000+10x119 stale _x23 98440+10x60"),
            runs("_x144 70+1x60", error_type="new"),
            up("1x119 0x24 1x60"),
        ],
        "738s",
        44,
        4,
    ),
    "the first failures of a kind on a pod that is scraped": Case(
        [STEADY, STEADY_BAD, runs("_x122 3x60", error_type="new"), WELL], "622s", 43, 3
    ),
    "the first failures of a kind in a scrape that follows a missed one": Case(
        [runs("97000+10x119 stale 98210+10x60"), runs("_x121 2x60", error_type="new"), up("1x119 0 1x60")],
        "612s",
        32,
        2,
    ),
    "a new pod's first runs and failures": Case(
        [OTHER, runs("_x121 7+10x60"), runs("_x121 2x60", error_type="timeout"), up("_x121 1x60")], "612s", 19, 2
    ),
    "a new pod that does not answer at first": Case(
        [OTHER, runs("_x123 7+10x60"), runs("_x123 2x60", error_type="timeout"), up("_x119 0x4 1x60")], "622s", 19, 2
    ),
    "an exporter drops a series and one more happens": Case(
        [STEADY, runs("50x59 stale _x62 51x60", error_type="timeout"), WELL], "622s", 41, 1
    ),
    "an exporter drops a series for 50 minutes": Case(
        [runs("97000+10x700"), runs("50x59 stale _x601 52x60", error_type="timeout"), up("1x700")], "3322s", 42, 2
    ),
    "a dropped series begins anew and has less than before": Case(
        [STEADY, runs("50x59 stale _x62 4x60", error_type="timeout"), WELL], "622s", 44, 4
    ),
    "the pod's target gets another label": Case(
        [
            runs("97000+10x121 stale"),
            runs("3000x121 stale", error_type="timeout"),
            runs("_x122 98220+10x60", team="a"),
            runs("_x122 3000x60", error_type="timeout", team="a"),
            up("1x121 stale"),
            up("_x122 1x60", team="a"),
        ],
        "622s",
        30,
        0,
    ),
    "the pod's job gets another name": Case(
        [
            runs("97000+10x121 stale"),
            runs("3000x121 stale", error_type="timeout"),
            runs("_x122 98220+10x60", job="pods"),
            runs("_x122 3000x60", error_type="timeout", job="pods"),
            up("1x121 stale"),
            up("_x122 1x60", job="pods"),
        ],
        "622s",
        30,
        0,
    ),
    "the pod is found on another port": Case(
        [
            runs("97000+10x121 stale"),
            runs("3000x121 stale", error_type="timeout"),
            runs("_x122 98220+10x60", instance="10.0.0.1:9999"),
            runs("_x122 3000x60", error_type="timeout", instance="10.0.0.1:9999"),
            up("1x121 stale"),
            up("_x122 1x60", instance="10.0.0.1:9999"),
        ],
        "622s",
        30,
        0,
    ),
    "the pod vanishes from discovery for a minute": Case(
        [
            OTHER,
            runs("97000+10x119 stale _x11 98320+10x60"),
            runs("3000x119 stale _x11 3000x60", error_type="timeout"),
            up("1x119 stale _x11 1x60"),
        ],
        "672s",
        40,
        0,
    ),
    "Prometheus slept for three minutes, and a kind of failure is new since": Case(
        [
            runs("97000+10x119 _x36 98560+10x60"),
            runs("3000x119 _x36 3000x60", error_type="timeout"),
            runs("_x156 90x60", error_type="new"),
            up("1x119 _x36 1x60"),
        ],
        "798s",
        40,
        0,
    ),
    "nothing is scraped, all is pushed, and a kind of failure is new": Case(
        [STEADY, STEADY_BAD, runs("_x122 3x60", error_type="new")], "622s", 43, 3
    ),
    "a process that pushes was not heard for a minute": Case(
        [
            runs("5+10x400", pod="g-2", instance="b"),
            runs("97000+10x109 stale _x11 98220+10x60"),
            runs("3000x109 stale _x11 3000x60", error_type="timeout"),
        ],
        "622s",
        60,
        0,
    ),
    "only what tells of the scrapes is missing": Case(
        [STEADY, STEADY_BAD, runs("_x122 3x60", error_type="new"), up("1x20")], "622s", 43, 3
    ),
    "Prometheus is new": Case(
        [runs("_x120 97000+10x60"), runs("_x120 3000x60", error_type="timeout"), up("_x120 1x60")], "612s", 25, 0
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_window_counts_what_happened_in_it(case: Case, tmp_path: Path) -> None:
    values = {"namespace": "agents", "service": "agent-runtime", "window": case.window}
    found = {
        name: of(answers(tmp_path, expression, values, case.series, case.at), track="green")
        for name, expression in (("runs", catalog.RUNS), ("failed", catalog.FAILED))
    }
    # `increase` extrapolates to the whole window: by less than one interval at each end.
    assert found["runs"] == pytest.approx(case.runs, rel=0.35)
    assert found["failed"] == pytest.approx(case.failed, abs=1.0 if case.failed > 3 else 0.0)


def test_the_cheaper_question_has_the_same_answer_while_nothing_is_new(tmp_path: Path) -> None:
    values = {"namespace": "agents", "service": "agent-runtime", "window": "20s"}
    for expression in (catalog.RUNS, catalog.FAILED):
        series = [STEADY, STEADY_BAD, WELL]
        newcomers, steady = expression.shortcut(values) or ("", "")
        assert answers(tmp_path, _as_is(newcomers), {}, series, "622s") == {}
        in_full = answers(tmp_path, expression, values, series, "622s")
        assert answers(tmp_path, _as_is(steady), {}, series, "622s") == in_full
        assert in_full


def test_a_series_that_begins_in_the_window_asks_for_the_whole_question(tmp_path: Path) -> None:
    values = {"namespace": "agents", "service": "agent-runtime", "window": "20s"}
    newcomers, _ = catalog.FAILED.shortcut(values) or ("", "")
    series = [STEADY, runs("_x122 3x60", error_type="new"), WELL]
    assert of(answers(tmp_path, _as_is(newcomers), {}, series, "622s"), instance="10.0.0.1:9464") == 1


def _as_is(promql: str) -> Expression:
    return Expression(name="probe", promql=promql, unit=Unit.COUNT, blind="nothing")


def on_the_grid(asked: Expression, series: list[tuple[str, str]], folder: Path, start: int) -> Array:
    """The raw counter of pod g-1 at ten moments, 10 s apart."""
    values = {"namespace": "agents", "service": "agent-runtime"}
    found = [of(answers(folder, asked, values, series, f"{at}s"), track="green", pod="g-1") for at in _grid(start)]
    return np.array([np.nan if value is None else value for value in found])


def _grid(start: int) -> range:
    return range(start, start + 100, 10)


def test_a_dropped_series_that_comes_back_grows_the_pod_by_what_is_new(tmp_path: Path) -> None:
    series = [STEADY, runs("50x59 stale _x62 51x60", error_type="timeout"), runs("70x59", error_type="b"), WELL]
    failed = counters.increases(on_the_grid(catalog.FAILED_COUNTER, series, tmp_path, 565))
    total = counters.increases(on_the_grid(catalog.RUN_COUNTER, series, tmp_path, 565))
    assert failed.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert total.tolist() == [20, 20, 20, 20, 21, 20, 20, 20, 20]


def test_a_pod_whose_scrape_failed_has_no_counter_then(tmp_path: Path) -> None:
    series = [
        runs("97000+10x119 stale 98210+10x60"),
        runs("3000+0x119 stale 3000+0x60", error_type="timeout"),
        up("1x119 0 1x60"),
    ]
    total = counters.increases(on_the_grid(catalog.RUN_COUNTER, series, tmp_path, 570))
    assert np.isnan(total).tolist() == [False, False, True, True, False, False, False, False, False]
    assert np.nansum(total) == 140


def test_a_pod_that_is_gone_keeps_no_counter(tmp_path: Path) -> None:
    series = [OTHER, runs("97000+10x119 stale"), runs("30x119 stale", error_type="timeout"), up("1x119 stale")]
    assert np.isnan(on_the_grid(catalog.RUN_COUNTER, series, tmp_path, 600)).all()


def test_a_counter_that_is_renamed_leaps_once_and_that_is_left_out(tmp_path: Path) -> None:
    series = [runs("97000+10x119 stale"), runs("_x120 98200+10x60", team="a"), WELL]
    rows = on_the_grid(catalog.RUN_COUNTER, series, tmp_path, 570)
    found = counters.without_leaps(rows, counters.increases(rows))
    assert np.isnan(found).tolist() == [False, False, True, *[False] * 6]
    assert np.nansum(found) == 160


def test_a_pod_that_wakes_up_does_not_leap() -> None:
    rows = np.array([0.0, 2.0, 4.0, 4.0, 90.0, 190.0, 300.0])
    assert counters.without_leaps(rows, counters.increases(rows)).tolist() == np.diff(rows).tolist()
