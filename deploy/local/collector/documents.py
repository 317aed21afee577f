"""From a line of a container or a span in OTLP to a document in OpenTelemetry's own shape. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

Document = dict[str, Any]

_NUMBERS = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
_ALIASES = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_KINDS = {1: "Internal", 2: "Server", 3: "Client", 4: "Producer", 5: "Consumer"}
_STATUS = {0: "Unset", 1: "Ok", 2: "Error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose line it is; read from the path of its file."""

    namespace: str
    pod: str
    uid: str
    container: str
    run: int
    part: str = ""  # which of the files that the run's output has filled


def log_document(text: str, at: str, origin: Origin, environment: str) -> Document:
    """A line as a document. What is no JSON object of the workload's is text without a severity."""
    known = _structured(text)
    resource = {
        "k8s.namespace.name": origin.namespace,
        "k8s.pod.name": origin.pod,
        "k8s.pod.uid": origin.uid,
        "k8s.container.name": origin.container,
        "service.name": origin.container,
        "deployment.environment.name": environment,
    }
    document: Document = {"@timestamp": at, "body": {"text": text}, "resource": {"attributes": resource}}
    if known is None:
        return document
    level = str(known.get("level", "")).upper()
    level = _ALIASES.get(level, level)
    document |= {"@timestamp": _time(known.get("ts"), at), "body": {"text": str(known["message"])}}
    if level in _NUMBERS:
        document |= {"severity_text": level, "severity_number": _NUMBERS[level]}
    document |= {key: known[key] for key in ("trace_id", "span_id") if known.get(key)}
    if isinstance(attributes := known.get("attributes"), Mapping):
        document["attributes"] = dict(attributes)
    if isinstance(said := known.get("resource"), Mapping):
        resource |= said
    return document


def line_id(origin: Origin, offset: int) -> str:
    """The same line has the same id however often it is sent: a repeated one is refused, not doubled."""
    place = f"{origin.uid}/{origin.container}/{origin.run}/{origin.part}/{offset}"
    return hashlib.blake2b(place.encode(), digest_size=12).hexdigest()


def span_documents(request: Mapping[str, Any], environment: str) -> Iterator[tuple[str, Document]]:
    """Ids and documents of the spans in an OTLP export. Raises KeyError, TypeError or ValueError if it is none."""
    for one in request["resourceSpans"]:
        resource = {
            "deployment.environment.name": environment,
            **_attributes(one.get("resource", {}).get("attributes", [])),
        }
        for scope in one.get("scopeSpans", []):
            for span in scope.get("spans", []):
                yield f"{span['traceId']}{span['spanId']}", _span(span, resource)


def _span(span: Mapping[str, Any], resource: Mapping[str, Any]) -> Document:
    start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    status = span.get("status", {})
    document: Document = {
        "@timestamp": datetime.fromtimestamp(start / 1e9, UTC).isoformat(timespec="microseconds"),
        "trace_id": span["traceId"],
        "span_id": span["spanId"],
        "name": span["name"],
        "kind": _KINDS.get(span.get("kind", 0), "Unspecified"),
        "duration": end - start,
        "status": {"code": _STATUS.get(status.get("code", 0), "Unset")},
        "attributes": _attributes(span.get("attributes", [])),
        "resource": {"attributes": dict(resource)},
    }
    if span.get("parentSpanId"):
        document["parent_span_id"] = span["parentSpanId"]
    if status.get("message"):
        document["status"]["message"] = status["message"]
    return document


def _time(said: Any, at: str) -> Any:
    """The time that the line says, or the one at which it was written if that is none."""
    try:
        datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return at
    return said


def _attributes(pairs: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in pairs}


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "intValue":
            return int(content)
        case "arrayValue":
            return [_value(one) for one in content.get("values", [])]
        case "kvlistValue":
            return _attributes(content.get("values", []))
        case "stringValue" | "boolValue" | "doubleValue":
            return content
    raise ValueError(f"{kind} is no kind of value")


def _structured(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and "message" in found else None
