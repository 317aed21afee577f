"""Spans for tests of traces: a builder with good defaults, and traces of any shape, broken ones too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from dashboard.decide.span_tree import span_tree
from dashboard.model.trace import Span, SpanRole, SpanTree
from dashboard.model.words import SpanOutcome

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def span(identity: str, start: float = 0.0, seconds: float | None = 1.0, parent: str = "", **more: Any) -> Span:
    """A span that begins `start` seconds after noon."""
    known: dict[str, Any] = {"name": identity, "service": "runtime", "trace_id": "t1"} | more
    return Span(id=identity, at=NOON + timedelta(seconds=start), seconds=seconds, parent_id=parent, **known)


def tree(*spans: Span) -> SpanTree:
    """The tree of spans that are there."""
    found = span_tree(spans)
    assert found is not None
    return found


def by_name(found: SpanTree) -> dict[str, int]:
    """The place of each node by its span's name."""
    return {node.span.name: place for place, node in enumerate(found.nodes)}


# Few ids, so that parents are missing, ids are doubled and parents form circles.
_ids = st.sampled_from([*"abcdefgh", ""])
spans = st.lists(
    st.builds(
        span,
        _ids,
        st.floats(-5, 20, allow_nan=False),
        st.one_of(st.none(), st.floats(-2, 15, allow_nan=False)),
        _ids,
        role=st.sampled_from(SpanRole),
        agent=st.sampled_from(["", "planner", "writer"]),
        tool=st.sampled_from(["", "search"]),
        service=st.sampled_from(["runtime", "gateway", ""]),
        outcome=st.sampled_from([*SpanOutcome, None]),
        cost_usd=st.one_of(st.none(), st.floats(0, 5)),
    ),
    min_size=1,
    max_size=25,
)
