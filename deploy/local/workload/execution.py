"""Walks a plan: sleeps the simulated time, and measures, counts and traces each model and tool call."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from deploy.local.workload.agents import Model, ModelCall, Plan, ToolCall
from deploy.local.workload.metrics import AgentMetrics
from deploy.local.workload.spans import CLIENT, Span, Trace


@dataclass(slots=True)
class Tally:
    """What a run used up and stumbled over."""

    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    retries: int = 0
    recovered: bool = True


async def walk(plan: Plan, metrics: AgentMetrics, trace: Trace, run_span: Span) -> Tally:
    """Takes the plan's steps one after the other."""
    tally = Tally()
    for step in plan.steps:
        match step:
            case ModelCall():
                await _call_model(plan, step, metrics, trace, run_span, tally)
            case ToolCall():
                await _call_tool(plan, step, metrics, trace, run_span, tally)
    metrics.inference_calls.labels(plan.agent.name).observe(tally.model_calls)
    metrics.tool_calls.labels(plan.agent.name).observe(tally.tool_calls)
    return tally


async def _call_model(
    plan: Plan, call: ModelCall, metrics: AgentMetrics, trace: Trace, run_span: Span, tally: Tally
) -> None:
    model = plan.agent.model
    cost_usd = model.cost_usd(call.input_tokens, call.output_tokens)
    with trace.span(f"chat {model.name}", CLIENT, run_span) as span:
        await asyncio.sleep(call.seconds)
        span.attributes = _chat_attributes(plan, call, cost_usd)
        span.error = call.error_type
    labels = ("chat", model.provider, model.name, call.error_type)
    metrics.model_calls.labels(*labels).observe(call.seconds)
    metrics.first_chunk.labels(model.name).observe(call.first_token_seconds)
    _count_tokens(metrics, model, call)
    metrics.cost.labels(plan.agent.name, model.name, "local" if model.provider == "vllm" else "provider").inc(cost_usd)
    tally.cost_usd += cost_usd
    tally.input_tokens += call.input_tokens
    tally.output_tokens += call.output_tokens
    tally.model_calls += 1


def _count_tokens(metrics: AgentMetrics, model: Model, call: ModelCall) -> None:
    metrics.tokens.labels("input", model.name, model.provider).observe(call.input_tokens)
    if call.output_tokens:
        metrics.tokens.labels("output", model.name, model.provider).observe(call.output_tokens)


def _chat_attributes(plan: Plan, call: ModelCall, cost_usd: float) -> dict[str, Any]:
    model = plan.agent.model
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model.provider,
        "gen_ai.request.model": model.name,
        "gen_ai.response.model": model.name,
        "gen_ai.agent.name": plan.agent.name,
        "gen_ai.usage.input_tokens": call.input_tokens,
        "gen_ai.usage.output_tokens": call.output_tokens,
        "gen_ai.usage.cost.amount": round(cost_usd, 6),
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.response.finish_reasons": ["error" if call.error_type else "stop"],
    }


async def _call_tool(
    plan: Plan, call: ToolCall, metrics: AgentMetrics, trace: Trace, run_span: Span, tally: Tally
) -> None:
    with trace.span(f"execute_tool {call.tool.name}", parent=run_span) as span:
        await asyncio.sleep(call.seconds)
        span.attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.tool.name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{uuid.UUID(int=int(span.context.span_id, 16)).hex[16:]}",
            "gen_ai.agent.name": plan.agent.name,
        }
        span.error = call.error_type
    metrics.tools.labels(call.tool.name, plan.agent.name, call.error_type).observe(call.seconds)
    tally.tool_calls += 1
    if tally.tool_errors and not tally.recovered:
        tally.retries += 1
        metrics.retries.labels(plan.agent.name, "tool_error").inc()
    if call.error_type:
        tally.tool_errors += 1
    tally.recovered = not call.error_type
