"""Index templates: what a new data stream or index looks like. Elasticsearch's own for logs, traces and metrics are
here; others are put by users and kept on disk.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from deploy.local.logstore.errors import StoreError, illegal, invalid
from deploy.local.logstore.files import write_durably
from deploy.local.logstore.mapping import TIME, StreamMapping

Json = dict[str, Any]
_KEYS = {"index_patterns", "template", "data_stream", "priority", "version", "_meta", "composed_of",
         "allow_auto_create"}  # fmt: skip
_PARTS = {"mappings", "settings", "lifecycle", "aliases"}
_MAPPING_KEYS = {
    "properties",
    "dynamic",
    "date_detection",
    "dynamic_templates",
    "numeric_detection",
    "_meta",
    "subobjects",
}


def _keywords(*names: str) -> Json:
    return {name: {"type": "keyword"} for name in names}


def _aliases(**paths: str) -> Json:
    return {name.replace("_", "."): {"type": "alias", "path": path} for name, path in paths.items()}


def _passthrough(priority: int) -> Json:
    return {"type": "passthrough", "dynamic": True, "priority": priority}


_OTEL: Json = {
    TIME: {"type": "date"},
    "attributes": _passthrough(20),
    "scope": {"properties": {**_keywords("name", "version"), "attributes": _passthrough(30)}},
    "resource": {"properties": {**_keywords("schema_url"), "attributes": _passthrough(40)}},
    **_keywords("data_stream.type", "data_stream.dataset", "data_stream.namespace", "trace_id", "span_id"),
    **_aliases(trace_id="trace_id", span_id="span_id"),
}
_OTEL_LOGS: Json = {
    **_OTEL,
    "observed_timestamp": {"type": "date_nanos"},
    "severity_number": {"type": "byte"},
    **_keywords("severity_text", "event_name"),
    "body": {"properties": {"text": {"type": "match_only_text"}, "structured": {"type": "flattened"}}},
    **_aliases(message="body.text", log_level="severity_text"),
}
_OTEL_TRACES: Json = {
    **_OTEL,
    **_keywords("parent_span_id", "trace_state", "name", "kind"),
    "duration": {"type": "long"},
    "status": {"properties": _keywords("code", "message")},
    **_aliases(parent_id="parent_span_id", span_name="name"),
}
_DATES = (
    "created",
    "*.created",
    "ingested",
    "*.ingested",
    "*.timestamp",
    "*.start",
    "*.end",
    "*.not_after",
    "*.not_before",
)
_TEXTS = ("message", "*.message")
_ECS: list[Json] = [
    {"dates": {"path_match": list(_DATES), "match_mapping_type": "string", "mapping": {"type": "date"}}},
    {"texts": {"path_match": list(_TEXTS), "match_mapping_type": "string", "mapping": {"type": "match_only_text"}}},
    {"keywords": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}},
]


def _builtin(pattern: str, priority: int, mappings: Json) -> Json:
    template = {"mappings": {"date_detection": False, **mappings}}
    return {"index_patterns": [pattern], "priority": priority, "data_stream": {}, "template": template}


_ECS_MAPPINGS: Json = {"properties": {TIME: {"type": "date"}}, "dynamic_templates": _ECS}
BUILTIN: Mapping[str, Json] = {
    "logs": _builtin("logs-*-*", 100, _ECS_MAPPINGS),
    "metrics": _builtin("metrics-*-*", 100, _ECS_MAPPINGS),
    "logs-otel@template": _builtin("logs-*.otel-*", 120, {"dynamic": False, "properties": _OTEL_LOGS}),
    "traces-otel@template": _builtin("traces-*.otel-*", 120, {"dynamic": False, "properties": _OTEL_TRACES}),
}


class Templates:
    """All templates by name; those put by users outlive a restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._put: dict[str, Json] = orjson.loads(file.read_bytes()) if file.exists() else {}

    def of(self, index: str) -> Json | None:
        """The template of a new index: the one of the highest priority that matches its name."""
        found = [
            one for one in self.all().values() if any(fnmatch.fnmatchcase(index, p) for p in one["index_patterns"])
        ]
        return max(found, key=lambda one: int(one.get("priority", 0)), default=None)

    def all(self) -> dict[str, Json]:
        return {**BUILTIN, **self._put}

    def named(self, pattern: str) -> dict[str, Json]:
        """Templates by name or pattern. Raises StoreError where a plain name is not known."""
        found = {name: one for name, one in self.all().items() if fnmatch.fnmatchcase(name, pattern)}
        if not found and "*" not in pattern:
            raise StoreError(404, "resource_not_found_exception", f"index template matching [{pattern}] not found")
        return found

    def put(self, name: str, body: Json) -> None:
        """Takes a template, or refuses it with what is wrong."""
        _check(body)
        patterns = body["index_patterns"]
        body = {**body, "index_patterns": [patterns] if isinstance(patterns, str) else patterns}
        for other, one in self.all().items():
            same = one.get("priority", 0) == body.get("priority", 0)
            if other != name and same and set(one["index_patterns"]) & set(body["index_patterns"]):
                reason = f"has patterns of the existing template [{other}] with the same priority"
                raise illegal(f"index template [{name}] {reason}")
        self._save({**self._put, name: body})

    def _save(self, templates: dict[str, Json]) -> None:
        write_durably(self._file, orjson.dumps(templates))
        self._put = templates


def retention_of(template: Json | None) -> str | None:
    """How long documents are kept, as `7d`, where the template says so."""
    lifecycle = (template or {}).get("template", {}).get("lifecycle") or (template or {}).get("lifecycle") or {}
    return lifecycle.get("data_retention")


def _check(body: Json) -> None:
    template = body.get("template", {})
    mappings = template.get("mappings", {})
    for keys, known in ((body, _KEYS), (template, _PARTS), (mappings, _MAPPING_KEYS)):
        for key in keys:
            if key not in known:
                raise StoreError(400, "x_content_parse_exception", f"[index_template] unknown field [{key}]")
    if not body.get("index_patterns"):
        raise invalid("index patterns are missing")
    if body.get("composed_of"):
        raise illegal(f"component templates {body['composed_of']} do not exist: this store has none")
    if template.get("aliases"):
        raise illegal("this store has no aliases of indices")
    StreamMapping(mappings)
