"""The product's whole verdict on single simulated releases: `judge` over the evidence that the deck has at a look.

Pods, alerts and declarations are healthy; only the counts are simulated. Windows are the product's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bench.verdict.batch import Found, looks
from bench.verdict.worlds import HISTORY, INTERVAL, NAMES, SLOW_LIMIT, Tracks, World, bounds
from dashboard.decide.factor import Array
from dashboard.decide.policy import Policy
from dashboard.decide.trial_tables import OVER_LIMIT, TOTALS
from dashboard.decide.verdict import judge
from dashboard.model.conditions import Declared, ErrorLines
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.release import GovernedService, Track, TrackStatus
from dashboard.model.trial import Columns, PastColumns, Trial, TrialPast
from dashboard.model.verdict import Counts, Decision, Evidence, Mode, Verdict

BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
FAST_INTERVALS, SLOW_INTERVALS = 2, 30
# A release is near being stopped from half of the evidence on, on the logarithmic scale. Of a harm, where most releases
# are near, so many of each chunk are judged; of a healthy world all of them.
NEAR, MOST_NEAR, EACH = 0.5, 10, 10
# Of the runs under way: the worlds count runs when they end.
TAKES_SECONDS = 1.0
# From the look at which all metrics pass, so many looks are judged for a GO.
LOOKS = 4


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What `judge` said of the releases of one world.

    Attributes:
        stops: when it first said NO-GO, in seconds since the beginning, infinity for never: (run).
        runs: of how many releases `judge` was run in full; of the others the evidence behind it answers.
        odd: looks at which `judge` and that evidence did not agree: none should be.
    """

    stops: Array
    runs: int
    odd: int


def stops(world: World, tracks: Tracks, found: Found, judged_by: Policy) -> Judged:
    """When `judge` first says NO-GO.

    It is run on every release whose evidence came near to what stops one, and on each tenth of all, so that a gate that
    stops one for another reason is seen. Each is judged at the last look; one that the evidence stops, also at the look
    at which it does and at the one before.
    """
    last = looks(world, judged_by)
    stopped, odd = found.stops.copy(), 0
    near = np.flatnonzero(found.most >= NEAR).tolist()
    some = near[:MOST_NEAR] if world.group == "harm" else near
    judged = sorted({*some, *range(0, len(stopped), EACH)})
    for run in judged:
        is_stopped = decision(world, tracks, run, last, judged_by) is Decision.NO_GO
        odd += is_stopped != bool(np.isfinite(found.stops[run]))
        if not is_stopped:
            stopped[run] = np.inf
            continue
        look = _look(found.stops[run], last)
        stopped[run] = look * INTERVAL
        odd += decision(world, tracks, run, look, judged_by) is not Decision.NO_GO
        odd += look > 1 and decision(world, tracks, run, look - 1, judged_by) is Decision.NO_GO
    return Judged(stops=stopped, runs=len(judged), odd=odd)


def passes(world: World, tracks: Tracks, found: Found, judged_by: Policy, runs: int) -> Array:
    """When `judge` first says GO, (run), for the first so many releases."""
    goes, last = np.full(min(runs, len(found.passes)), np.inf), looks(world, judged_by)
    for run in range(len(goes)):
        begin = _look(found.passes[run], last)
        for look in range(begin, min(begin + LOOKS, last + 1)):
            if decision(world, tracks, run, look, judged_by) is Decision.GO:
                goes[run] = look * INTERVAL
                break
    return goes


def _look(seconds: float, last: int) -> int:
    return last if not np.isfinite(seconds) else round(seconds / INTERVAL)


def decision(world: World, tracks: Tracks, run: int, look: int, judged_by: Policy) -> Decision:
    """What the deck says of one release after `look` intervals."""
    return verdict(world, tracks, run, look, judged_by).decision


def verdict(world: World, tracks: Tracks, run: int, look: int, judged_by: Policy) -> Verdict:
    """The whole verdict."""
    return judge(evidence(world, tracks, run, look), judged_by)


def evidence(world: World, tracks: Tracks, run: int, look: int) -> Evidence:
    """What the deck would know of one release after `look` intervals."""
    at = BEGAN + timedelta(seconds=look * INTERVAL)

    def known(value: Any) -> Reading[Any]:
        return fresh(value, source=Source.PROMETHEUS, as_of=at)

    rows = {Track.GREEN: tracks.ours_total[run, :look], Track.BLUE: _theirs(tracks.theirs_total[run], look)}
    bad = {Track.GREEN: tracks.ours_bad[run, :look], Track.BLUE: _theirs(tracks.theirs_bad[run], look)}
    cost = {Track.GREEN: tracks.ours_cost[run, :look], Track.BLUE: tracks.theirs_cost[run, :look]}
    windows = [
        {track: _counts(world, rows[track][-length:], bad[track][-length:], known) for track in Track}
        for length in (FAST_INTERVALS, SLOW_INTERVALS)
    ]
    return Evidence(
        mode=Mode.AFTER if world.after else Mode.BEFORE,
        at=at,
        candidate=Track.GREEN,
        service=known(_service()),
        fast_seconds=round(FAST_INTERVALS * INTERVAL),
        slow_seconds=round(SLOW_INTERVALS * INTERVAL),
        fast=windows[0],
        slow=windows[1],
        restarts=known(0),
        targets=known(2.0),
        alerts=known(()),
        under_way=known(""),
        trial=known(trial(world, tracks, run, look)),
        burn=known(_burn(rows[Track.GREEN], bad[Track.GREEN])),
        kill_switch=known(()),
        cost_usd={track: known(float(cost[track][-SLOW_INTERVALS:].sum()) / 1e6) for track in Track},
        error_lines=known(ErrorLines(patterns=(), is_whole=True)),
        declared=known(Declared(freeze="", backup_verified_at=None, schemas={})),
    )


