"""The ranking of agents by harm: what it asks, and its readings. The lines of the worst are asked in a second round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.catalog import agent_ranks as catalog
from dashboard.catalog.escaping import Regex, literal
from dashboard.decide import agent_ranks as decide
from dashboard.decide.policy import Limits
from dashboard.model.agent import RankedAgent
from dashboard.model.figures import FigureRow
from dashboard.model.incident import Change
from dashboard.model.reading import Reading, beside
from dashboard.model.series import Sample, Series
from dashboard.queries.ask import Ask
from dashboard.queries.measures import Period, rows
from dashboard.queries.readings import Readings
from dashboard.queries.request import Instant, Range, Request

AGENT = "gen_ai_agent_name"
SCORE = "score"
# Agents of the ranking with a line: more than a person reads. Each costs the lines of its tracks.
MOST_LINES = 12
_BY_TRACK = {"runs/s": catalog.RUN_RATE, "errors": catalog.ERROR_RATIO}
_LABELS = (AGENT, "track")

Rows = Reading[tuple[FigureRow, ...]]
Samples = Reading[tuple[Sample, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All agents, most harm first, and what belongs to them.

    Attributes:
        agents: the ranking.
        states: whether agents tell their state, which the ranking has as words.
        scores: by agent, evaluation, version and track; the figure is SCORE, from 0 to 1.
        owners: by agent, where agents tell it.
        lines: the share of failed runs over time of the first MOST_LINES agents, by agent and track.
        deployed: the newest deployment of each track, in words with its time.
    """

    agents: Reading[tuple[RankedAgent, ...]]
    states: Reading[tuple[Sample, ...]]
    scores: Rows
    owners: Mapping[str, str]
    lines: Reading[tuple[Series, ...]]
    deployed: Mapping[str, Change]


def asked(figure: Mapping[str, str], at: datetime | None) -> dict[str, Request]:
    """The questions of the first round; `figure` are the values of a figure over the whole period."""
    found: dict[str, Request] = {f"ranked.{name}": Instant(one, figure, at) for name, one in _BY_TRACK.items()}
    moment = {"state": catalog.STATE, "scores": catalog.SCORES, "versions": catalog.VERSIONS}
    return found | {f"ranked.{name}": Instant(one, figure, at) for name, one in moment.items()}


def ranking(
    ask: Ask,
    answers: Readings,
    table: Rows,
    over: Period,
    *,
    line: Mapping[str, str],
    limits: Limits,
    changes: Iterable[Change],
) -> Ranking:
    """The ranking from the answers to `asked` and the page's table of agents.

    Args:
        line: the values of a line over time.
    """
    by_track = rows(_LABELS, {name: answers.samples(f"ranked.{name}") for name in _BY_TRACK})
    states = answers.samples("ranked.state")
    versions = answers.samples("ranked.versions").value or ()
    ranked = _ranked(table, by_track, states, over, limits)
    return Ranking(
        agents=ranked,
        states=states,
        scores=_scores(answers.samples("ranked.scores"), versions),
        owners={one.labels.get(AGENT, ""): owner for one in versions if (owner := one.labels.get("owner"))},
        lines=_lines(ask, ranked, over, line),
        deployed=_newest_by_track(changes),
    )


def _ranked(
    table: Rows, by_track: Rows, states: Samples, over: Period, limits: Limits
) -> Reading[tuple[RankedAgent, ...]]:
    told = [
        (one.labels.get(AGENT, ""), one.labels.get("track", ""), one.labels.get("state", ""))
        for one in states.value or ()
    ]

    def of(found: tuple[FigureRow, ...]) -> tuple[RankedAgent, ...] | None:
        return decide.ranked(
            found,
            by_track=by_track.value or (),
            states=told,
            seconds=over.span.total_seconds(),
            error_limit=limits.error_ratio,
            p95_limit=limits.p95_seconds,
            least_failed=limits.least_bad_events,
        )

    return beside(table, {"blue against green": by_track, "states of agents": states}).map(of)


def _scores(scores: Samples, versions: Iterable[Sample]) -> Rows:
    """The scores with the version that runs on their track; several are named together while one replaces another."""
    running: dict[tuple[str, str], set[str]] = {}
    for one in versions:
        if version := one.labels.get("gen_ai_agent_version"):
            running.setdefault((one.labels.get(AGENT, ""), one.labels.get("track", "")), set()).add(version)

    def row(one: Sample) -> FigureRow:
        name, track = one.labels.get(AGENT, ""), one.labels.get("track", "")
        version = " or ".join(sorted(running.get((name, track), ())))
        labels = (name, one.labels.get("evaluation_name", ""), version, track)
        return FigureRow(labels=labels, figures={SCORE: one.value if _is_ratio(one.value) else None})

    found = scores.map(lambda several: tuple(sorted(map(row, several), key=lambda one: one.labels)) or None)
    return found.said("no evaluation score was reported just before the end of this period")


def _is_ratio(value: float | None) -> bool:
    return value is not None and 0 <= value <= 1


def _lines(
    ask: Ask, ranked: Reading[tuple[RankedAgent, ...]], over: Period, line: Mapping[str, str]
) -> Reading[tuple[Series, ...]]:
    first = [one.name for one in (ranked.value or ())[:MOST_LINES] if one.name and one.runs]
    if not first:
        return ranked.map(lambda _: None, empty="no agent ran in this period")
    pattern = Regex("|".join(map(literal, sorted(first))))
    question = Range(catalog.ERROR_RATIO, {**line, "agent": pattern}, over.start, over.end)
    return ask.gather({"ranked.lines": question}).series("ranked.lines")


def _newest_by_track(changes: Iterable[Change]) -> Mapping[str, Change]:
    """`changes` are newest first."""
    found: dict[str, Change] = {}
    for one in changes:
        if one.track:
            found.setdefault(one.track, one)
    return found
