"""The first things on the Agents page: a sentence, one strip of all agents by traffic and harm, and the ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from dashboard.model.agent import BEYOND, Concern, RankedAgent
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.series import Series
from dashboard.model.view import View
from dashboard.queries.agent_ranks import MOST_LINES, Ranking
from dashboard.ui import session, states, theme, url
from dashboard.ui.format import number, stamp
from dashboard.ui.lead import Tone, lead
from dashboard.ui.svg_chart import DASHES, Frame, Stroke, data_uri, svg
from dashboard.ui.text import in_html, plain

_TONES: Final[Mapping[Concern, Tone]] = {
    Concern.FAILING: "sick",
    Concern.SLOW: "warn",
    Concern.CONDITION: "warn",
    Concern.FEW: "quiet",
    Concern.UNKNOWN: "quiet",
    Concern.WELL: "well",
    Concern.IDLE: "quiet",
}
_SIGNS: Final[Mapping[Concern, str]] = {
    Concern.FAILING: "✖ failing",
    Concern.SLOW: "▲ slow",
    Concern.CONDITION: "▲ not as it should be",
    Concern.FEW: "? few failures",
    Concern.UNKNOWN: "? not known",
    Concern.WELL: "✔ within limits",
    Concern.IDLE: "○ no run",
}
_NAMED = 2  # agents that the sentence names
_MOST_PARTS = 40  # of the strip; the rest are joined by concern
_ON_PHONE = 6


def name_of(agent: RankedAgent) -> str:
    """The agent's name, or that it has none."""
    return agent.name or "an agent without a name"


def top(ranking: Ranking, view: View) -> None:
    """The sentence, the strip and the ranking; the rest of the page has everything else."""
    said, tone, detail = sentence(ranking)
    lead(plain(said, limit=600), tone, detail=plain(detail, limit=600))
    agents = ranking.agents.value or ()
    if not agents:
        return
    if len(agents) > 1:
        st.html(strip(agents))
    states.badge(ranking.agents, session.now())
    st.html(ranked(ranking, view, theme.colours()))


def sentence(ranking: Ranking) -> tuple[str, Tone, str]:
    """The page's answer, how it is meant, and what it does not cover. Plain text. Pure."""
    found = ranking.agents
    if found.value is None:
        return _without(found), "quiet", ""
    detail = " ".join(_not_covered(ranking))
    beyond = [one for one in found.value if one.concern in BEYOND]
    unknown = [one for one in found.value if one.concern in (Concern.UNKNOWN, Concern.FEW)]
    if beyond:
        tone: Tone = "sick" if any(one.concern is Concern.FAILING for one in beyond) else "warn"
        return _beyond(beyond, len(found.value)), tone, detail
    if unknown:
        said = f"No agent is known to do harm; {_several(unknown)} cannot be judged"
        return said, "quiet", detail
    is_whole = found.state is State.FRESH
    return _well(found.value), "well" if is_whole else "quiet", detail


def _without(found: Reading[tuple[RankedAgent, ...]]) -> str:
    if found.state is State.EMPTY:
        return "No agent ran in this period"
    if found.state is State.UNMEASURED:
        return "Runs of agents are not measured here"
    return f"How the agents perform is not known: {found.reason}"


def _beyond(beyond: Sequence[RankedAgent], total: int) -> str:
    told = "; ".join(f"{name_of(one)}: {harm(one)}" for one in beyond[:_NAMED])
    more = f"; and {len(beyond) - _NAMED} more" if len(beyond) > _NAMED else ""
    if total == 1:
        return told
    verb = "is" if len(beyond) == 1 else "are"
    return (
        f"{len(beyond)} of {total} agents {verb} beyond {'its' if len(beyond) == 1 else 'their'} limits: {told}{more}"
    )


def _several(found: Sequence[RankedAgent]) -> str:
    return name_of(found[0]) if len(found) == 1 else f"{len(found)} agents"


