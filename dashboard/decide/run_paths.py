"""The ways that many runs took, how often each, and where they went in circles. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from dashboard.decide.repeats import FEWEST, repeats
from dashboard.model.trace import SpanRole, SpanTree

_STEPS = (SpanRole.AGENT, SpanRole.MODEL, SpanRole.TOOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPath:
    """One way through agents, models and tools; in `steps` what was done several times in a row stands once.

    `share_ratio` is its part of all runs looked at; `slowest` is the trace id of its slowest run.
    """

    steps: tuple[str, ...]
    runs: int
    share_ratio: float
    failed: int
    median_seconds: float
    slowest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLoop:
    """Steps that runs did at least three times in a row: in how many runs, how often at most, and in which trace."""

    steps: tuple[str, ...]
    runs: int
    most: int
    worst: str


def steps(tree: SpanTree) -> tuple[str, ...]:
    """What the run did, in the order of its beginning: agents, models and tools, or all spans where there are none."""
    told = [node for node in tree.nodes if node.span.role in _STEPS]
    nodes = told or [node for node in tree.nodes if node.span.is_recorded]
    return tuple(node.span.label for node in sorted(nodes, key=lambda one: (one.start, one.depth, one.span.label)))


def folded(done: Sequence[str]) -> tuple[str, ...]:
    """The steps without their repetitions."""
    return tuple(step for piece in repeats(done, fewest=2) for step in done[piece.start : piece.start + piece.size])


def run_paths(trees: Iterable[SpanTree]) -> tuple[RunPath, ...]:
    """The ways, the most frequent first."""
    by_way: dict[tuple[str, ...], list[SpanTree]] = defaultdict(list)
    for tree in trees:
        by_way[folded(steps(tree))].append(tree)
    total = sum(map(len, by_way.values()))
    found = [
        RunPath(
            steps=way,
            runs=len(several),
            share_ratio=len(several) / total,
            failed=sum(tree.root.span.is_failed for tree in several),
            median_seconds=median(tree.root.seconds for tree in several),
            slowest=_id(max(several, key=lambda tree: (tree.root.seconds, _id(tree)))),
        )
        for way, several in by_way.items()
    ]
    return tuple(sorted(found, key=lambda path: (-path.runs, path.steps)))


def run_loops(trees: Iterable[SpanTree]) -> tuple[RunLoop, ...]:
    """What runs repeated, the longest first."""
    by_block: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    for tree in trees:
        done = steps(tree)
        for piece in repeats(done):
            if piece.times >= FEWEST:
                seen = by_block[done[piece.start : piece.start + piece.size]]
                seen[_id(tree)] = max(seen.get(_id(tree), 0), piece.times)
    found = []
    for block, seen in by_block.items():
        worst = max(seen, key=lambda one: (seen[one], one))
        found.append(RunLoop(steps=block, runs=len(seen), most=seen[worst], worst=worst))
    return tuple(sorted(found, key=lambda loop: (-loop.most, -loop.runs, loop.steps)))


def _id(tree: SpanTree) -> str:
    return next((node.span.trace_id for node in tree.nodes if node.span.trace_id), "")
