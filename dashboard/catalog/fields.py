"""The fields of logs, traces and audit events by short names: nobody else writes a field of Elasticsearch.

OpenTelemetry-native names for logs and traces, ECS for the audit trail. Names as in deploy/monitoring/telemetry.md.
"""

from __future__ import annotations

from collections.abc import Mapping

TIME = "@timestamp"

_RESOURCE = {
    "service": "resource.attributes.service.name",
    "version": "resource.attributes.service.version",
    "environment": "resource.attributes.deployment.environment.name",
    "namespace": "resource.attributes.k8s.namespace.name",
    "pod": "resource.attributes.k8s.pod.name",
    "track": "resource.attributes.tealdeck.track",
}
_OTEL = _RESOURCE | {
    "time": TIME,
    "trace_id": "trace_id",
    "span_id": "span_id",
    "agent": "attributes.gen_ai.agent.name",
    "model": "attributes.gen_ai.request.model",
    "tool": "attributes.gen_ai.tool.name",
    "conversation": "attributes.gen_ai.conversation.id",
    "operation": "attributes.gen_ai.operation.name",
    "error_type": "attributes.error.type",
    "contract": "attributes.agentgov.contract.name",
}

FIELDS: Mapping[str, Mapping[str, str]] = {
    "logs": _OTEL | {"message": "body.text", "severity": "severity_text", "severity_number": "severity_number"},
    "traces": _OTEL
    | {
        "message": "name",
        "severity": "status.code",
        "status": "status.code",
        "name": "name",
        "kind": "kind",
        "duration": "duration",
        "parent_span_id": "parent_span_id",
    },
    "audit": {
        "time": TIME,
        "message": "message",
        "severity": "event.outcome",
        "service": "service.name",
        "namespace": "kubernetes.namespace",
        "trace_id": "trace.id",
        "user": "user.name",
        "action": "event.action",
        "outcome": "event.outcome",
        "id": "event.id",
    },
}

# What free text is looked for in.
TEXT: Mapping[str, tuple[str, ...]] = {
    "logs": ("body.text",),
    "traces": ("name",),
    "audit": ("message", "event.action", "event.reason"),
}


def field(stream: str, name: str) -> str:
    """The field that a short name stands for in `stream`; a name that is not short is a field already."""
    return FIELDS[stream].get(name, name)
