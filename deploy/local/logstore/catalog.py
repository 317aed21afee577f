"""The data streams and indices with their mappings, and what an index expression matches."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from deploy.local.logstore.errors import StoreError, disk_full, illegal, no_such_index
from deploy.local.logstore.files import write_durably
from deploy.local.logstore.mapping import TIME, StreamMapping, View
from deploy.local.logstore.templates import Templates, retention_of
from deploy.local.logstore.times import duration

_NAME = re.compile(r"[^-_+.A-Z\\/*?\"<>| ,#:][^A-Z\\/*?\"<>| ,#:]*")


@dataclass(frozen=True, slots=True)
class Stream:
    """A data stream with its one backing index, or an index, which is its own."""

    name: str
    backing: str
    is_data_stream: bool
    retention: timedelta | None
    mapping: StreamMapping


class Catalog:
    """All streams by name, kept on disk with their mappings."""

    def __init__(self, file: Path, templates: Templates) -> None:
        self._file, self._templates = file, templates
        self._streams: dict[str, Stream] = {}
        self._is_saved = True
        for name, known in (orjson.loads(file.read_bytes()) if file.exists() else {}).items():
            mapping = StreamMapping(known["template"])
            mapping.learn(known["fields"])
            keep = timedelta(milliseconds=known["retention"]) if known["retention"] else None
            self._streams[name] = Stream(name, known["backing"], known["is_data_stream"], keep, mapping)

    def all(self) -> list[Stream]:
        return sorted(self._streams.values(), key=lambda one: one.name)

    def written(self, name: str) -> Stream:
        """The stream that a document is written to; made if there is none. Raises StoreError."""
        if found := self._streams.get(name):
            return found
        for one in self._streams.values():
            if name == one.backing:
                raise illegal(f"write to the data stream [{one.name}], not to its backing index [{name}]")
        if not _NAME.fullmatch(name) or len(name.encode()) > 255:
            raise StoreError(400, "invalid_index_name_exception", f"Invalid index name [{name}]")
        self._streams[name] = found = _made(name, self._templates.of(name) or {})
        self._is_saved = False
        try:
            self.save()
        except OSError as error:
            del self._streams[name]
            raise disk_full(name, error) from error
        return found

    def named(self, expression: str, *, ignore_unavailable: bool = False) -> list[Stream]:
        """What an expression names: names, `*`, and exclusions with `-`, separated by commas.

        Raises StoreError for a plain name that is not there, unless that is ignored.
        """
        found: dict[str, Stream] = {}
        for part in expression.split(",") if expression else ["*"]:
            if part.startswith("-") and found:
                found = {name: one for name, one in found.items() if not fnmatch.fnmatchcase(name, part[1:])}
                continue
            pattern = "*" if part == "_all" else part
            matching = {
                one.name: one
                for one in self.all()
                if fnmatch.fnmatchcase(one.name, pattern) or fnmatch.fnmatchcase(one.backing, pattern)
            }
            if not matching and "*" not in pattern and not ignore_unavailable:
                raise no_such_index(part)
            found |= matching
        return sorted(found.values(), key=lambda one: one.name)

    def view(self, streams: list[Stream]) -> View:
        return View([one.mapping for one in streams])

    def save(self) -> None:
        """Before the documents that taught it are committed."""
        if self._is_saved and not any(one.mapping.has_changed for one in self._streams.values()):
            return
        write_durably(self._file, orjson.dumps({one.name: _kept(one) for one in self.all()}))
        self._is_saved = True
        for one in self._streams.values():
            one.mapping.has_changed = False


def _made(name: str, template: Mapping[str, Any]) -> Stream:
    is_stream = "data_stream" in template
    definition = template.get("template", {}).get("mappings", {})
    if is_stream:
        definition = {**definition, "properties": {TIME: {"type": "date"}, **definition.get("properties", {})}}
    mapping = StreamMapping(definition)
    keep = retention_of(dict(template))
    retention = timedelta(milliseconds=duration(keep, "data_retention")) if keep else None
    backing = f".ds-{name}-{datetime.now(UTC):%Y.%m.%d}-000001" if is_stream else name
    return Stream(name, backing, is_stream, retention, mapping)


def _kept(stream: Stream) -> dict[str, Any]:
    keep = int(stream.retention / timedelta(milliseconds=1)) if stream.retention else 0
    return {"backing": stream.backing, "is_data_stream": stream.is_data_stream, "retention": keep,
            "template": stream.mapping.definition, "fields": stream.mapping.learnt()}  # fmt: skip
