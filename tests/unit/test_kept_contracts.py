"""The Contracts page, Release, Triage and the recorded SLO count the same evaluations, whatever words they end in.

Only what says that the contract was kept or not counts, on both sides: a skipped one, and one whose word nobody
understands, is left out. Each word has its rate; pod g-1 does them for 20 minutes.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.catalog import contracts, release, service
from dashboard.catalog.bad_events import bad_events
from dashboard.catalog.expression import Expression
from dashboard.decide.bad_events import doubts
from dashboard.model.bad_events import SeenEvents
from dashboard.model.mapping import OURS, Label, Mapping, MetricNames
from dashboard.model.reading import Unit
from dashboard.model.series import Sample
from dashboard.model.words import WORDS
from tests.unit.promql import answers
from tests.unit.test_first_increments import AT, VALUES, target

RULES = Path(__file__).parents[2] / "deploy/monitoring/prometheus/rules/recording.yaml"
RECORDED = Expression(
    name="slo",
    promql='1 - slo:agentgov_sli_errors:ratio_rate5m{slo="contract-compliance"}',
    unit=Unit.RATIO,
    blind="nothing",
)
# Words with their evaluations each scrape, and the share that is kept.
WORDS_AND_SHARES = [
    pytest.param({"pass": 9, "violation": 1}, 0.9, id="the words of telemetry.md"),
    pytest.param({"pass": 9, "error": 1}, 0.9, id="an error is not kept"),
    pytest.param({"pass": 8, "violation": 2, "wobbly": 90}, 0.8, id="a word that nobody understands"),
    pytest.param({"Passed": 8, "BREACHED": 2, "skipped": 90}, 0.8, id="other words, and skipped ones"),
    pytest.param({"ok": 9, "timeout": 1, "": 90}, 0.9, id="no word"),
    pytest.param({"wobbly": 9}, None, id="nothing that is understood"),
]


def evaluated(words: MappingOf[str, int], label: str = "outcome", name: str = "agentgov_contract_evaluations_total"):  # type: ignore[no-untyped-def]
    what = f'{target("g-1")},contract="c",gen_ai_agent_name="a",clause_type="x"'
    return [(f'{name}{{{what},{label}="{word}"}}', f"{each}+{each}x300") for word, each in words.items()]


def shares(folder: Path, series: list[tuple[str, str]], mapping: Mapping = OURS) -> list[float | None]:
    """What each figure of the pages says of the share that is kept."""
    broken = answers(folder, contracts.BROKEN_RATIO_BY_TRACK, VALUES, series, f"{AT}s", mapping=mapping)
    found = [
        answers(folder, one, VALUES, series, f"{AT}s", mapping=mapping)
        for one in (contracts.COMPLIANCE, contracts.COMPLIANCE_BY_CONTRACT)
    ]
    return [
        *(next(iter(each.values()), None) for each in found),
        next((1 - value for value in broken.values()), None),
    ]


@pytest.mark.parametrize(("words", "kept"), WORDS_AND_SHARES)
def test_pages_and_the_recorded_slo_say_the_same_share(
    tmp_path: Path, words: dict[str, int], kept: float | None
) -> None:
    series = evaluated(words)
    expected = None if kept is None else pytest.approx(kept, abs=1e-6)

    assert shares(tmp_path, series) == [expected] * 3
    assert next(iter(answers(tmp_path, RECORDED, {}, series, f"{AT}s", rules=RULES).values()), None) == expected


@pytest.mark.parametrize("long", [contracts.COMPLIANCE, contracts.COMPLIANCE_BY_CONTRACT])
def test_a_long_range_says_the_same_share(tmp_path: Path, long: Expression) -> None:
    series = evaluated({"pass": 8, "violation": 1, "error": 1, "wobbly": 50, "skipped": 50})
    asked = replace(long, promql=long.recorded, steady="", newcomers="")

    (value,) = answers(tmp_path, asked, VALUES, series, f"{AT}s", rules=RULES).values()
    assert value == pytest.approx(0.8)


def test_release_and_triage_leave_the_same_evaluations_out(tmp_path: Path) -> None:
    series = evaluated({"pass": 8, "violation": 2, "wobbly": 50, "skipped": 50})
    asked = {**VALUES, "track": "green"}

    (ratio,) = answers(tmp_path, service.TRACK_VIOLATION_RATIO, VALUES, series, f"{AT}s").values()
    (counted,) = answers(tmp_path, release.EVALUATIONS, asked, series, f"{AT}s").values()
    assert ratio == pytest.approx(0.2)
    assert counted == pytest.approx(600, rel=0.02)


@pytest.mark.parametrize(
    ("words", "mapping", "kept"),
    [
        pytest.param(
            {"green": 8, "red": 2, "grey": 90},
            Mapping(labels={"outcome": Label(name="light", values={"pass": ("green",), "violation": ("red",)})}),
            0.8,
            id="own words for two outcomes",
        ),
        pytest.param(
            {"pass": 8, "red": 2, "grey": 90},
            Mapping(labels={"outcome": Label(name="light", values={"violation": ("red",)})}),
            0.8,
            id="one own word beside the usual ones",
        ),
        pytest.param(
            {"good": 1, "fine": 7, "red": 2},
            Mapping(
                metrics={
                    "contract_evaluations": MetricNames(series="checks_total", bad='light="red"'),
                },
                labels={"outcome": Label(name="light")},
            ),
            0.8,
            id="the settings say what is bad, so all others are good",
        ),
    ],
)
def test_a_teams_own_words_are_counted_alike(
    tmp_path: Path, words: dict[str, int], mapping: Mapping, kept: float
) -> None:
    name = "checks_total" if mapping.metrics else "agentgov_contract_evaluations_total"

    assert shares(tmp_path, evaluated(words, "light", name), mapping) == [pytest.approx(kept)] * 3


def test_what_is_left_out_is_said() -> None:
    (told,) = bad_events(contracts.COMPLIANCE.render(VALUES), OURS)[:1]
    rows = [
        Sample(labels={"service_name": "agent-runtime", "track": "green", "outcome": word}, value=9.0)
        for word in ("pass", "skipped", "wobbly")
    ]

    said = doubts(told, SeenEvents(rows=tuple(rows)), WORDS)[("agent-runtime", "green")]
    assert "“wobbly”, which is not understood and counts as neither kept nor broken" in said
    assert "words.evaluation" in said
    assert doubts(told, SeenEvents(rows=tuple(rows[:2])), WORDS) == {}
