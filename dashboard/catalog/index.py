"""All entries of the catalogue, for the check of the sources and for tests."""

from __future__ import annotations

from dashboard.catalog import agent_ranks, agents, alerts, business, contracts, release, resources, service, triage
from dashboard.catalog.expression import Expression

_MODULES = (agents, agent_ranks, alerts, business, contracts, release, resources, service, triage)
ENTRIES: tuple[Expression, ...] = tuple(
    {
        entry.name: entry for module in _MODULES for entry in vars(module).values() if isinstance(entry, Expression)
    }.values()
)
