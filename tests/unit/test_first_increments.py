"""Tiles, tables and charts count the first increments of a series, as Prometheus itself counts them.

A scrape every 5 s; the window is the last 300 s. Pod g-0 is always there and does one run each scrape.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboard.catalog import agents, contracts, release, resources, service
from tests.unit.promql import answers, of

WINDOW = 300
AT = 1200
SCRAPES = AT // 5 + 1
VALUES = {
    "namespace": "agents",
    "service": "agent-runtime",
    "track": "",
    "agent": "",
    "contract": "",
    "window": f"{WINDOW}s",
    "scrape_seconds": "5",
}
PLACE = 'namespace="agents",service_name="agent-runtime",track="green"'


def target(pod: str, job: str = "agents") -> str:
    return f'{PLACE},pod="{pod}",instance="{pod}:9464",job="{job}"'


def runs(values: str, pod: str = "g-1", agent: str = "a", error: str = "", job: str = "agents") -> tuple[str, str]:
    failed = f',error_type="{error}"' if error else ""
    kind = f'gen_ai_operation_name="invoke_agent",gen_ai_agent_name="{agent}"{failed}'
    return f"gen_ai_invoke_agent_duration_seconds_count{{{target(pod, job)},{kind}}}", values


def up(values: str = "1x300", pod: str = "g-1", job: str = "agents") -> tuple[str, str]:
    return f"up{{{target(pod, job)}}}", values


NEIGHBOUR = [runs("1000+1x300", pod="g-0", agent="other"), up(pod="g-0")]
STEADY = [*NEIGHBOUR, runs("500+1x300"), up()]


@dataclass(frozen=True)
class Case:
    """What happened, and how many runs of agent "a" failed in the window."""

    series: list[tuple[str, str]]
    failed: float


CASES = {
    "the first failure of all": Case([*STEADY, runs("_x200 1x100", error="timeout")], 1),
    "three failures at once, of a new type": Case(
        [*STEADY, runs("7x300", error="timeout"), runs("_x200 3x100", error="rate_limit")], 3
    ),
    "a new agent that only fails": Case([*NEIGHBOUR, up(), runs("_x210 2x100", error="timeout")], 2),
    "a new pod": Case(
        [*NEIGHBOUR, up("_x200 1x100"), runs("_x200 4+1x100"), runs("_x200 2x20 5x80", error="timeout")], 5
    ),
    "a new pod that is gone again": Case(
        [
            *NEIGHBOUR,
            up("_x200 1x15 stale"),
            runs("_x200 4+1x15 stale"),
            runs("_x200 2x15 stale", error="timeout"),
        ],
        2,
    ),
    "a process that began anew, and failed first since": Case(
        [
            *NEIGHBOUR,
            up("1x199 0 0 1x100"),
            runs("500+1x199 stale _x1 1+1x100"),
            runs("50x100 stale _x110 2x100", error="timeout"),
        ],
        2,
    ),
    "an exporter that drops what is idle": Case([*STEADY, runs("40x60 stale _x150 43x100", error="timeout")], 3),
    "a scrape that failed in the window": Case(
        [
            *NEIGHBOUR,
            up("1x209 0 1x100"),
            runs("500+1x209 stale 711+1x90"),
            runs("_x200 2x9 stale 2x100", error="timeout"),
        ],
        2,
    ),
    "two jobs that scrape one pod": Case(
        [
            *STEADY,
            runs("500+1x300", job="services"),
            up(job="services"),
            runs("_x200 3x100", error="timeout"),
            runs("_x200 3x100", error="timeout", job="services"),
        ],
        3,
    ),
    "a process that pushes, and fails first": Case(
        [runs("9+1x300", pod="g-0", agent="other"), runs("500+1x300"), runs("_x200 2x100", error="timeout")], 2
    ),
    "a new pod that pushes": Case(
        [runs("9+1x300", pod="g-0", agent="other"), runs("_x200 4+1x100"), runs("_x200 2x100", error="timeout")], 2
    ),
    "an old failure and nothing since": Case([*STEADY, runs("40x300", error="timeout")], 0),
    "an old pod that Prometheus sees again after a pause": Case(
        [
            runs("1000+1x140 _x61 1202+1x100", pod="g-0", agent="other"),
            up("1x140 _x61 1x100", pod="g-0"),
            up("1x140 _x61 1x100"),
            runs("500+1x140 _x61 702+1x100"),
            runs("_x202 900x100", error="timeout"),
        ],
        0,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_share_of_failures_and_their_table_see_the_first_of_a_kind(case: Case, tmp_path: Path) -> None:
    at = f"{AT}s"
    by_type = answers(tmp_path, agents.ERRORS_BY_TYPE, VALUES, case.series, at) if case.failed else {}
    share = of(answers(tmp_path, agents.AGENT_ERROR_RATIO, VALUES, case.series, at), gen_ai_agent_name="a")
    total = of(answers(tmp_path, agents.AGENT_RUN_RATE, VALUES, case.series, at), gen_ai_agent_name="a")
    assert sum(by_type.values()) * WINDOW == pytest.approx(case.failed, abs=0.1)
    assert share is not None
    assert total is not None
    assert share * total * WINDOW == pytest.approx(case.failed, abs=0.1)


def test_the_steps_of_a_chart_add_up_to_the_tile(tmp_path: Path) -> None:
    series = [*STEADY, runs("_x193 3+1x9 13x100", error="timeout")]
    asked = {**VALUES, "window": "60s"}
    steps = [
        of(answers(tmp_path, service.TRACK_ERROR_RATIO, asked, series, f"{at}s"), track="green", **SERVICE) or 0.0
        for at in range(960, AT + 1, 60)
    ]
    runs_of = [
        of(answers(tmp_path, service.TRACK_RUNS, asked, series, f"{at}s"), track="green", **SERVICE) or 0.0
        for at in range(960, AT + 1, 60)
    ]
    assert sum(share * rate * 60 for share, rate in zip(steps, runs_of, strict=True)) == pytest.approx(13, abs=1.5)
    tile = of(answers(tmp_path, agents.ERROR_RATIO, VALUES, series, f"{AT}s"))
    total = of(answers(tmp_path, agents.RUN_RATE, VALUES, series, f"{AT}s"))
    assert (tile or 0.0) * (total or 0.0) * WINDOW == pytest.approx(13, abs=0.1)


SERVICE = {"service_name": "agent-runtime"}


def test_three_violations_of_a_new_rule_are_three_on_tile_and_table(tmp_path: Path) -> None:
    what = f'{target("g-1")},contract="c",gen_ai_agent_name="a"'
    series = [
        *STEADY,
        (f'agentgov_contract_evaluations_total{{{what},clause_type="x",outcome="pass"}}', "500+1x300"),
        (f'agentgov_contract_evaluations_total{{{what},clause_type="x",outcome="violation"}}', "_x200 3x100"),
        (
            f'agentgov_contract_violations_total{{{what},rule="r",severity="high",enforcement="block"}}',
            "_x200 1x10 3x90",
        ),
    ]
    table = answers(tmp_path, contracts.VIOLATIONS_BY_RULE, VALUES, series, f"{AT}s")
    tile = of(answers(tmp_path, contracts.VIOLATION_RATE, VALUES, series, f"{AT}s"))
    line = of(answers(tmp_path, contracts.VIOLATION_RATE_BY_RULE, VALUES, series, f"{AT}s"), rule="r")
    assert list(table.values()) == [3]
    assert (tile or 0.0) * WINDOW == pytest.approx(3)
    assert (line or 0.0) * WINDOW == pytest.approx(3)


def test_a_container_that_restarted_before_it_was_first_seen_counts(tmp_path: Path) -> None:
    def restarts(pod: str, values: str) -> tuple[str, str]:
        place = f'namespace="agents",pod="{pod}",container="app",job="kube-state-metrics",instance="k:8080"'
        return f"kube_pod_container_status_restarts_total{{{place}}}", values

    series = [restarts("old", "4x300"), restarts("new", "_x200 2x100")]
    assert of(answers(tmp_path, resources.RESTARTS, VALUES, series, f"{AT}s")) == 2


def history(chance: random.Random) -> tuple[list[int | None], int, bool]:
    """Samples of one counter that has a series from its first event on, what is true of the window, and if it is exact.

    An idle series may be dropped and come back.
    """
    samples: list[int | None] = []
    value, counted = 0, 0
    begins = chance.choice([0, chance.randrange(SCRAPES - 70, SCRAPES - 3)])
    for index in range(SCRAPES):
        more = chance.choice([0, 0, 0, 1, 2]) if index >= begins else 0
        value += more
        counted += more if index > SCRAPES - 1 - WINDOW // 5 else 0
        idle = more == 0 and chance.random() < 0.1 and index % 7 == 0
        samples.append(None if value == 0 or idle else value)
    start = SCRAPES - 1 - WINDOW // 5
    return samples, counted, not any(one is not None for one in samples[: start + 1])


def notation(samples: list[int | None]) -> Iterator[str]:
    was_there = False
    for sample in samples:
        yield "stale" if sample is None and was_there else "_" if sample is None else str(sample)
        was_there = sample is not None


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happened_the_table_has_the_true_count(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - a made history, no secret
    series, expected = list(NEIGHBOUR), {}
    for number in range(25):
        samples, counted, is_exact = history(chance)
        series += [up(pod=f"p-{number}"), runs(" ".join(notation(samples)), pod=f"p-{number}", agent=f"n-{number}")]
        expected[f"n-{number}"] = (counted, is_exact)
    found = answers(tmp_path, agents.AGENT_RUN_RATE, VALUES, series, f"{AT}s")
    for agent, (counted, is_exact) in expected.items():
        value = (of(found, gen_ai_agent_name=agent) or 0.0) * WINDOW
        # What was there before is extrapolated by up to one interval at each end.
        assert value == pytest.approx(counted, abs=0.01 if is_exact else 4), agent


@pytest.mark.parametrize(
    ("scraped", "seconds"), [("1x300", WINDOW), ("_x228 1x100", 60), ("1x100 stale _x126 1x100", 60)]
)
def test_a_young_track_is_measured_since_its_first_scrape(scraped: str, seconds: float, tmp_path: Path) -> None:
    asked = {"namespace": "agents", "service": "agent-runtime", "window": f"{WINDOW}s"}
    found = answers(tmp_path, release.MEASURED_SECONDS, asked, [up(scraped)], f"{AT}s")
    assert of(found, track="green") == pytest.approx(seconds, abs=6)
