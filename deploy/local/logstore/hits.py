"""Hits as an answer shows them: the source or parts of it. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from deploy.local.logstore.errors import parsing


def part_of(source: dict[str, Any], wanted: Any) -> dict[str, Any] | None:
    """The source as `_source` asks for it: whole, not at all, or by names and patterns."""
    if wanted is True:
        return source
    if wanted is False:
        return None
    if isinstance(wanted, Mapping):
        for key in wanted:
            if key not in ("includes", "include", "excludes", "exclude"):
                raise parsing(f"Unknown key for a VALUE in [{key}] of [_source]")
        includes = _listed(wanted.get("includes", wanted.get("include", [])))
        return _kept(source, "", includes or ["*"], _listed(wanted.get("excludes", wanted.get("exclude", []))))
    return _kept(source, "", _listed(wanted), [])


def _kept(tree: Mapping[str, Any], prefix: str, includes: list[str], excludes: list[str]) -> dict[str, Any]:
    kept = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in excludes):
            continue
        wanted = any(fnmatch.fnmatchcase(name, one) or fnmatch.fnmatchcase(name, f"{one}.*") for one in includes)
        if isinstance(value, Mapping):
            inner = _kept(value, f"{name}.", ["*"] if wanted else includes, excludes)
            if inner or (wanted and not value):
                kept[key] = inner
        elif wanted:
            kept[key] = value
    return kept


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
