"""The aggregations of a request, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.logstore.errors import StoreError, parsing

METRICS = ("min", "max", "sum", "avg", "value_count", "cardinality")
# What the engine computes itself. A filter is a search of its own.
_IN_ENGINE = ("terms", "date_histogram", *METRICS)
_WITH_INNER = ("terms", "date_histogram", "filter")
_INNER = ("aggs", "aggregations")


@dataclass(frozen=True, slots=True)
class Node:
    """One aggregation: its name, kind and options, and the aggregations inside it."""

    name: str
    kind: str
    options: Mapping[str, Any]
    inner: Mapping[str, Node]

    @property
    def is_in_engine(self) -> bool:
        """Whether the engine can answer it together with everything inside it."""
        return self.kind in _IN_ENGINE and all(one.is_in_engine for one in self.inner.values())

    def check_options(self, allowed: Iterable[str]) -> None:
        """Raises StoreError for an option that is not supported."""
        for option in self.options:
            if option not in allowed:
                raise StoreError(400, "x_content_parse_exception", f"[{self.kind}] unknown field [{option}]")


def nodes_of(asked: Any) -> dict[str, Node]:
    """The aggregations by name. Raises StoreError for what is malformed or not supported."""
    if not isinstance(asked, Mapping):
        raise parsing("[aggs] wants an object with a name for each aggregation")
    return {name: _node(name, body) for name, body in asked.items()}


def _node(name: str, body: Any) -> Node:
    if not isinstance(body, Mapping):
        raise parsing(f"Expected [START_OBJECT] under [{name}]")
    kinds = [key for key in body if key not in _INNER]
    if len(kinds) != 1:
        raise parsing(f"Expected exactly one aggregation type under [{name}], found {kinds}")
    (kind,) = kinds
    if kind not in (*_IN_ENGINE, *_WITH_INNER):
        raise parsing(f"Unknown aggregation type [{kind}]")
    inner = next((body[key] for key in _INNER if key in body), {})
    if inner and kind not in _WITH_INNER:
        reason = f"Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations"
        raise StoreError(400, "aggregation_initialization_exception", reason)
    if not isinstance(body[kind], Mapping):
        raise parsing(f"Expected [START_OBJECT] under [{kind}] of [{name}]")
    return Node(name, kind, body[kind], nodes_of(inner))