def trial(world: World, tracks: Tracks, run: int, look: int) -> Trial:
    """The counts of one release after `look` intervals, as the deck counts them."""
    end = HISTORY + look

    def columns(ours: Array, theirs: Array) -> Columns:
        return Columns(
            candidate=(0,) * HISTORY + _ints(ours[:look]), first=_ints(theirs[:end, 0]), second=_ints(theirs[:end, 1])
        )

    total = {
        name: columns(tracks.ours_total[run, :, at], tracks.theirs_total[run, :, at])
        for at, name in enumerate(("runs", "evaluations", "tools"))
    }
    bad = {name: columns(tracks.ours_bad[run, :, at], tracks.theirs_bad[run, :, at]) for at, name in enumerate(NAMES)}
    theirs_cost = np.concatenate([np.zeros(HISTORY), tracks.theirs_cost[run, :look]])
    return Trial(
        started_at=BEGAN,
        interval_seconds=round(INTERVAL),
        history=HISTORY,
        total_events=total,
        bad_events=bad,
        bounds=bounds(world),
        left_out=dict.fromkeys(Track, 0.0),
        problems={},
        over_seconds=SLOW_LIMIT,
        cost=Columns(
            candidate=(0,) * HISTORY + _ints(tracks.ours_cost[run, :look]),
            first=_ints(theirs_cost),
            second=(0,) * end,
        ),
        active=_active(columns(tracks.ours_total[run, :, 0], tracks.theirs_total[run, :, 0])),
        past=_past(tracks, run),
    )


def _active(runs: Columns) -> Columns:
    """The runs under way where each takes `TAKES_SECONDS`."""

    def of(rows: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(round(TAKES_SECONDS / INTERVAL * count) for count in rows)

    return Columns(candidate=of(runs.candidate), first=of(runs.first), second=of(runs.second))


def _past(tracks: Tracks, run: int) -> TrialPast:
    def of(rows: Array) -> PastColumns:
        return PastColumns(candidate=(0,) * len(rows), baseline=_ints(rows))

    return TrialPast(
        total_events={
            what: of(tracks.past_total[run, :, at])
            for at, what in enumerate(dict.fromkeys(TOTALS[n] for n in NAMES[:3]))
        },
        bad_events={name: of(tracks.past_bad[run, :, at]) for at, name in enumerate(NAMES)},
    )


def _theirs(rows: Array, look: int) -> Array:
    both: Array = rows[HISTORY : HISTORY + look].sum(-1)
    return both


def _ints(rows: Array) -> tuple[int, ...]:
    return tuple(np.asarray(rows).astype(np.int64).tolist())


def _counts(world: World, total: Array, bad: Array, known: Any) -> Counts:
    n, x = total.sum(axis=0), bad.sum(axis=0)
    return Counts(
        runs=known(float(n[0])),
        failed=known(float(x[0])),
        evaluations=known(float(n[1])),
        violations=known(float(x[1])),
        p95_seconds=known(n[0]).map(lambda runs: _p95(world, float(runs), x), empty="no traffic"),
    )


def _p95(world: World, runs: float, bad: Array) -> float | None:
    """As Prometheus finds a quantile between the bounds of a histogram."""
    if not runs:
        return None
    slower = {bound.seconds: float(bad[NAMES.index(f"slow_{at}")]) for at, bound in enumerate(bounds(world))}
    slower |= {0.0: runs, SLOW_LIMIT: float(bad[NAMES.index(OVER_LIMIT)]), 30.0: 0.0}
    seconds = sorted(slower)
    return float(np.interp(-0.05 * runs, [-slower[each] for each in seconds], seconds))


def _burn(total: Array, bad: Array) -> dict[str, dict[str, float]]:
    shares = {}
    for seconds in (300, 1800, 3600, 21600):
        rows = slice(max(0, len(total) - round(seconds / INTERVAL)), None)
        runs = float(total[rows, 0].sum())
        if runs:
            shares[str(seconds)] = float(bad[rows, 0].sum()) / runs
    return {"agent-success": shares}


def _service() -> GovernedService:
    tracks = {
        track: TrackStatus(
            track=track,
            deployment=f"agent-runtime-{track}",
            version={"blue": "1.7.4", "green": "1.8.0"}[track],
            desired=2,
            ready=2,
            restarts=0,
            serving=2 if track is Track.BLUE else 0,
        )
        for track in Track
    }
    return GovernedService(
        namespace="agents",
        name="agent-runtime",
        active=Track.BLUE,
        preview_service="agent-runtime-preview",
        owner="team-agents",
        tracks=tracks,
    )
