"""Who called whom in a trace: agents, models and tools as a graph whose places depend on the run alone. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.model.trace import SpanNode, SpanRole, SpanTree

MOST_ACTORS = 40
_SHOWN = (SpanRole.AGENT, SpanRole.MODEL, SpanRole.TOOL)
# An actor is what it is and what it is called.
ActorName = tuple[SpanRole, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphActor:
    """One agent, model, tool or service; `layer` counts calls from whoever began, `slot` places within the layer."""

    role: SpanRole
    name: str
    calls: int
    failed: int
    seconds: float
    layer: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphCall:
    """Calls of one actor to another, by their places in `AgentGraph.actors`."""

    caller: int
    callee: int
    calls: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentGraph:
    """The graph; `left_out` counts the actors beyond MOST_ACTORS, those that took the least time."""

    actors: tuple[GraphActor, ...]
    calls: tuple[GraphCall, ...]
    left_out: int = 0


def agent_graph(tree: SpanTree) -> AgentGraph:
    """Actors in layers by how many calls they are from the first, in each layer by when they were first called.

    Where no span names an agent, a model or a tool, the actors are services.
    """
    by_service = not any(node.span.role in _SHOWN for node in tree.nodes)
    actors = _actors(tree, by_service=by_service)
    kept = _kept(tree, actors)
    between: dict[tuple[ActorName, ActorName], list[SpanNode]] = defaultdict(list)
    mine: dict[ActorName, list[SpanNode]] = defaultdict(list)
    for place, node in enumerate(tree.nodes):
        actor = actors[place]
        above = None if node.parent is None else actors[node.parent]
        if actor is None or actor not in kept or (actor == above and (by_service or not _is_actor(node))):
            continue
        mine[actor].append(node)
        if above in kept and above is not None and above != actor:
            between[above, actor].append(node)
    order = sorted(mine, key=lambda one: (min(node.start for node in mine[one]), one))
    layers = _layers(order, between)
    slots = _slots(order, layers)
    order.sort(key=lambda one: (layers[one], slots[one]))
    places = {one: place for place, one in enumerate(order)}
    return AgentGraph(
        actors=tuple(
            GraphActor(
                role=one[0],
                name=one[1],
                layer=layers[one],
                slot=slots[one],
                calls=len(mine[one]),
                failed=_failed(mine[one]),
                seconds=_seconds(mine[one]),
            )
            for one in order
        ),
        calls=tuple(
            sorted(
                (
                    GraphCall(
                        caller=places[caller],
                        callee=places[callee],
                        calls=len(nodes),
                        failed=_failed(nodes),
                        seconds=_seconds(nodes),
                    )
                    for (caller, callee), nodes in between.items()
                ),
                key=lambda call: (call.caller, call.callee),
            )
        ),
        left_out=len({one for one in actors if one is not None}) - len(kept),
    )


def _is_actor(node: SpanNode) -> bool:
    return node.span.role in _SHOWN


def _actors(tree: SpanTree, *, by_service: bool) -> Sequence[ActorName | None]:
    """Whom each node belongs to: what is neither agent, model nor tool belongs to the one that it is below."""
    found: list[ActorName | None] = []
    for node in tree.nodes:
        above = None if node.parent is None else found[node.parent]
        span = node.span
        if by_service:
            found.append((SpanRole.OTHER, span.service) if span.service else above)
        else:
            found.append((span.role, span.label) if _is_actor(node) else above)
    return found


def _kept(tree: SpanTree, actors: Sequence[ActorName | None]) -> set[ActorName]:
    seconds: dict[ActorName, float] = defaultdict(float)
    for actor, node in zip(actors, tree.nodes, strict=True):
        if actor is not None:
            seconds[actor] += node.seconds
    return set(sorted(seconds, key=lambda one: (-seconds[one], one))[:MOST_ACTORS])


def _layers(order: Sequence[ActorName], between: Mapping[tuple[ActorName, ActorName], object]) -> dict[ActorName, int]:
    """The fewest calls from an actor that nobody called; from the first one where everybody was called."""
    callees: dict[ActorName, list[ActorName]] = defaultdict(list)
    for caller, callee in sorted(between):
        callees[caller].append(callee)
    called = {callee for _, callee in between}
    found: dict[ActorName, int] = {}
    for begin in (*(one for one in order if one not in called), *order):
        if begin in found:
            continue
        found[begin] = 0
        waiting = [begin]
        for actor in waiting:
            for callee in callees[actor]:
                if callee not in found or found[callee] > found[actor] + 1:
                    found[callee] = found[actor] + 1
                    waiting.append(callee)
    return found


def _slots(order: Sequence[ActorName], layers: Mapping[ActorName, int]) -> dict[ActorName, int]:
    taken: dict[int, int] = defaultdict(int)
    found = {}
    for one in order:
        found[one] = taken[layers[one]]
        taken[layers[one]] += 1
    return found


def _failed(nodes: Sequence[SpanNode]) -> int:
    return sum(node.span.is_failed for node in nodes)


def _seconds(nodes: Sequence[SpanNode]) -> float:
    return sum(node.seconds for node in nodes)