def _well(found: Sequence[RankedAgent]) -> str:
    runs, failed = sum(one.runs or 0.0 for one in found), sum(one.failed or 0.0 for one in found)
    if not runs:
        return "No agent ran in this period"
    who = f"{name_of(found[0])} is" if len(found) == 1 else f"All {len(found)} agents are"
    share = number(failed / runs, Unit.RATIO)
    return f"{who} within the limits: {_counted(failed)} of {_counted(runs)} runs failed ({share})"


def _not_covered(ranking: Ranking) -> list[str]:
    said = []
    if ranking.agents.state is not State.FRESH:
        said.append(f"{ranking.agents.reason[:1].upper()}{ranking.agents.reason[1:]}.")
    if ranking.states.state is State.UNMEASURED:
        said.append("Whether agents are degraded, quarantined or stopped is not measured here.")
    elif ranking.states.state is State.EMPTY:  # what is missing is said with the ranking
        said.append(f"The states of agents are not known: {ranking.states.reason}.")
    return said


def harm(agent: RankedAgent) -> str:
    """What an agent does, in words, worst first. Plain text. Pure."""
    said = []
    if agent.runs == 0:
        said.append("no run in this period")
    elif agent.runs is None:
        said.append("its runs are not known")
    elif agent.failed is None:
        said.append(f"how many of its {_counted(agent.runs)} runs failed is not known")
    else:
        share = f" ({number(agent.error_ratio, Unit.RATIO)})" if agent.error_ratio else ""
        said.append(f"{_counted(agent.failed)} of {_counted(agent.runs)} runs failed{share}")
    if agent.concern is Concern.FEW:
        said.append("too few failures to trust the share")
    if agent.slow:
        said.append(f"one run in 20 takes longer than {number(agent.p95_seconds, Unit.SECONDS)}")
    if agent.condition and agent.condition != "running":
        said.append(f"{agent.condition} by its own account")
    return ", ".join(said)


def _counted(value: float) -> str:
    """Runs as whole ones; less than one is said."""
    return "under 1" if 0 < value < 0.5 else number(float(round(value)), Unit.COUNT)


def strip(agents: Sequence[RankedAgent]) -> str:
    """All agents side by side, as wide as their runs, in the order of harm; and how many there are of each kind."""
    parts = [(name_of(one), one.runs or 0.0, _TONES[one.concern]) for one in agents[:_MOST_PARTS]]
    rest = agents[_MOST_PARTS:]
    for tone in dict.fromkeys(_TONES[one.concern] for one in rest):
        alike = [one for one in rest if _TONES[one.concern] == tone]
        parts.append((f"{len(alike)} more", sum(one.runs or 0.0 for one in alike), tone))
    cells = "".join(
        f'<i class="td-{tone}" style="flex-grow:{runs:.3f}" title="{in_html(name)}"></i>' for name, runs, tone in parts
    )
    counts = Counter(one.concern for one in agents)
    words = "".join(
        f'<li class="td-{_TONES[concern]}">{counts[concern]:,} {_SIGNS[concern].split(" ", 1)[1]}</li>'
        for concern in Concern
        if counts[concern]
    )
    said = ", ".join(f"{counts[one]} {_SIGNS[one].split(' ', 1)[1]}" for one in Concern if counts[one])
    label = in_html(f"Agents, as wide as their runs: {said}")
    return (
        f'<div class="td-share" role="img" aria-label="{label}">{cells}</div>'
        f'<ul class="td-legend">{words}<li class="td-plain">as wide as their runs</li></ul>'
    )


