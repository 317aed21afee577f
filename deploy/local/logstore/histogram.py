"""`date_histogram` with a fixed interval, in UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.local.logstore.errors import illegal
from deploy.local.logstore.mapping import Field
from deploy.local.logstore.nodes import Node
from deploy.local.logstore.times import duration, rendered


def request(node: Node, path: str, field: Field | None) -> dict[str, Any]:
    """What the engine is asked. `path` is where the engine has the field. Raises StoreError."""
    node.check_options(("field", "fixed_interval", "min_doc_count"))
    if field is not None and field.kind != "date":
        raise illegal(f"Field [{field.name}] of type [{field.type}] is not supported for aggregation [date_histogram]")
    least = int(node.options.get("min_doc_count", 0))
    return {"histogram": {"field": path, "interval": interval(node), "min_doc_count": least}}


def answer(node: Node, found: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Each bucket in Elasticsearch's form, with the engine's bucket that holds what is inside it."""
    least = int(node.options.get("min_doc_count", 0))
    for bucket in found["buckets"]:
        if bucket["doc_count"] >= least:
            start = int(bucket["key"])
            yield {"key_as_string": rendered(start), "key": start, "doc_count": bucket["doc_count"]}, bucket


def interval(node: Node) -> int:
    """The width of a bucket in milliseconds. Raises StoreError."""
    if "fixed_interval" not in node.options:
        raise illegal("Invalid interval specified, this store has [fixed_interval] only")
    width = duration(node.options["fixed_interval"], "fixed_interval")
    if width <= 0:
        raise illegal("Zero or negative time interval not supported")
    return width
