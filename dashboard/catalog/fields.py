"""The fields of logs, traces and audit events by short names: nobody else writes a field of Elasticsearch.

Each concept has one name per format met in practice: OpenTelemetry, the Elastic Common Schema with the labels that
classic APM makes of attributes, Filebeat and Elastic Agent, fluent-bit, and common loggers. `queries/resolver.py` finds
out which of them a backend has. The audit trail is ours and uses ECS only. See deploy/monitoring/telemetry.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

TIME = "@timestamp"

# Concept: names, the standard one first.
_RESOURCE = {
    "service": (
        "resource.attributes.service.name",
        "service.name",
        "kubernetes.labels.app_kubernetes_io/name",
        "kubernetes.labels.app.kubernetes.io/name",
        "kubernetes.labels.app",
    ),
    "version": ("resource.attributes.service.version", "service.version"),
    "environment": ("resource.attributes.deployment.environment.name", "service.environment"),
    "namespace": (
        "resource.attributes.k8s.namespace.name",
        "kubernetes.namespace",
        "kubernetes.namespace_name",
        "k8s.namespace.name",
    ),
    "pod": (
        "resource.attributes.k8s.pod.name",
        "kubernetes.pod.name",
        "kubernetes.pod_name",
        "k8s.pod.name",
    ),
    "workload": ("resource.attributes.k8s.deployment.name", "kubernetes.deployment.name"),
    "track": (
        "resource.attributes.tealdeck.track",
        "labels.tealdeck_track",
        "resource.attributes.k8s.pod.label.tealdeck.io/track",
        "resource.attributes.k8s.pod.labels.tealdeck.io/track",
        "kubernetes.labels.tealdeck_io/track",
        "kubernetes.labels.tealdeck.io/track",
    ),
}
_COMMON = _RESOURCE | {
    "time": (TIME,),
    "trace_id": ("trace_id", "trace.id"),
    "span_id": ("span_id", "span.id"),
    "agent": ("attributes.gen_ai.agent.name", "labels.gen_ai_agent_name"),
    "model": ("attributes.gen_ai.request.model", "labels.gen_ai_request_model"),
    "tool": ("attributes.gen_ai.tool.name", "labels.gen_ai_tool_name"),
    "conversation": ("attributes.gen_ai.conversation.id", "labels.gen_ai_conversation_id"),
    "operation": ("attributes.gen_ai.operation.name", "labels.gen_ai_operation_name"),
    "error_type": ("attributes.error.type", "error.type"),
    "contract": ("attributes.agentgov.contract.name", "labels.agentgov_contract_name"),
    "clause": ("attributes.agentgov.contract.rule", "labels.agentgov_contract_rule"),
}

FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "logs": _COMMON
    | {
        "message": (
            "body.text",
            "message",
            "log",
            "event.original",
            "body.structured",
            "body.flattened",
            "body",
            "error.message",
        ),
        "severity": (
            "severity_text",
            "log.level",
            "level",
            "severity",
            "loglevel",
            "log_level",
            "levelname",
            "lvl",
            "log.syslog.severity.name",
            "log.syslog.severity.code",
            "Level",
            "LogLevel",
            "PRIORITY",
        ),
        "severity_number": ("severity_number",),
        "container": (
            "resource.attributes.k8s.container.name",
            "kubernetes.container.name",
            "kubernetes.container_name",
            "k8s.container.name",
        ),
        # What kind of event a line is: those of conversations hold prompts and completions.
        "event": ("event_name", "attributes.event.name", "event.name", "labels.event_name"),
        "logger": ("scope.name", "log.logger", "logger", "logger_name", "logger.name"),
    },
    "traces": _COMMON
    | {
        "message": ("name", "span.name", "transaction.name"),
        "severity": ("status.code", "event.outcome"),
        "status": ("status.code", "event.outcome"),
        "name": ("name", "span.name", "transaction.name"),
        "kind": ("kind", "span.kind"),
        "duration": ("duration", "span.duration.us", "transaction.duration.us"),
        "parent_span_id": ("parent_span_id", "parent.id"),
        # Transactions of older APM agents have no span.id.
        "span_id": ("span_id", "span.id", "transaction.id"),
        "cost": (
            "attributes.gen_ai.usage.cost.amount",
            "attributes.gen_ai.usage.cost",
            "numeric_labels.gen_ai_usage_cost_amount",
            "numeric_labels.gen_ai_usage_cost",
        ),
        "input_tokens": ("attributes.gen_ai.usage.input_tokens", "numeric_labels.gen_ai_usage_input_tokens"),
        "output_tokens": ("attributes.gen_ai.usage.output_tokens", "numeric_labels.gen_ai_usage_output_tokens"),
    },
    "audit": {
        "time": (TIME,),
        "message": ("message",),
        "severity": ("event.outcome",),
        "service": ("service.name",),
        "namespace": ("kubernetes.namespace",),
        "environment": ("service.environment",),
        "trace_id": ("trace.id",),
        "user": ("user.name",),
        "action": ("event.action",),
        "outcome": ("event.outcome",),
        "id": ("event.id",),
    },
}

# Bodies that are trees and not text.
STRUCTURED = ("body.structured", "body.flattened", "body")
# Fields that free text is searched in; a name that a backend lacks is skipped.
TEXT: Mapping[str, tuple[str, ...]] = {
    "logs": ("body.text", "message", "log", "event.original", "error.message"),
    "traces": ("name", "span.name", "transaction.name"),
    "audit": ("message", "event.action", "event.reason"),
}

# Own names of an environment by concept, looked at before those above.
OwnFields: TypeAlias = Mapping[str, tuple[str, ...]]
_NONE: OwnFields = {}


def names(stream: str, concept: str, own: OwnFields = _NONE) -> tuple[str, ...]:
    """The fields that a short name stands for in `stream`, an environment's own first, then the standard one.

    A name that is not short is a field already.
    """
    known = FIELDS[stream].get(concept, (concept,))
    return tuple(dict.fromkeys((*own.get(concept, ()), *known)))


def all_names(stream: str, own: OwnFields = _NONE) -> tuple[str, ...]:
    """Every field that a concept of `stream` may be in."""
    return text_of(stream, FIELDS[stream], own)


def text_of(stream: str, concepts: Iterable[str], own: OwnFields = _NONE) -> tuple[str, ...]:
    """The fields of several concepts, for requests that fetch only these."""
    return tuple(dict.fromkeys(name for concept in concepts for name in names(stream, concept, own)))
