"""Logs and spans of single runs, in the shape that the collector gives live ones. Pure.

They take the collector's own way: a line as the workload writes it, a span as OTLP, and from there to a document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any

import orjson

from deploy.local.collector.documents import Document, Origin, line_id, log_document, span_documents
from deploy.local.configuration import ENVIRONMENT, NAMESPACE
from deploy.local.history import platform
from deploy.local.history.recipe import Past
from deploy.local.history.runs import Run, Step
from deploy.local.history.series import SERVICE
from deploy.local.workload.agents import Agent
from deploy.local.workload.identity import Identity
from deploy.local.workload.spans import CLIENT, INTERNAL, SERVER, Context, Span, attributes_otlp

LOGS = f"logs-agentgov.app.otel-{ENVIRONMENT}"
TRACES = f"traces-agentgov.otel-{ENVIRONMENT}"
_GRAVE = frozenset({"high", "critical"})
_HOP_SECONDS = 0.004  # what each component on the way adds

Entry = tuple[str, str, Document]


def entries(past: Past, run: Run) -> Iterator[Entry]:
    """Stream, id and document of everything that a run left."""
    trace = _Trace(past, run)
    if run.is_traced:
        for identity, span in trace.spans():
            scope = {"spans": [span.otlp()]}
            resource = {"attributes": attributes_otlp(dict(identity.resource()))}
            export = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
            for document_id, document in span_documents(export, ENVIRONMENT):
                yield TRACES, document_id, document
    for number, (level, message, attributes) in enumerate(_lines(run)):
        yield LOGS, *_log(trace, number, level, message, attributes)


@dataclass(slots=True)
class _Trace:
    """The spans of a run; their ids follow from the run's."""

    past: Past
    run: Run
    _made: int = 0
    _spans: list[tuple[Identity, Span]] = field(default_factory=list)

    def spans(self) -> list[tuple[Identity, Span]]:
        """All of them, the outermost first."""
        run, runtime = self.run, self.identity(SERVICE)
        parent, at, left = "", run.at, run.seconds
        if not run.synthetic:
            for component, path in (("gateway", "/v1/tasks"), ("orchestrator", "/v1/workflows")):
                left_here = left + 3 * _HOP_SECONDS
                parent = self._add(self.identity(component), f"POST {path}", SERVER, parent, at, left_here)
                at += _HOP_SECONDS
        parent = self._add(runtime, "POST /v1/runs", SERVER, parent, at, left + _HOP_SECONDS)
        said = self._agent(run.agent, run.steps) | {
            "gen_ai.conversation.id": run.id,
            "agentgov.task.outcome": run.outcome,
        }
        parent = self._add(runtime, f"invoke_agent {run.agent.name}", INTERNAL, parent, at, left, **said)
        for agent, part in groupby(run.steps, key=lambda step: step.agent):
            steps, above = tuple(part), parent
            if agent != run.agent:
                said = self._agent(agent, steps) | {"agentgov.delegated_by": run.agent.name}
                took = sum(step.seconds for step in steps)
                above = self._add(runtime, f"invoke_agent {agent.name}", INTERNAL, parent, at, took, error="", **said)
            for step in steps:
                name, kind = _call(step)
                self._add(runtime, name, kind, above, at, step.seconds, error=step.error_type, **_said(step))
                at += step.seconds
        for contract in dict.fromkeys(clause.contract for clause in run.violated):
            rules = [clause.rule for clause in run.violated if clause.contract == contract]
            said = {"agentgov.contract.name": contract, "agentgov.contract.outcome": "violation",
                    "agentgov.contract.rules": rules, "error.type": "contract_violation"}  # fmt: skip
            name = f"evaluate_contract {contract}"
            self._add(runtime, name, INTERNAL, parent, at, 0.0002, error="contract_violation", **said)
        return self._spans

    @property
    def span_id(self) -> str:
        """The span that log lines name: the agent's own."""
        return self._id(1 if self.run.synthetic else 3)

    def identity(self, component: str) -> Identity:
        track = self.run.track if component == SERVICE else ""
        pod = platform.pod_of(self.past, component, track, self.run.at)
        version = self.run.version if track else "1.7.4"
        return Identity(component=component, version=version, track=track, pod=pod, namespace=NAMESPACE)

    def _add(
        self, identity: Identity, name: str, kind: int, parent: str, at: float, seconds: float,
        *, error: str | None = None, **attributes: Any,
    ) -> str:  # fmt: skip
        context = Context(self.run.id, self._id(self._made), True)
        self._made += 1
        span = Span(name, kind, context, parent, round(at * 1e9), attributes, round((at + seconds) * 1e9))
        span.error = self.run.error_type if error is None else error
        self._spans.append((identity, span))
        return context.span_id

    def _id(self, number: int) -> str:
        return hashlib.blake2b(f"{self.run.id}/{number}".encode(), digest_size=8).hexdigest()

    def _agent(self, agent: Agent, steps: Sequence[Step]) -> dict[str, Any]:
        """What the run of an agent says; what it handed out is on its account."""
        return {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": agent.name,
            "gen_ai.agent.version": self.run.version,
            "gen_ai.provider.name": agent.model.provider,
            "gen_ai.request.model": agent.model.name,
            "gen_ai.usage.input_tokens": sum(step.input_tokens for step in steps),
            "gen_ai.usage.output_tokens": sum(step.output_tokens for step in steps),
            "agentgov.agent.cost_usd": round(
                sum(step.agent.model.cost_usd(step.input_tokens, step.output_tokens) for step in steps), 6
            ),
            "agentgov.agent.retries": max(0, sum(step.error_type == "unavailable" for step in steps) - 1),
        }


