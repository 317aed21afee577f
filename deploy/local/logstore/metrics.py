"""Aggregations whose answer is one number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from deploy.local.logstore.errors import illegal
from deploy.local.logstore.mapping import Field
from deploy.local.logstore.nodes import Node
from deploy.local.logstore.times import rendered

_COUNTS = ("value_count", "cardinality")


def request(node: Node, path: str, field: Field | None) -> dict[str, Any]:
    """What the engine is asked. `path` is where the engine has the field. Raises StoreError."""
    node.check_options(("field",))
    if field is not None and field.kind == "keyword" and node.kind not in _COUNTS:
        raise illegal(f"Field [{field.name}] of type [{field.type}] is not supported for aggregation [{node.kind}]")
    return {node.kind: {"field": path}}


def answer(node: Node, found: Mapping[str, Any], field: Field | None) -> dict[str, Any]:
    """The engine's answer in Elasticsearch's form: null where nothing was measured; a date as text as well."""
    value = found["value"]
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    if node.kind in _COUNTS:
        return {"value": int(value or 0)}
    if node.kind == "sum" and value is None:
        return {"value": 0.0}
    if field is not None and field.kind == "date" and value is not None:
        return {"value": value, "value_as_string": rendered(value)}
    return {"value": value}
