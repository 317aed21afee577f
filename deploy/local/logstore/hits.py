"""Hits as an answer shows them: the source or parts of it, single fields, what was found in the text. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.local.logstore.engine import Stored
from deploy.local.logstore.errors import StoreError, illegal, parsing
from deploy.local.logstore.mapping import View
from deploy.local.logstore.times import rendered

_HIGHLIGHT = {"fields", "pre_tags", "post_tags", "fragment_size", "number_of_fragments", "require_field_match", "type"}
_SENTENCES = re.compile(r"[^.!?\n]*(?:[.!?\n](?!\s)[^.!?\n]*)*(?:[.!?\n]+\s*|$)")


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


def fields_of(hit: Stored, asked: Any, view: View, *, columns: bool = False) -> dict[str, list[Any]]:
    """`fields` or `docvalue_fields`: values by the names asked for, dates in their format."""
    found: dict[str, list[Any]] = {}
    by_name: dict[str, list[Any]] = {}
    for name, value in _leaves(hit.source, ""):
        by_name.setdefault(name, []).append(value)
    for one in asked:
        pattern, shown = (one["field"], one.get("format", "")) if isinstance(one, Mapping) else (one, "")
        for name in view.matching(pattern):
            for field in view.fields(name):
                if columns and field.kind == "text":
                    raise illegal(f"Fielddata is disabled on [{name}]: text fields have no columns")
                values = by_name.get(field.name) or by_name.get(field.name.rpartition(".")[0], [])
                if field.name not in by_name and not any(
                    field in top.subs for top in view.fields(field.name.rpartition(".")[0])
                ):
                    continue
                fitted = [field.fitted(value) for value in values]
                if field.kind == "date":
                    fitted = [rendered(value, shown) for value in fitted]
                if columns and field.kind == "keyword":
                    fitted = sorted(set(fitted))
                if fitted:
                    found[name] = fitted
    return found


def highlighted(
    hit: Stored, asked: Mapping[str, Any], words: Mapping[str, list[re.Pattern[str]]], view: View
) -> dict[str, list[str]]:
    """Fragments of text with what was looked for between tags."""
    _check_highlight(asked)
    named = asked.get("fields", {})
    wanted = named if isinstance(named, Mapping) else {key: value for one in named for key, value in one.items()}
    found = {}
    by_name: dict[str, list[str]] = {}
    for name, value in _leaves(hit.source, ""):
        by_name.setdefault(name, []).append(str(value))
    for pattern, options in wanted.items():
        _check_highlight(options)
        settings = {**asked, **options}
        for name in view.matching(pattern):
            patterns = [one for field in view.fields(name) for one in words.get(field.name, [])]
            if not settings.get("require_field_match", True):
                patterns = [one for several in words.values() for one in several]
            fragments = [
                f
                for field in view.fields(name)
                for text in by_name.get(field.name, [])
                for f in _fragments(text, patterns, settings)
            ]
            if fragments:
                found[name] = fragments[: settings.get("number_of_fragments", 5) or None]
    return found


def _fragments(text: str, patterns: list[re.Pattern[str]], settings: Mapping[str, Any]) -> Iterator[str]:
    (before, *_), (after, *_) = settings.get("pre_tags", ["<em>"]), settings.get("post_tags", ["</em>"])
    longest = settings.get("fragment_size", 100)
    pieces = [text] if settings.get("number_of_fragments", 5) == 0 else _SENTENCES.findall(text)
    while pieces:
        piece = pieces.pop(0)
        if not any(pattern.search(piece) for pattern in patterns):
            continue
        while pieces and len(piece) < longest:
            piece += pieces.pop(0)
        yield _marked(piece, patterns, before, after).strip()


def _marked(text: str, patterns: list[re.Pattern[str]], before: str, after: str) -> str:
    shown, at = "", 0
    for start, end in sorted(found.span() for pattern in patterns for found in pattern.finditer(text)):
        if start >= at:
            shown, at = f"{shown}{text[at:start]}{before}{text[start:end]}{after}", end
    return shown + text[at:]


def _check_highlight(options: Mapping[str, Any]) -> None:
    for key in options:
        if key not in _HIGHLIGHT:
            raise StoreError(400, "x_content_parse_exception", f"[highlight] unknown field [{key}]")


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


def _leaves(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, Mapping):
                yield from _leaves(one, f"{prefix}{key}.")
            elif one is not None:
                yield f"{prefix}{key}", one


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
