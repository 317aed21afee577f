"""A trace: the spans of one run, as a tree. Times are aware instants, or seconds from the trace's beginning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dashboard.model.log import DocumentId
from dashboard.model.words import SpanOutcome


class SpanRole(StrEnum):
    """What kind of work a span stands for."""

    AGENT = "agent"
    MODEL = "model"
    TOOL = "tool"
    CONTRACT = "contract"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span as its document says. A field that it lacks is "", None where it is a number.

    `outcome` is None where its word is not understood. `has_unknown_unit`: it has a duration whose unit nothing tells.
    A span that `is_recorded` False was never found: others name it
    as their parent.
    """

    id: str
    name: str
    at: datetime
    parent_id: str = ""
    seconds: float | None = None
    has_unknown_unit: bool = False
    role: SpanRole = SpanRole.OTHER
    service: str = ""
    track: str = ""
    pod: str = ""
    agent: str = ""
    tool: str = ""
    model: str = ""
    contract: str = ""
    outcome: SpanOutcome | None = SpanOutcome.UNSAID
    outcome_word: str = ""
    error: str = ""
    cost_usd: float | None = None
    tokens: float | None = None
    trace_id: str = ""
    document: DocumentId | None = None
    is_recorded: bool = True

    @property
    def is_failed(self) -> bool:
        """Whether it says that it failed."""
        return self.outcome is SpanOutcome.FAILED

    @property
    def label(self) -> str:
        """What it does, by the tool, model or agent where it names one: `search`, `gpt-5`; else the span's name."""
        named = {SpanRole.AGENT: self.agent, SpanRole.MODEL: self.model, SpanRole.TOOL: self.tool}
        return named.get(self.role, "") or self.name or "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanNode:
    """A span in its place. `start` and `end` are as recorded, `end` never before `start`.

    `parent` and `children` are places in `SpanTree.nodes`; children are in order of their start. `doubts` say in words
    what about the record cannot be true.
    """

    span: Span
    start: float
    end: float
    parent: int | None
    depth: int
    children: tuple[int, ...]
    doubts: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took; 0 where that is not known or negative."""
        return max(self.span.seconds or 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanTree:
    """All spans of a trace, each parent before its children.

    `tops` have no parent. `main` is the one that stands for the run: the longest without a parent, or, where that was
    not recorded, the missing one with the most recorded below it. `notes` say what is odd about the record as a whole.
    """

    nodes: tuple[SpanNode, ...]
    tops: tuple[int, ...]
    main: int
    begins: datetime
    notes: tuple[str, ...] = ()

    @property
    def root(self) -> SpanNode:
        """The node that stands for the run."""
        return self.nodes[self.main]

    @property
    def recorded(self) -> int:
        """How many spans were recorded."""
        return sum(node.span.is_recorded for node in self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSection:
    """A stretch of the critical path, and the node that the run waited for in it."""

    node: int
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeTrace:
    """One trace. `total` spans were found, of which the tree has the longest where there are too many to read."""

    trace_id: str
    tree: SpanTree
    path: tuple[PathSection, ...]
    total: int
