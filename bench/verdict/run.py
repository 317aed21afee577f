"""`python -m bench verdict`: every world through every judge; tables on stdout, plots where --plots says.

Our judge has two columns: the comparison alone, with the whole error budget, and the word, which is the product's
`judge` over all gates (`word.py`). Constants of the product were fixed on seeds from 1 to 99; the figures that are
reported come from `--seed`, which is none of these.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.verdict import batch, judges, kept, plots, word
from bench.verdict.cases import EDGE, HARMS, HEALTHY, SPREAD
from bench.verdict.worlds import Tracks, World, simulate
from dashboard.decide.factor import Array

# Chunks this small stay in the processor's cache.
CHUNK, MANN_WHITNEY_RUNS = 50, 500
# So many releases of each world are judged at the looks from which on they may pass.
GO_RUNS = 40
OTHERS: dict[str, Callable[[World, Tracks], Array]] = {"limit": judges.fixed_limit, "z": judges.z_test}
COMPARISON, WORD = "comparison", "word"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """When each judge stopped, and when ours passed, in seconds since the beginning.

    `judged` is how many releases the product's `judge` was run on in full; `odd` counts looks at which it and the
    evidence behind it did not agree: none should be.
    """

    world: World
    stops: dict[str, Array]
    goes: dict[str, Array]
    left: Array  # what was said after a minute about the time until the comparison passes
    judged: int
    odd: int


def judge(world: World, chunk: int, seed: int, runs: int, *, mann_whitney: bool) -> Outcome:
    """All judges on the same simulated releases."""
    tracks = simulate(world, runs, seed * 1000 + chunk)
    judged_by = batch.policy()
    found = batch.weigh(world, tracks, judged_by)
    said = word.stops(world, tracks, found, judged_by)
    stops = {COMPARISON: found.alone_stops, WORD: said.stops}
    stops |= {name: other(world, tracks) for name, other in OTHERS.items()}
    if mann_whitney:
        stops["mann-whitney"] = judges.mann_whitney(world, tracks)
    passed = word.passes(world, tracks, found, judged_by, _go_runs(world, chunk))
    goes = {COMPARISON: found.alone_passes, WORD: passed}
    return Outcome(world=world, stops=stops, goes=goes, left=found.said, judged=said.runs, odd=said.odd)


def _go_runs(world: World, chunk: int) -> int:
    """How many releases of a chunk are judged for a GO: all where a GO is wrong, of the others the first ones."""
    return CHUNK if world.group == "edge of both" else 0 if chunk else GO_RUNS


def joined(parts: Sequence[Outcome]) -> Outcome:
    """The outcome of all chunks of a world."""
    names = {name for part in parts for name in part.stops}
    return Outcome(
        world=parts[0].world,
        stops={n: np.concatenate([part.stops[n] for part in parts if n in part.stops]) for n in sorted(names)},
        goes={name: np.concatenate([part.goes[name] for part in parts]) for name in (COMPARISON, WORD)},
        left=np.concatenate([part.left for part in parts]),
        judged=sum(part.judged for part in parts),
        odd=sum(part.odd for part in parts),
    )


def main(arguments: Sequence[str]) -> int:
    """Run all and print; 1 where the word and the evidence behind it did not agree."""
    parser = argparse.ArgumentParser(prog="python -m bench.verdict", description=__doc__)
    parser.add_argument("--seed", type=int, default=2026, help="of what is reported (default: %(default)s)")
    parser.add_argument("--healthy", type=int, default=2000, help="runs of a healthy world (default: %(default)s)")
    parser.add_argument("--harms", type=int, default=500, help="runs of a harm (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--only", default="", help="worlds whose names hold this text; then no table is printed")
    parser.add_argument("--keep", type=Path, help="folder of finished worlds, which are then not run again")
    parser.add_argument("--plots", type=Path, help="folder for the plots; none are drawn without it")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    print(f"seed {options.seed}; {options.healthy} runs a healthy world, {options.harms} a harm; Mann-Whitney on 500")
    print("stopped: share (median/p95), of the comparison alone and of the word; GO: the same\n")
    with ProcessPoolExecutor(options.processes) as pool:
        healthy = _outcomes(pool, (*HEALTHY, *EDGE), options.healthy, options)
        harms = _outcomes(pool, HARMS, options.harms, options)
    if not options.only:
        print()
        print(*_held(healthy, harms), sep="\n")
        if options.plots:
            plots.draw(healthy, harms, options.plots)
    odd = sum(outcome.odd for outcome in (*healthy, *harms))
    print(f"\nlooks at which the word and the evidence behind it differ: {odd}")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if odd else 0


def _outcomes(
    pool: ProcessPoolExecutor, worlds: Sequence[World], runs: int, options: argparse.Namespace
) -> list[Outcome]:
    """Each world's outcome, printed as soon as it is there."""
    asked: list[Outcome | tuple[Path | None, list[Future[Outcome]]]] = []
    for world in (world for world in worlds if options.only in world.name):
        path = kept.place(options.keep, world, options.seed, runs) if options.keep else None
        if path is not None and (arrays := kept.read(path)) is not None:
            asked.append(_from_arrays(world, arrays))
            continue
        sizes = [min(CHUNK, runs - start) for start in range(0, runs, CHUNK)]
        parts = [
            pool.submit(judge, world, at, options.seed, size, mann_whitney=at < MANN_WHITNEY_RUNS // CHUNK)
            for at, size in enumerate(sizes)
        ]
        asked.append((path, parts))
    return [_said(each if isinstance(each, Outcome) else _finished(*each)) for each in asked]


def _finished(path: Path | None, parts: Sequence[Future[Outcome]]) -> Outcome:
    outcome = joined([part.result() for part in parts])
    if path is not None:
        kept.write(path, _arrays(outcome))
    return outcome


def _arrays(outcome: Outcome) -> kept.Arrays:
    named = {f"stops.{name}": found for name, found in outcome.stops.items()}
    named |= {f"goes.{name}": found for name, found in outcome.goes.items()}
    return named | {"left": outcome.left, "counts": np.array([outcome.judged, outcome.odd], dtype=float)}


def _from_arrays(world: World, arrays: kept.Arrays) -> Outcome:
    def of(kind: str) -> dict[str, Array]:
        return {name.removeprefix(kind): found for name, found in arrays.items() if name.startswith(kind)}

    judged, odd = (int(count) for count in arrays["counts"])
    return Outcome(world=world, stops=of("stops."), goes=of("goes."), left=arrays["left"], judged=judged, odd=odd)


def _said(outcome: Outcome) -> Outcome:
    stops = ", ".join(f"{name} {_share(found):.2%} {_middle(found)}" for name, found in outcome.stops.items())
    goes = ", ".join(f"{name} {_share(found):.1%} {_middle(found)}" for name, found in outcome.goes.items())
    print(
        f"{outcome.world.group:11} {outcome.world.name:38} stopped: {stops}; GO: {goes}; "
        f"judge ran on {outcome.judged} of {len(outcome.left)}, {outcome.odd} odd",
        flush=True,
    )
    return outcome


def _share(found: Array) -> float:
    return float(np.isfinite(found).mean())


def _at(found: Array, quantile: float) -> float:
    return float(np.quantile(found, quantile, method="higher"))


def _middle(found: Array) -> str:
    return f"({_at(found, 0.5):.0f}/{_at(found, 0.95):.0f} s)"


def _held(healthy: list[Outcome], harms: list[Outcome]) -> list[str]:
    """The rows that the project holds itself to: the comparison alone, the word, what to reach, what then."""
    by_name = {outcome.world.name: outcome for outcome in (*healthy, *harms)}

    def worst(group: str) -> Callable[[str], float]:
        return lambda name: max(_share(o.stops[name]) for o in healthy if o.world.group == group)

    def delay(name: str, quantile: float = 0.5) -> Callable[[str], float]:
        outcome = by_name[name]
        return lambda judge: _at(outcome.stops[judge], quantile) - outcome.world.harm.begins_seconds

    def go(name: str) -> Callable[[str], float]:
        return lambda judge: _at(by_name[name].goes[judge], 0.5)

    def mean_delay(judge: str) -> float:
        # A harm that is not found within the half hour counts as that half hour.
        return float(np.exp(np.mean([np.log(min(delay(w.name)(judge), 1800.0)) for w in SPREAD])))

    def missed(name: str) -> Callable[[str], float]:
        return lambda judge: 1 - _share(by_name[name].stops[judge])

    def edge(judge: str) -> float:
        return max(_share(by_name[w.name].stops[judge]) for w in EDGE if w.group == "edge")

    def wrong_go(judge: str) -> float:
        return max(_share(by_name[w.name].goes[judge]) for w in EDGE if w.group == "edge of GO")

    def wrong_word(judge: str) -> float:
        return max(_share(by_name[w.name].goes[judge]) for w in EDGE if w.group == "edge of both")

    triple, gross = "errors 0.5 to 1.5 %", "errors 0.5 to 10 %"
    rows = [
        _row("healthy stopped, clean worlds (worst)", worst("clean"), 0.01, 0.002, "%"),
        _row("healthy stopped, worst nuisance", worst("nuisance"), 0.02, 0.01, "%"),
        _row("healthy stopped, worst bad day", worst("bad day"), 0.02, 0.01, "%"),
        _row("stopped at exactly the margin", edge, 0.01, 0.005, "%"),
        _row("geometric mean of the median delays", mean_delay, 116, 100, "s"),
        _row("errors 0.5 to 1.5 % at 50/s, median", delay(triple), 160, 120, "s"),
        _row("errors 0.5 to 1.5 % at 50/s, p95", delay(triple, 0.95), 450, 350, "s"),
        _row("errors 0.5 to 10 % at 50/s, p95", delay(gross, 0.95), 30, 20, "s"),
        _row("errors from minute 10, median", delay("errors x3 from minute 10"), 250, 200, "s"),
        _row("errors x3 at 5/s, not found in 30 min", missed("errors x3 at 5/s"), 0.3, 0.15, "%"),
        _row("clumps of 3, errors x3, median", delay("errors x3 in clumps of 3"), 650, 480, "s"),
        _row("both tracks at twice the limit, no drift, median", delay("the same without drift"), 300, 120, "s"),
        _row("both tracks at 5 times the limit, p95", delay("both tracks at 5 times the limit", 0.95), 120, 60, "s"),
        _row("GO at 50/s, median", go("clean, 50/s"), 680, 500, "s"),
        _row("GO at 500/s, median", go("clean, 500/s"), 70, 60, "s"),
        _row("GO by comparison for a release at the edge", wrong_go, 0.05, 0.02, "%", of_word=False),
        _row("GO for a release at the edge and at the limit", wrong_word, 0.05, 0.02, "%"),
    ]
    others = [name for name in ("limit", "mann-whitney", "z") if name in healthy[0].stops]
    rows.append(
        f"\nThe same geometric mean of others: {', '.join(f'{name} {mean_delay(name):.0f} s' for name in others)}"
    )
    return rows + [_forecast(by_name[name]) for name in ("clean, 50/s", "clean, 500/s")]


def _row(
    name: str, found: Callable[[str], float], reach: float, then: float, unit: str, *, of_word: bool = True
) -> str:
    """One row. What says nothing of the word is held by the comparison: the word may also pass by a limit."""

    def shown(value: float) -> str:
        return f"{100 * value:.2f} %" if unit == "%" else f"{value:.0f} s"

    alone = found(COMPARISON)
    said = found(WORD) if of_word else alone
    held = "then" if said <= then else "reach" if said <= reach else "SHORT"
    return f"| {name} | {shown(alone)} | {shown(said) if of_word else ''} | {shown(reach)} | {shown(then)} | {held} |"


def _forecast(outcome: Outcome) -> str:
    """How good the time left was that the comparison told after a minute."""
    goes = outcome.goes[COMPARISON]
    open_still = goes > 60
    said, took = outcome.left[open_still] + 60, goes[open_still]
    own = float(((said > took / 2) & (said < took * 2)).mean())
    usual = float(((said > np.median(took) / 2) & (said < np.median(took) * 2)).mean())
    return (
        f"Time to GO said after a minute, {outcome.world.name}: within a factor of 2 of what this run took {own:.0%}, "
        f"of what such a run takes (median) {usual:.0%}"
    )
