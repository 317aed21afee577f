"""The reference workload: a small agent system that is governed, measured and released like a real one.

Five components in one image: gateway -> orchestrator -> agent-runtime -> policy-engine and contract-registry.
Agents are simulated from a seed (time is slept, never burnt), contracts are evaluated for real. Names of metrics,
logs and spans are those of `deploy/monitoring/telemetry.md`.
"""