def _call(step: Step) -> tuple[str, int]:
    """The name and kind of a call's span."""
    if step.tool:
        return f"execute_tool {step.tool.name}", INTERNAL
    return f"chat {step.agent.model.name}", CLIENT


def _said(step: Step) -> dict[str, Any]:
    """What a call's span says."""
    common = {"gen_ai.agent.name": step.agent.name}
    if step.tool:
        return common | {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": step.tool.name,
                         "gen_ai.tool.type": "function"}  # fmt: skip
    return common | {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": step.agent.model.provider,
        "gen_ai.request.model": step.agent.model.name,
        "gen_ai.usage.input_tokens": step.input_tokens,
        "gen_ai.usage.output_tokens": step.output_tokens,
    }


def _lines(run: Run) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What the runtime wrote about a run: level, message, attributes."""
    agent = run.agent
    for clause in run.violated:
        level = "ERROR" if clause.severity in _GRAVE else "WARN"
        yield level, f"contract {clause.contract} violated: {clause.rule}", {
            "agentgov.contract.name": clause.contract,
            "agentgov.contract.rule": clause.rule,
            "agentgov.contract.severity": clause.severity,
            "gen_ai.agent.name": agent.name,
        }  # fmt: skip
    attributes: dict[str, Any] = {
        "gen_ai.agent.name": agent.name,
        "gen_ai.request.model": agent.model.name,
        "gen_ai.conversation.id": run.id,
        "outcome": run.outcome,
        "duration_seconds": round(run.seconds, 4),
    }
    if run.error_type:
        yield "ERROR", f"agent {agent.name} failed: {run.error_type}", attributes | {"error.type": run.error_type}
    elif not run.violated:
        yield "INFO", "agent run finished", attributes


def _log(trace: _Trace, number: int, level: str, message: str, attributes: dict[str, Any]) -> tuple[str, Document]:
    run, identity = trace.run, trace.identity(SERVICE)
    at = datetime.fromtimestamp(run.at + run.seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {
        "ts": at,
        "level": level,
        "message": message,
        "trace_id": run.id if run.is_traced else "",
        "span_id": trace.span_id if run.is_traced else "",
        "resource": identity.resource(),
        "attributes": attributes,
    }
    origin = Origin(namespace=NAMESPACE, pod=identity.pod, uid=_uid(identity.pod), container=SERVICE, run=0)
    offset = int(hashlib.blake2b(f"{run.id}/{number}".encode(), digest_size=7).hexdigest(), 16)
    return line_id(origin, offset), log_document(orjson.dumps(line).decode(), at, origin, ENVIRONMENT)


@cache
def _uid(pod: str) -> str:
    digest = hashlib.blake2b(pod.encode(), digest_size=16).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
