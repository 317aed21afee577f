"""Kubernetes label selectors, applied to objects in memory: `a=b`, `a!=b`, `a`, `!a`, separated by commas. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_KEY = r"[^=!,()\s]+"
_TERM = re.compile(rf"\s*(?:!\s*(?P<absent>{_KEY})|(?P<key>{_KEY})\s*(?:(?P<op>==?|!=)\s*(?P<value>[^=!,()\s]*))?)\s*")


def matcher(selector: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an object's labels satisfy all terms, as a function; an empty selector is satisfied by all.

    Raises:
        ValueError: the selector is not of the simple kind above.
    """
    terms = [_term(text) for text in selector.split(",")] if selector.strip() else []
    return lambda item: all(term(item["metadata"].get("labels") or {}) for term in terms)


def _term(text: str) -> Callable[[Mapping[str, str]], bool]:
    found = _TERM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a simple label selector: a=b, a!=b, a or !a")
    absent, key, operator, value = found["absent"], found["key"], found["op"], found["value"]
    if absent:
        return lambda labels: absent not in labels
    if operator is None:
        return lambda labels: key in labels
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    return lambda labels: labels.get(key) == value
