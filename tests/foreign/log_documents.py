"""The same lines of one service as different shippers write them into Elasticsearch.

Both tracks log for ten minutes. Each logs KNOWN errors of one kind; green also logs NEW ones that blue never does.
What a shape leaves out is told where the deck has to find it: the track from a pod's label or name, the level from the
line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
NAMESPACE, SERVICE = "support", "support-agent"
LINES, KNOWN, NEW = 20, 3, 6
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the program: INFO, or an error with its exception."""

    at: datetime
    track: str
    number: int
    error: str = ""

    @property
    def text(self) -> str:
        return f"{self.error} after {self.number} s" if self.error else f"run finished in {self.number} ms"

    @property
    def level(self) -> str:
        return "ERROR" if self.error else "INFO"

    @property
    def pod(self) -> str:
        return f"{SERVICE}-{self.track}-5f6d9c8b7d-x{self.number % 2}z2k"

    @property
    def time(self) -> str:
        return self.at.isoformat().replace("+00:00", "Z")


def lines() -> Iterator[Line]:
    """The newest is an error of the new kind."""
    for track in ("blue", "green"):
        for number in range(LINES):
            error = ""
            if number < KNOWN:
                error = "tool get_weather failed: upstream timed out"
            elif track == "green" and number < KNOWN + NEW:
                error = "ledger is corrupt: entries lost"
            seconds = 10 + 20 * number if not (track == "green" and number == KNOWN) else 1
            yield Line(at=NOW - timedelta(seconds=seconds), track=track, number=number, error=error)


def _kubernetes(line: Line, **more: Any) -> Json:
    return {"namespace": NAMESPACE, "pod": {"name": line.pod}, "container": {"name": "app"}, **more}


def filebeat(line: Line) -> Json:
    """ecs-logging, parsed into the root, with the pod's labels. Keys have dots, as the library writes them."""
    error = (
        {"error": {"type": "TimeoutError", "message": line.error, "stack_trace": "Traceback ..."}} if line.error else {}
    )
    labels = {"app": SERVICE, "tealdeck_io/track": line.track}
    return {
        "@timestamp": line.time,
        "log.level": line.level.lower(),
        "message": line.text,
        "log": {"logger": "support.agent"},
        **error,
        "service": {"name": SERVICE, "version": "2.3.1"},
        "kubernetes": _kubernetes(line, labels=labels),
        "agent": {"type": "filebeat"},
    }


def elastic_agent(line: Line) -> Json:
    """kubernetes.container_logs: nobody parsed the line, and there is no field for the level."""
    return {
        "@timestamp": line.time,
        "message": f"{line.time} {line.level} support.agent {line.text}",
        "stream": "stderr" if line.error else "stdout",
        "kubernetes": _kubernetes(line, labels={"app": SERVICE}, deployment={"name": f"{SERVICE}-{line.track}"}),
        "container": {"id": "c1"},
    }


def collector(line: Line) -> Json:
    """An OpenTelemetry collector in OTel's own shape."""
    names = {"service.name": SERVICE, "k8s.namespace.name": NAMESPACE, "k8s.pod.name": line.pod}
    return {
        "@timestamp": line.time,
        "body": {"text": line.text},
        "severity_text": line.level,
        "severity_number": 17 if line.error else 9,
        "resource": {"attributes": {**names, "tealdeck.track": line.track}},
        "scope": {"name": "support.agent"},
    }


def collector_structured(line: Line) -> Json:
    """The same of a program that logs trees, and gives the level as a number alone."""
    document = collector(line)
    del document["severity_text"]
    return {**document, "body": {"structured": {"event": line.text, "run": {"number": line.number}}}}


def fluent_bit(line: Line) -> Json:
    """Logstash_Format, with the Kubernetes filter: the line in `log`, and nothing but the pod tells the track."""
    return {
        "@timestamp": line.time,
        "stream": "stderr",
        "log": f"{line.level} {line.text}",
        "level": "err" if line.error else "info",
        "kubernetes": {
            "pod_name": line.pod,
            "namespace_name": NAMESPACE,
            "container_name": "app",
            "labels": {"app": SERVICE},
        },
    }


def json_in_message(line: Line) -> Json:
    """A JSON line that nobody parsed, with numbers for levels, and a pod's name alone."""
    said = {"level": 50 if line.error else 30, "time": line.number, "msg": line.text}
    return {"@timestamp": line.time, "message": json.dumps(said), "kubernetes": _kubernetes(line)}


def original(line: Line) -> Json:
    """An ingest pipeline that kept the line as event.original, in logfmt, beside an own word for the level."""
    said = f'level={"error" if line.error else "info"} msg="{line.text}" run={line.number}'
    word = "SEVERE" if line.error else "Notice"
    labels = {"app_kubernetes_io/name": SERVICE, "tealdeck_io/track": line.track}
    return {
        "@timestamp": line.time,
        "event": {"original": said},
        "log": {"level": word},
        "kubernetes": _kubernetes(line, labels=labels),
    }


SHAPES: Mapping[str, tuple[str, Callable[[Line], Json]]] = {
    "Filebeat with ecs-logging": ("filebeat-9.5.3", filebeat),
    "Elastic Agent, an unparsed line": ("logs-kubernetes.container_logs-default", elastic_agent),
    "OpenTelemetry collector": ("logs-generic.otel-default", collector),
    "OpenTelemetry collector, a structured body": ("logs-structured.otel-default", collector_structured),
    "fluent-bit": ("logstash-support", fluent_bit),
    "JSON in the message": ("logs-json-default", json_in_message),
    "event.original": ("logs-original-default", original),
}
