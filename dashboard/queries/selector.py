"""Kubernetes label selectors on objects that are at hand: `a=b`, `a!=b`, `a`, `!a`, with commas between. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TERM = re.compile(
    r"\s*(?:(?P<absent>!)\s*(?P<no>[^=!\s]+)|(?P<key>[^=!\s]+)\s*(?:(?P<op>==?|!=)\s*(?P<value>[^=!\s]*))?)\s*"
)


def matches(selector: str, item: Mapping[str, Any]) -> bool:
    """Whether an object's labels satisfy all terms; an empty selector is satisfied by all.

    Raises:
        ValueError: the selector is not of the simple kind above.
    """
    labels = item["metadata"].get("labels") or {}
    return all(_holds(term, labels) for term in selector.split(",")) if selector.strip() else True


def _holds(term: str, labels: Mapping[str, str]) -> bool:
    found = _TERM.fullmatch(term)
    if found is None or "(" in term:
        raise ValueError(f"{term!r} is not a simple label selector: a=b, a!=b, a or !a")
    if found["absent"]:
        return found["no"] not in labels
    if found["op"] is None:
        return found["key"] in labels
    return (labels.get(found["key"]) == found["value"]) != (found["op"] == "!=")
