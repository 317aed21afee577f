"""Puts a component together with what it needs. The only place that knows all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, disable_created_metrics

from deploy.local.workload.gateway import Gateway
from deploy.local.workload.identity import Identity
from deploy.local.workload.logs import Log
from deploy.local.workload.orchestrator import Orchestrator
from deploy.local.workload.peers import Peers, open_session
from deploy.local.workload.policy import PolicyEngine
from deploy.local.workload.registry import ContractRegistry
from deploy.local.workload.runtime import AgentRuntime
from deploy.local.workload.server import Component, ComponentServer, Equipment
from deploy.local.workload.spans import SpanExporter

COMPONENTS: dict[str, Callable[[Equipment, Mapping[str, str]], Component]] = {
    "gateway": lambda equipment, environ: Gateway(equipment, environ.get("TEALDECK_TASKS_DIR", "")),
    "orchestrator": lambda equipment, environ: Orchestrator(equipment),
    "agent-runtime": lambda equipment, environ: AgentRuntime(
        equipment, environ.get("TEALDECK_FAULTS_FILE", ""), environ.get("TEALDECK_DEFECT", "")
    ),
    "policy-engine": lambda equipment, environ: PolicyEngine(equipment, environ.get("TEALDECK_FAULTS_FILE", "")),
    "contract-registry": lambda equipment, environ: ContractRegistry(equipment),
}


@asynccontextmanager
async def open_component(
    name: str,
    host: str,
    port: int,
    environ: Mapping[str, str],
    log: Log | None = None,
    linger_seconds: float = 0.5,
) -> AsyncIterator[tuple[ComponentServer, Log, int]]:
    """A serving component, its log and its port; on leaving it drains and stops.

    Raises:
        ListenError: the address cannot be listened on.
        ContractError: a contract document of the registry says nothing that can be evaluated.
    """
    disable_created_metrics()
    identity = Identity.from_environment(name, environ)
    log = log or Log(identity)
    spans = SpanExporter(
        identity,
        environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        clock=log.clock,
        on_trouble=lambda reason, dropped: log.warning(f"spans dropped: {reason}", spans_dropped=dropped),
    )
    async with open_session() as session:
        equipment = Equipment(identity, CollectorRegistry(), log, spans, Peers(session, environ))
        server = ComponentServer(COMPONENTS[name](equipment, environ), equipment)
        bound = await server.start(host, port)
        try:
            yield server, log, bound
        finally:
            await server.stop(linger_seconds)
