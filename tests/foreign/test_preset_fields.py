"""Presets name the fields of logs and spans: of each shipper's document every concept that it carries is read.

The documents are those of real shippers, for a service whose pods have the label `color` with red and black. On the
stand-in, and on a real Elasticsearch under `make test-real`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch
from dashboard.model.blue_green import BlueGreen
from dashboard.model.log import LogEntry
from dashboard.model.words import LogLevel, SpanOutcome
from dashboard.queries.logs import LogReader
from dashboard.queries.request import Logs, in_words_of
from dashboard.settings import Settings
from dashboard.settings.names import preset, preset_names
from tests.foreign.log_documents import NOW
from tests.real.elasticsearch.log_stores import Json, Store, bulk

pytestmark = pytest.mark.stack
SECONDS = 20
TRACKS = BlueGreen(track_label="color", blue="black", green="red", services=("support-agent",))
POD = "support-agent-red-0"
LABELS = {"app": "support-agent", "color": "red"}
KUBERNETES = {"namespace": "support", "pod": {"name": POD}, "container": {"name": "app"}, "labels": LABELS}
RESOURCE = {
    "service.name": "support-agent",
    "service.version": "2.3.1",
    "k8s.namespace.name": "support",
    "k8s.pod.name": POD,
    "k8s.deployment.name": "support-agent-red",
    "k8s.pod.label.color": "red",
}

# By shipper: presets, the index, the document, and what its attributes must tell by our names.
SHIPPED: dict[str, tuple[list[str], str, Json, dict[str, Any]]] = {
    "Filebeat with ecs-logging": (
        ["ecs"],
        "filebeat-9.5.3",
        {
            "log.level": "error",
            "message": "tool get_weather failed for order 1412",
            "ecs": {"version": "8.17.0"},
            "log": {"logger": "support.agent", "original": "tool get_weather failed"},
            "gen_ai": {"agent": {"name": "weather-agent"}},
            "error": {"type": "TimeoutError", "message": "upstream timed out", "stack_trace": "Traceback ..."},
            "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
            "service": {"name": "support-agent", "version": "2.3.1"},
            "kubernetes": KUBERNETES,
            "agent": {"name": "node-1", "type": "filebeat", "version": "9.5.3"},
        },
        {"gen_ai.agent.name": "weather-agent", "error.type": "TimeoutError"},
    ),
    "Elastic Agent, an unparsed line": (
        ["ecs"],
        "logs-kubernetes.container_logs-default",
        {
            "message": "2026-11-27T12:00:00Z ERROR support.agent run failed: timeout",
            "stream": "stderr",
            "kubernetes": {**KUBERNETES, "deployment": {"name": "support-agent-red"}},
            "container": {"id": "c1"},
        },
        {},
    ),
    "OpenTelemetry collector": (
        ["otel-genai", "otlp"],
        "logs-generic.otel-default",
        {
            "body": {"text": "agent run failed"},
            "severity_text": "ERROR",
            "severity_number": 17,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "attributes": {
                "gen_ai.agent.name": "weather-agent",
                "exception.type": "TimeoutError",
                "exception.message": "upstream timed out",
            },
            "resource": {"attributes": RESOURCE},
            "scope": {"name": "support.agent"},
        },
        {"gen_ai.agent.name": "weather-agent", "error.type": "TimeoutError"},
    ),
    "fluent-bit": (
        ["fluent-bit"],
        "logstash-2026.11.27",
        {
            "stream": "stderr",
            "_p": "F",
            "log": "ERROR agent run failed: timeout",
            "level": "error",
            "kubernetes": {
                "pod_name": POD,
                "namespace_name": "support",
                "container_name": "app",
                "labels": LABELS,
                "host": "node-1",
            },
        },
        {},
    ),
}
SPAN = {
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "name": "invoke_agent weather-agent",
    "kind": "Internal",
    "duration": 2_000_000_000,
    "status": {"code": "Error"},
    "attributes": {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "weather-agent",
        "gen_ai.response.model": "gpt-4.1-2024-07-18",
        "error.type": "TimeoutError",
    },
    "resource": {"attributes": RESOURCE},
}


def read(store: Store, stream: Any, presets: list[str], index: str, document: Json, **filters: str) -> LogEntry:
    """The one document that is found by these filters, as the deck reads it with these presets and no other line."""
    bulk(store, index, {"d0": {"@timestamp": (NOW - timedelta(seconds=60)).isoformat(), **document}})
    given = {"presets": presets, "blue_green": {"track_label": "color", "blue": "black", "green": "red"}}
    environment = Settings.model_validate({"environments": {"own": {"namespaces": ["support"], **given}}})
    reader = LogReader(Elasticsearch(store.url), own=environment.environments["own"].fields)
    request = Logs(
        stream=stream,
        namespace="support",
        start=NOW - timedelta(hours=1),
        end=NOW,
        filters={"service": "support-agent", "track": "green", **filters},
        terms=("track", "agent"),
    )
    found = reader.read(index, in_words_of(request, TRACKS), budget_seconds=SECONDS)
    assert found.value.total == 1, found
    (entry,) = found.value.entries
    assert dict(found.value.terms["track"]) == {"green": 1}
    return replace(entry)


@pytest.mark.parametrize("shipper", SHIPPED)
def test_every_concept_of_a_shippers_line_is_read_with_its_preset(store: Store, shipper: str) -> None:
    presets, index, document, attributes = SHIPPED[shipper]

    entry = read(store, "logs", presets, index, document, level="error")

    assert (entry.service, entry.track, entry.pod) == ("support-agent", "green", POD)
    assert entry.level is LogLevel.ERROR
    assert "failed" in entry.message
    assert attributes.items() <= entry.attributes.items()


@pytest.mark.parametrize("presets", [["otel-genai", "otlp"], ["openlit", "otlp"], ["traceloop", "otlp"]], ids=str)
def test_every_concept_of_a_span_is_read_with_its_presets(store: Store, presets: list[str]) -> None:
    entry = read(store, "traces", presets, "traces-generic.otel-default", SPAN, outcome="failed", agent="weather-agent")

    assert (entry.service, entry.track, entry.pod) == ("support-agent", "green", POD)
    assert (entry.outcome, entry.duration_seconds) == (SpanOutcome.FAILED, 2.0)
    told = {"gen_ai.agent.name": "weather-agent", "gen_ai.request.model": "gpt-4.1-2024-07-18"}
    assert told.items() <= entry.attributes.items()


def test_presets_of_metrics_by_otlp_and_presets_of_logs_name_fields() -> None:
    named = {name for name in preset_names() if any(preset(name).fields.by_stream().values())}
    assert {"otlp", "otel-genai", "openlit", "traceloop", "ecs", "fluent-bit"} <= named


def test_own_lines_go_before_those_of_presets_and_later_presets_before_earlier_ones() -> None:
    own = {"elasticsearch": {"fields": {"logs": {"message": "payload.text"}}}, "presets": ["ecs", "otlp"]}
    fields = Settings.model_validate({"environments": {"own": own}}).environments["own"].fields
    assert fields["logs"]["message"][:2] == ("payload.text", "body.text")
    assert fields["logs"]["message"].index("body.text") < fields["logs"]["message"].index("message")