def ranked(ranking: Ranking, view: View, colours: Mapping[str, str]) -> str:
    """The first agents of the ranking as links, each with its failed runs over time, blue against green."""
    agents = ranking.agents.value or ()
    shown = agents[:MOST_LINES]
    frame = _frame(ranking.lines.value or ())
    items = []
    for place, one in enumerate(shown):
        lines = [line for line in ranking.lines.value or () if line.labels.get("gen_ai_agent_name", "") == one.name]
        items.append(_item(one, ranking, view, _line(lines, frame, colours), is_extra=place >= _ON_PHONE))
    on_phone = len(agents) - min(len(shown), _ON_PHONE)
    notes = ""
    if len(agents) > len(shown):
        notes += f'<div class="td-note td-on-desk">{len(agents) - len(shown):,} more in “All agents”.</div>'
    if on_phone:
        notes += f'<div class="td-note td-on-phone">{on_phone:,} more in “All agents”.</div>'
    return f'<ol class="td-ranks">{"".join(items)}</ol>{notes}'


def _item(agent: RankedAgent, ranking: Ranking, view: View, line: str, *, is_extra: bool) -> str:
    name = in_html(name_of(agent))
    if agent.name and agent.name != view.agent:
        to = in_html(f"agents?{urlencode(url.link(view, agent=agent.name))}", limit=2000)
        name = f'<a href="{to}" target="_self">{name}</a>'
    classes = f"td-{_TONES[agent.concern]}{' td-rest' if is_extra else ''}"
    more = "".join(f"<small>{in_html(words, limit=400)}</small>" for words in _more(agent, ranking))
    return (
        f'<li class="{classes}"><div><b>{name}</b> <span class="td-sign">{_SIGNS[agent.concern]}</span>'
        f"<p>{in_html(harm(agent), limit=400)}</p>{more}</div>{line}</li>"
    )


def _more(agent: RankedAgent, ranking: Ranking) -> list[str]:
    """Blue against green and since which release; then time, cost and owner."""
    found = []
    tracks = [
        f"{track or 'no track'} {'no data' if share.error_ratio is None else number(share.error_ratio, Unit.RATIO)}"
        for track, share in sorted(agent.tracks.items())
    ]
    if len(tracks) > 1:
        release = ranking.deployed.get(agent.worse_on)
        since = f"; {release.what} at {stamp(release.at)}" if release else ""
        only = f", only on {agent.worse_on}{since}" if agent.worse_on else ""
        found.append(f"failed: {', '.join(tracks)}{only}")
    facts = [
        f"p95 {number(agent.p95_seconds, Unit.SECONDS)}" if agent.p95_seconds is not None else "",
        f"cost {number(agent.cost_usd, Unit.USD)}" if agent.cost_usd is not None else "",
        f"owner {ranking.owners[agent.name]}" if agent.name in ranking.owners else "",
    ]
    found.append(" · ".join(filter(None, facts)))
    return [words for words in found if words]


def _frame(lines: Sequence[Series]) -> Frame:
    """One scale for all rows, so that they compare."""
    known = [value for line in lines for value in line.values if value is not None]
    times = [at for line in lines for at in line.times]
    return Frame(start=min(times, default=0.0), end=max(times, default=1.0), low=0.0, high=max([*known, 0.01]))


def _line(lines: Sequence[Series], frame: Frame, colours: Mapping[str, str]) -> str:
    """The share of failed runs over time of one agent, a line for each track."""
    if not any(value is not None for line in lines for value in line.values):
        return '<span class="td-note">no line</span>'
    strokes = [
        Stroke(
            times=line.times,
            values=line.values,
            colour=colours.get(line.labels.get("track", ""), colours["brand"]),
            dash=DASHES[place % len(DASHES)],
        )
        for place, line in enumerate(sorted(lines, key=lambda line: line.labels.get("track", "")))
    ]
    words = ", ".join(f"{line.labels.get('track') or 'all'} {number(line.last, Unit.RATIO)}" for line in lines)
    picture = svg(frame, strokes, colours=(colours["line"], colours["grey"], colours["warn"]))
    alt = in_html(f"Failed runs over time, up to {number(frame.high, Unit.RATIO)}; last: {words}")
    return f'<img class="td-rank-line" alt="{alt}" src="{data_uri(picture)}">'
