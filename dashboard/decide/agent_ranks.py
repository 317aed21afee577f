"""Which agents do most harm: failed runs plus runs that were too slow, then cost. Pure.

Agents beyond a limit come first, then those of which a figure is not known, then those within their limits. A share of
few failures is not trusted, and an unknown figure is no figure of 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dashboard.model.agent import BEYOND, Concern, RankedAgent, TrackShare
from dashboard.model.figures import FigureRow

# The words of `agentgov_agent_state`, worst first. Any other word is shown as it is, and nothing is concluded from it.
RUNNING = "running"
STATES = ("quarantined", "degraded", "stopped", RUNNING)
_ORDER = (BEYOND, (Concern.FEW, Concern.UNKNOWN), (Concern.WELL,), (Concern.IDLE,))


def ranked(
    rows: Sequence[FigureRow],
    *,
    by_track: Sequence[FigureRow] = (),
    states: Iterable[tuple[str, str, str]] = (),
    seconds: float,
    error_limit: float,
    p95_limit: float,
    least_failed: int,
) -> tuple[RankedAgent, ...]:
    """The agents, most harm first.

    Args:
        rows: by agent, with `runs/s`, `errors`, `p50`, `p95` and `cost/run`.
        by_track: by agent and track, with `runs/s` and `errors`.
        states: agent, track and the state in which it says it is.
        seconds: how long the period is.
        error_limit, p95_limit: what a share of failed runs and a p95 in seconds must not exceed.
        least_failed: failed runs from which on a share is trusted.
    """
    tracks: dict[str, dict[str, TrackShare]] = {}
    for row in by_track:
        name, track = row.labels
        share = TrackShare(runs=_times(row.figures["runs/s"], seconds), error_ratio=row.figures["errors"])
        tracks.setdefault(name, {})[track] = share
    said = conditions(states)
    limits = (error_limit, p95_limit, least_failed)
    found = [_ranked(row, tracks.get(row.name, {}), said.get(row.name, ""), seconds, limits) for row in rows]
    there = {row.name for row in rows}
    found += [_without_runs(name, words) for name, words in said.items() if name not in there]
    return tuple(sorted(found, key=_place))


def conditions(states: Iterable[tuple[str, str, str]]) -> Mapping[str, str]:
    """The state of each agent in words, the worst of its tracks: `degraded on green`, or `running`."""
    by_agent: dict[str, dict[str, set[str]]] = {}
    for name, track, state in states:
        by_agent.setdefault(name, {}).setdefault(state, set()).add(track)
    return {name: _condition(found) for name, found in by_agent.items()}


def _condition(found: Mapping[str, set[str]]) -> str:
    unknown = sorted(word for word in found if word not in STATES)
    worst = next((word for word in STATES if word in found), "")
    word = unknown[0] if unknown and worst in ("", RUNNING) else worst
    everywhere = set().union(*found.values())
    where = sorted(filter(None, found[word]))
    return f"{word} on {', '.join(where)}" if where and found[word] != everywhere else word


def _ranked(
    row: FigureRow,
    tracks: Mapping[str, TrackShare],
    condition: str,
    seconds: float,
    limits: tuple[float, float, int],
) -> RankedAgent:
    error_limit, p95_limit, _ = limits
    figures = row.figures
    runs = _times(figures["runs/s"], seconds)
    failed = 0.0 if runs == 0 else _times(runs, figures["errors"])
    slow = _slow(runs, figures["p50"], figures["p95"], p95_limit)
    return RankedAgent(
        name=row.name,
        concern=_concern(runs, failed, figures["errors"], figures["p95"], condition, limits),
        runs=runs,
        failed=failed,
        slow=slow,
        error_ratio=figures["errors"],
        p95_seconds=figures["p95"],
        cost_usd=_times(runs, figures["cost/run"]),
        condition=condition,
        tracks=tracks,
        worse_on=_worse_on(tracks, error_limit),
    )


def _slow(runs: float | None, p50: float | None, p95: float | None, limit: float) -> float | None:
    """At least so many runs took longer than `limit`: one in 20 where p95 does, half of them where p50 does too."""
    if runs == 0:
        return 0.0
    if runs is None or p95 is None:
        return None
    if p50 is not None and p50 > limit:
        return 0.5 * runs
    return 0.05 * runs if p95 > limit else 0.0


def _concern(
    runs: float | None,
    failed: float | None,
    ratio: float | None,
    p95: float | None,
    condition: str,
    limits: tuple[float, float, int],
) -> Concern:
    error_limit, p95_limit, least_failed = limits
    is_over = bool(failed) and ratio is not None and ratio > error_limit
    if is_over and failed is not None and round(failed) >= least_failed:
        return Concern.FAILING
    if p95 is not None and p95 > p95_limit:
        return Concern.SLOW
    word = condition.split(" on ")[0]
    if word in STATES and word != RUNNING:
        return Concern.CONDITION
    if runs == 0:
        return Concern.IDLE
    if runs is None or failed is None or p95 is None or word not in ("", RUNNING):
        return Concern.UNKNOWN
    return Concern.FEW if is_over else Concern.WELL


def _worse_on(tracks: Mapping[str, TrackShare], limit: float) -> str:
    """The only track that fails beyond the limit, where there is another one that has runs and does not."""
    known = {track: share.error_ratio for track, share in tracks.items() if share.error_ratio is not None}
    over = [track for track, ratio in known.items() if ratio > limit]
    return over[0] if len(over) == 1 and len(known) > 1 else ""


def _without_runs(name: str, condition: str) -> RankedAgent:
    """An agent that tells its state and had no run: stopped or quarantined, or nobody asked it anything."""
    word = condition.split(" on ")[0]
    concern = Concern.IDLE if word == RUNNING else Concern.CONDITION if word in STATES else Concern.UNKNOWN
    return RankedAgent(name=name, concern=concern, runs=0.0, failed=0.0, slow=0.0, condition=condition)


def _place(agent: RankedAgent) -> tuple[int, float, float, str]:
    order = next(place for place, concerns in enumerate(_ORDER) if agent.concern in concerns)
    return order, -agent.harmed, -(agent.cost_usd or 0.0), agent.name


def _times(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other
