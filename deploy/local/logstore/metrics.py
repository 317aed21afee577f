"""Aggregations that give numbers: what the engine is asked, and its answer in Elasticsearch's words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tantivy import Query

from deploy.local.logstore.errors import StoreError, illegal
from deploy.local.logstore.mapping import Field
from deploy.local.logstore.times import rendered

if TYPE_CHECKING:
    from deploy.local.logstore.aggregations import Aggregator, Node

KINDS = ("min", "max", "sum", "avg", "stats", "value_count", "cardinality", "percentiles")
_OPTIONS = {
    "cardinality": {"field", "missing", "precision_threshold"},
    "percentiles": {"field", "percents", "keyed", "missing"},
}
_PERCENTS = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]


def asked(aggregator: Aggregator, _: Query, node: Node) -> dict[str, Any]:
    """What the engine is asked."""
    for option in node.options:
        if option not in _OPTIONS.get(node.kind, {"field", "missing"}):
            raise StoreError(400, "x_content_parse_exception", f"[{node.kind}] unknown field [{option}]")
    path, field = aggregator.field(node)
    if field is not None and field.kind == "keyword" and node.kind not in ("value_count", "cardinality"):
        raise illegal(f"Field [{field.name}] of type [{field.type}] is not supported for aggregation [{node.kind}]")
    wanted: dict[str, Any] = {"field": path}
    if "missing" in node.options:
        wanted["missing"] = node.options["missing"]
    if node.kind == "percentiles":
        wanted["percents"] = [float(one) for one in node.options.get("percents", _PERCENTS)]
    return {node.kind: wanted}


def answer(node: Node, found: Mapping[str, Any], field: Field | None) -> dict[str, Any]:
    """The engine's answer; a date also as text."""
    if node.kind == "percentiles":
        return _percentiles(node, found)
    values = {key: _number(value) for key, value in found.items()}
    if node.kind in ("value_count", "cardinality"):
        return {"value": int(values["value"] or 0)}
    if node.kind == "stats":
        values = {key: values[key] for key in ("count", "min", "max", "avg", "sum")}
    if node.kind == "sum" and values["value"] is None:
        return {"value": 0.0}
    if field is not None and field.kind == "date":
        names = [key for key, value in values.items() if key != "count" and value is not None]
        values |= {f"{key}_as_string": rendered(values[key]) for key in names}
    return values


def _percentiles(node: Node, found: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        str(float(key)): _number(value) for key, value in sorted(found["values"].items(), key=lambda one: float(one[0]))
    }
    if node.options.get("keyed", True):
        return {"values": values}
    return {"values": [{"key": float(key), "value": value} for key, value in values.items()]}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
