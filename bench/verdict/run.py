"""`python -m bench verdict`: every world through every judge; tables on stdout, plots where --plots says.

Parameters of the product were fixed on the seeds 1 to 99; what is reported uses `--seed`, which is none of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.verdict import judges, plots
from bench.verdict.cases import EDGE, HARMS, HEALTHY, SPREAD
from bench.verdict.worlds import Runs, World, plan, simulate
from dashboard.decide.comparison import begin, compare
from dashboard.decide.factor import Array
from dashboard.decide.forecast import seconds_to_go

CHUNK, MANN_WHITNEY_RUNS = 250, 500
OTHERS: dict[str, Callable[[Runs], Array]] = {"limit": judges.fixed_limit, "z": judges.z_test}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """When each judge stopped, and when ours passed, in seconds since the beginning."""

    world: World
    stops: dict[str, Array]
    goes: Array
    left: Array  # what was said after a minute about the time until GO


def judge(world: World, runs: int, seed: int) -> Outcome:
    """All judges on the same simulated releases."""
    stops: dict[str, list[Array]] = {name: [] for name in ("ours", *OTHERS, "mann-whitney")}
    goes, left = [], []
    for chunk in range(-(-runs // CHUNK)):
        simulated = simulate(world, CHUNK, seed * 1000 + chunk)
        course = judges.ours(simulated)
        stops["ours"].append(judges.stopped(course))
        goes.append(judges.passed(course))
        minute = simulated.table.rows(0, 6)
        known, state = compare(plan(), minute, begin(plan(), simulated.past))
        left.append(seconds_to_go(plan(), minute, known, state).max(axis=-1))
        for name, other in OTHERS.items():
            stops[name].append(other(simulated))
        if chunk < MANN_WHITNEY_RUNS // CHUNK:
            stops["mann-whitney"].append(judges.mann_whitney(simulated))
    joined = {name: np.concatenate(found) for name, found in stops.items()}
    return Outcome(world=world, stops=joined, goes=np.concatenate(goes), left=np.concatenate(left))


def main(arguments: Sequence[str]) -> int:
    """Run all and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.verdict", description=__doc__)
    parser.add_argument("--seed", type=int, default=2026, help="of what is reported (default: %(default)s)")
    parser.add_argument("--healthy", type=int, default=2000, help="runs of a healthy world (default: %(default)s)")
    parser.add_argument("--harms", type=int, default=500, help="runs of a harm (default: %(default)s)")
    parser.add_argument("--plots", type=Path, help="folder for the plots; none are drawn without it")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    print(f"seed {options.seed}; {options.healthy} runs a healthy world, {options.harms} a harm; Mann-Whitney on 500\n")
    harms = [_said(judge(world, options.harms, options.seed)) for world in HARMS]
    healthy = [_said(judge(world, options.healthy, options.seed)) for world in (*EDGE, *HEALTHY)]
    print()
    print(*_held(healthy, harms), sep="\n")
    if options.plots:
        plots.draw(healthy, harms, options.plots)
    print(f"\n{time.monotonic() - began:.0f} s")
    return 0


def _said(outcome: Outcome) -> Outcome:
    stops = ", ".join(f"{name} {_share(found):.1%} {_middle(found)}" for name, found in outcome.stops.items())
    go = f"GO {_share(outcome.goes):.1%} {_middle(outcome.goes)}"
    print(f"{outcome.world.group:11} {outcome.world.name:38} {stops}; {go}", flush=True)
    return outcome


def _share(found: Array) -> float:
    return float(np.isfinite(found).mean())


def _at(found: Array, quantile: float) -> float:
    return float(np.quantile(found, quantile, method="higher"))


def _middle(found: Array) -> str:
    return f"({_at(found, 0.5):.0f}/{_at(found, 0.95):.0f} s)"


