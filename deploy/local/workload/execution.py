"""Walks a plan: sleeps the simulated time, and measures, counts and traces each model call, tool call and inner run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.local.workload.agents import Agent, Model
from deploy.local.workload.metrics import AgentMetrics
from deploy.local.workload.planning import Delegation, ModelCall, Step, ToolCall
from deploy.local.workload.spans import CLIENT, Span, Trace


@dataclass(slots=True)
class Tally:
    """What a run used up and stumbled over, with the runs that it handed out."""

    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    retries: int = 0
    recovered: bool = True
    """Whether the last tool call went well."""
    is_rate_limited: bool = False
    """Whether the last model call was turned away, so that the next one is a retry."""

    def add(self, inner: Tally) -> None:
        """What a delegate used up is on the account of whoever handed it out; its stumbles are its own."""
        self.cost_usd += inner.cost_usd
        self.input_tokens += inner.input_tokens
        self.output_tokens += inner.output_tokens


class Walk:
    """One trace's way through the plans of its agents."""

    def __init__(self, metrics: AgentMetrics, trace: Trace, version: str) -> None:
        self._metrics, self._trace, self._version = metrics, trace, version

    async def take(self, agent: Agent, steps: Sequence[Step], span: Span) -> Tally:
        """The steps one after the other; `span` is that of the agent's run."""
        tally, metrics = Tally(), self._metrics
        for step in steps:
            match step:
                case ModelCall():
                    await self._call_model(agent, step, span, tally)
                case ToolCall():
                    await self._call_tool(agent, step, span, tally)
                case Delegation():
                    tally.add(await self._delegate(agent, step, span))
        metrics.inference_calls.labels(agent.name).observe(tally.model_calls)
        metrics.tool_calls.labels(agent.name).observe(tally.tool_calls)
        return tally

    async def _delegate(self, agent: Agent, part: Delegation, above: Span) -> Tally:
        """A run of another agent, measured as a run of its own."""
        started = time.perf_counter()
        with self._trace.span(f"invoke_agent {part.agent.name}", parent=above) as span:
            tally = await self.take(part.agent, part.steps, span)
            span.attributes = run_attributes(part.agent, self._version, tally)
            span.attributes["agentgov.delegated_by"] = agent.name
            span.error = part.error_type
        labels = (part.agent.name, "invoke_agent", part.error_type)
        self._metrics.runs.labels(*labels).observe(time.perf_counter() - started)
        return tally

    async def _call_model(self, agent: Agent, call: ModelCall, above: Span, tally: Tally) -> None:
        model, metrics = agent.model, self._metrics
        cost_usd = model.cost_usd(call.input_tokens, call.output_tokens)
        with self._trace.span(f"chat {model.name}", CLIENT, above) as span:
            await asyncio.sleep(call.seconds)
            span.attributes = _chat_attributes(agent, call, cost_usd)
            span.error = call.error_type
        metrics.model_calls.labels("chat", model.provider, model.name, call.error_type).observe(call.seconds)
        metrics.first_chunk.labels(model.name).observe(call.first_token_seconds)
        if model.source == "local":
            metrics.first_token.labels(model.name).observe(call.first_token_seconds)
        _count_tokens(metrics, model, call)
        metrics.cost.labels(agent.name, model.name, model.source).inc(cost_usd)
        if tally.is_rate_limited:
            metrics.retries.labels(agent.name, "rate_limited").inc()
        tally.is_rate_limited = call.error_type == "rate_limited"
        tally.cost_usd += cost_usd
        tally.input_tokens += call.input_tokens
        tally.output_tokens += call.output_tokens
        tally.model_calls += 1

    async def _call_tool(self, agent: Agent, call: ToolCall, above: Span, tally: Tally) -> None:
        with self._trace.span(f"execute_tool {call.tool.name}", parent=above) as span:
            await asyncio.sleep(call.seconds)
            span.attributes = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": call.tool.name,
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.id": f"call_{span.context.span_id}",
                "gen_ai.agent.name": agent.name,
            }
            span.error = call.error_type
        self._metrics.tools.labels(call.tool.name, agent.name, call.error_type).observe(call.seconds)
        tally.tool_calls += 1
        if tally.tool_errors and not tally.recovered:
            tally.retries += 1
            self._metrics.retries.labels(agent.name, "tool_error").inc()
        if call.error_type:
            tally.tool_errors += 1
        tally.recovered = not call.error_type


def run_attributes(agent: Agent, version: str, tally: Tally) -> dict[str, Any]:
    """What every span of an agent's run says."""
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": agent.name,
        "gen_ai.agent.version": version,
        "gen_ai.provider.name": agent.model.provider,
        "gen_ai.request.model": agent.model.name,
        "gen_ai.usage.input_tokens": tally.input_tokens,
        "gen_ai.usage.output_tokens": tally.output_tokens,
        "agentgov.agent.cost_usd": round(tally.cost_usd, 6),
        "agentgov.agent.retries": tally.retries,
    }


def _count_tokens(metrics: AgentMetrics, model: Model, call: ModelCall) -> None:
    metrics.tokens.labels("input", model.name, model.provider).observe(call.input_tokens)
    if call.output_tokens:
        metrics.tokens.labels("output", model.name, model.provider).observe(call.output_tokens)


def _chat_attributes(agent: Agent, call: ModelCall, cost_usd: float) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": agent.model.provider,
        "gen_ai.request.model": agent.model.name,
        "gen_ai.response.model": agent.model.name,
        "gen_ai.agent.name": agent.name,
        "gen_ai.usage.input_tokens": call.input_tokens,
        "gen_ai.usage.output_tokens": call.output_tokens,
        "gen_ai.usage.cost.amount": round(cost_usd, 6),
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.response.finish_reasons": ["error" if call.error_type else "stop"],
    }
