"""A trace in one sentence: how long it took, how it ended and why, and where the time went. Pure.

Texts are as they came: whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.decide.critical_path import seconds_by_role
from dashboard.model.reading import Unit
from dashboard.model.trace import PathSection, SpanNode, SpanRole, SpanTree
from dashboard.model.words import SpanOutcome, shown
from dashboard.model.written import count, number, percent

_WORK = {
    SpanRole.MODEL: "model calls",
    SpanRole.TOOL: "tools",
    SpanRole.AGENT: "the agents' own work",
    SpanRole.CONTRACT: "contracts",
    SpanRole.OTHER: "other work",
}
_LATE = ("timeout", "timed_out", "timedout", "deadline_exceeded", "deadlineexceeded")
_LONGEST = 80


def sentence(tree: SpanTree, path: Sequence[PathSection]) -> str:
    """`3.2 s, failed: tool search timed out after 2 s; 71 % of the time on model calls`."""
    root = tree.root
    took = number(root.seconds, Unit.SECONDS)
    if not root.span.is_recorded:
        took += " so far as is recorded"
    elif root.span.seconds is None or root.span.seconds < 0:
        took = "Of unknown length"
    return "; ".join(filter(None, (f"{took}, {_ended(tree)}", _where(tree, path))))


def cause(tree: SpanTree) -> SpanNode | None:
    """The failure that the others follow from: of the failed spans without a failed one below, the first that ended.

    None where nothing failed.
    """
    failed = [place for place, node in enumerate(tree.nodes) if node.span.is_failed]
    above = {tree.nodes[place].parent for place in failed}
    deepest = [place for place in failed if place not in above]
    return tree.nodes[min(deepest, key=lambda one: (tree.nodes[one].end, one))] if deepest else None


def cost_usd(tree: SpanTree) -> float | None:
    """What the trace cost; None where no span says it. An agent's own sum is left out where its calls say theirs."""
    return _sum(tree, _costs(tree))


def tokens(tree: SpanTree) -> float | None:
    """The tokens that were read and written, counted as costs are."""
    return _sum(tree, _tokens(tree))


def lacks_costs(tree: SpanTree) -> bool:
    """Whether a call of a model does not say its cost, and no sum covers it: the cost is at least what is known."""
    return _is_part(tree, _costs(tree))


def lacks_tokens(tree: SpanTree) -> bool:
    """The same of tokens."""
    return _is_part(tree, _tokens(tree))


def _costs(tree: SpanTree) -> Sequence[float | None]:
    return [node.span.cost_usd for node in tree.nodes]


def _tokens(tree: SpanTree) -> Sequence[float | None]:
    return [node.span.tokens for node in tree.nodes]


def own_seconds(tree: SpanTree) -> Sequence[float]:
    """Of each node, how long it took without what its children did meanwhile, to the microsecond."""
    return [max(0.0, round(node.seconds - _covered(node, tree.nodes), 6)) for node in tree.nodes]


def _sum(tree: SpanTree, values: Sequence[float | None]) -> float | None:
    below: list[float | None] = [None] * len(values)
    total: float | None = None
    for place in range(len(values) - 1, -1, -1):
        here = below[place] if below[place] is not None else values[place]
        if here is None:
            continue
        parent = tree.nodes[place].parent
        if parent is None:
            total = (total or 0.0) + here
        else:
            below[parent] = (below[parent] or 0.0) + here
    return total


def _is_part(tree: SpanTree, values: Sequence[float | None]) -> bool:
    told, lacking = [False] * len(values), [False] * len(values)
    for place in range(len(values) - 1, -1, -1):
        node, own = tree.nodes[place], values[place]
        says_below = any(told[child] for child in node.children)
        told[place] = says_below or own is not None
        if own is not None and not says_below:
            continue
        is_silent = node.span.role is SpanRole.MODEL and own is None and not says_below
        lacking[place] = is_silent or any(lacking[child] for child in node.children)
    return any(lacking[place] for place, node in enumerate(tree.nodes) if node.parent is None)


def _covered(node: SpanNode, nodes: Sequence[SpanNode]) -> float:
    covered, reached = 0.0, node.start
    for child in node.children:  # in order of their start
        start, end = max(nodes[child].start, reached), min(nodes[child].end, node.end)
        if end > start:
            covered += end - start
            reached = end
    return covered


def _ended(tree: SpanTree) -> str:
    found = cause(tree)
    why = "" if found is None else f": {_failure(found)}"
    failures = sum(node.span.is_failed for node in tree.nodes)
    span = tree.root.span
    match span.outcome:
        case _ if not span.is_recorded:
            return (
                f"the run's own span is not recorded; {count(failures, 'span')} failed{why}"
                if failures
                else "not known to have ended"
            )
        case SpanOutcome.FAILED:
            return f"failed{why}"
        case None:
            return f"ended in a way not understood, {shown(span.outcome_word)}" + (
                f"; failed on the way{why}" if why else ""
            )
        case SpanOutcome.SUCCEEDED:
            return f"ended well although {count(failures, 'span')} failed{why}" if failures else "ended well"
        case SpanOutcome.UNSAID:
            return "does not say how it ended" + (f"; {count(failures, 'span')} failed{why}" if failures else "")


def _failure(node: SpanNode) -> str:
    span = node.span
    what = f"{span.role} " if span.role is not SpanRole.OTHER else ""
    label = span.label[:_LONGEST]
    if span.error.casefold() in _LATE:
        return f"{what}{label} timed out after {number(node.seconds, Unit.SECONDS)}"
    reason = f" with {span.error[:_LONGEST]}" if span.error else ""
    return f"{what}{label} failed{reason} after {number(node.seconds, Unit.SECONDS)}"


def _where(tree: SpanTree, path: Sequence[PathSection]) -> str:
    shares: Mapping[SpanRole, float] = seconds_by_role(tree, path)
    total = sum(shares.values())
    if total <= 0:
        return ""
    role = max(SpanRole, key=lambda one: shares.get(one, 0.0))
    return f"{percent(shares[role] / total)} % of the time on {_WORK[role]}"