def _held(healthy: list[Outcome], harms: list[Outcome]) -> list[str]:
    """The rows that the project holds itself to: the number found, what to reach, what then."""
    by_name = {outcome.world.name: outcome for outcome in (*healthy, *harms)}

    def worst(group: str, name: str = "ours") -> float:
        return max(_share(o.stops[name]) for o in healthy if o.world.group == group)

    def delay(name: str, quantile: float = 0.5, judge: str = "ours") -> float:
        outcome = by_name[name]
        return _at(outcome.stops[judge], quantile) - outcome.world.harm.begins_seconds

    def mean_delay(judge: str = "ours") -> float:
        # A harm that is not found within the half hour counts as that half hour.
        return float(np.exp(np.mean([np.log(min(delay(w.name, judge=judge), 1800.0)) for w in SPREAD])))

    edge = max(_share(by_name[w.name].stops["ours"]) for w in EDGE if w.group == "edge")
    wrong_go = max(_share(by_name[w.name].goes) for w in EDGE if w.group == "edge of GO")
    triple, low = "errors 0.5 to 1.5 %", "errors x3 at 5/s"
    rows = [
        _row("healthy stopped, clean worlds (worst)", worst("clean"), 0.005, 0.002, "%"),
        _row("healthy stopped, worst nuisance", worst("nuisance"), 0.02, 0.01, "%"),
        _row("healthy stopped, worst bad day", worst("bad day"), 0.02, 0.01, "%"),
        _row("stopped at exactly the margin", edge, 0.01, 0.005, "%"),
        _row("geometric mean of the median delays", mean_delay(), 140, 100, "s"),
        _row("errors 0.5 to 1.5 % at 50/s, median", delay(triple), 160, 120, "s"),
        _row("errors 0.5 to 1.5 % at 50/s, p95", delay(triple, 0.95), 450, 350, "s"),
        _row("errors 0.5 to 10 % at 50/s, p95", delay("errors 0.5 to 10 %", 0.95), 20, 20, "s"),
        _row("errors from minute 10, median", delay("errors x3 from minute 10"), 250, 200, "s"),
        _row(
            "errors x3 at 5/s, not found in 30 min",
            1 - _share(by_name[low].stops["ours"]),
            0.3,
            0.15,
            "%",
        ),
        _row("clumps of 3, errors x3, median", delay("errors x3 in clumps of 3"), 650, 480, "s"),
        _row("GO at 50/s, median", _at(by_name["clean, 50/s"].goes, 0.5), 720, 500, "s"),
        _row("GO at 500/s, median", _at(by_name["clean, 500/s"].goes, 0.5), 90, 60, "s"),
        _row("GO for a release at the harmful edge", wrong_go, 0.05, 0.02, "%"),
    ]
    others = ", ".join(f"{name} {mean_delay(name):.0f} s" for name in ("limit", "mann-whitney", "z"))
    rows.append(f"\nThe same geometric mean of others: {others}")
    return rows + [_forecast(by_name[name]) for name in ("clean, 50/s", "clean, 500/s")]


def _row(name: str, found: float, reach: float, then: float, unit: str) -> str:
    shown = [f"{100 * value:.2f} %" if unit == "%" else f"{value:.0f} s" for value in (found, reach, then)]
    word = "then" if found <= then else "reach" if found <= reach else "SHORT"
    return f"| {name} | {shown[0]} | {shown[1]} | {shown[2]} | {word} |"


def _forecast(outcome: Outcome) -> str:
    """How good the time left was that was said after a minute."""
    open_still = outcome.goes > 60
    said, took = outcome.left[open_still] + 60, outcome.goes[open_still]
    own = float(((said > took / 2) & (said < took * 2)).mean())
    usual = float(((said > np.median(took) / 2) & (said < np.median(took) * 2)).mean())
    return (
        f"Time to GO said after a minute, {outcome.world.name}: within a factor of 2 of what this run took {own:.0%}, "
        f"of what such a run takes (median) {usual:.0%}"
    )
