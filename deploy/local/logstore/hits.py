"""Hits as an answer shows them: the source or parts of it. Pure.

Documents of one answer have the same few names, so whether a name is wanted is decided once an answer, not once a hit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from functools import cache
from typing import Any

from deploy.local.logstore.errors import parsing

Part = Callable[[dict[str, Any]], dict[str, Any] | None]


def part_of(wanted: Any) -> Part:
    """What takes a source to the part that `_source` asks for: whole, nothing, or by names and patterns."""
    if wanted is True:
        return lambda source: source
    if wanted is False:
        return lambda _: None
    if isinstance(wanted, Mapping):
        for key in wanted:
            if key not in ("includes", "include", "excludes", "exclude"):
                raise parsing(f"Unknown key for a VALUE in [{key}] of [_source]")
        includes = _listed(wanted.get("includes", wanted.get("include", []))) or ["*"]
        excludes = _listed(wanted.get("excludes", wanted.get("exclude", [])))
    else:
        includes, excludes = _listed(wanted), []
    is_left_out = _matching(excludes)
    is_wanted = _matching([pattern for one in includes for pattern in (one, f"{one}.*")])

    def kept(tree: Mapping[str, Any], prefix: str, whole: bool) -> dict[str, Any]:
        found = {}
        for key, value in tree.items():
            name = f"{prefix}{key}"
            if is_left_out(name):
                continue
            here = whole or is_wanted(name)
            if isinstance(value, Mapping):
                inner = kept(value, f"{name}.", here)
                if inner or (here and not value):
                    found[key] = inner
            elif here:
                found[key] = value
        return found

    return lambda source: kept(source, "", False)


def _matching(patterns: list[str]) -> Callable[[str], bool]:
    """Whether a name fits any of the patterns; each name is looked up once."""
    whole = re.compile("|".join(map(translate, patterns)) or r"(?!)")
    return cache(lambda name: whole.match(name) is not None)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
