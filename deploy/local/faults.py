"""Faults by name: what each does, where it shows, and the file that says which are on.

The reference workload, the proxy and the supervisor read that file every second. Other faults are brought about by the
command itself, in the cluster or in files, as a person would do it (`cluster_faults.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict

from deploy.local.errors import CommandError
from deploy.local.layout import read_json, write_whole

TRACKS = ("blue", "green", "both")
SOURCES = ("prometheus", "alertmanager", "elasticsearch", "kubernetes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One fault: what it does and where it can be seen. `by` is the option that selects its target."""

    about: str
    metrics: str
    logs: str = "nothing of its own"
    traces: str = "nothing of its own"
    cluster: str = "nothing"
    by: str = "track"
    ways: tuple[str, ...] = ()
    lasts: bool = False
    """Stays on when the environment is stopped and started, since it is part of the state on disk."""

    @property
    def shows(self) -> str:
        return f"metrics: {self.metrics}; logs: {self.logs}; traces: {self.traces}; cluster: {self.cluster}"


FAULTS = {
    "slow-agent": Kind(
        about="every step of an agent run takes several times as long; AgentLatencyHigh fires",
        metrics="run and model times over 3 s",
        traces="chat spans ten times as long",
    ),
    "errors": Kind(
        about="nearly a third of the agent runs fails; AgentErrorRatioHigh fires",
        metrics="runs by error_type, business failures",
        logs="an error for each failed run",
        traces="failed chat and execute_tool spans",
    ),
    "contract-violations": Kind(
        about="agents break their contracts; ContractViolationRatioHigh fires",
        metrics="violations of data-privacy, hand-overs to people",
        logs="an error for each broken clause",
        traces="failed evaluate_contract spans",
    ),
    "crash-loop": Kind(
        about="the agent runtime crashes soon after each start; PodCrashLooping fires",
        metrics="restarts, gaps in what the pods measure",
        logs="last words at error level",
        cluster="CrashLoopBackOff, events, pods not ready",
    ),
    "memory-leak": Kind(
        about="the agent runtime holds 16 MiB more each second until the node kills it at its limit",
        metrics="container memory as a saw, container_oom_events_total, restarts",
        logs="nothing: the end comes without a word",
        cluster="last termination OOMKilled, restarts",
    ),
    "cpu-burn": Kind(
        about="the agent runtime burns half a core beside its work",
        metrics="container CPU far over its request, runs a little slower",
        traces="spans a little longer",
    ),
    "cost-explosion": Kind(
        about="a run takes ten times the tokens in and three times out",
        metrics="tokens and USD a run several times as high, spend-limit violated",
        logs="violations of spend-limit",
        traces="gen_ai.usage.* and agentgov.agent.cost_usd of chat and invoke_agent spans",
    ),
    "stuck-queue": Kind(
        about="runs are taken in and not begun, until callers give up and the queue is full",
        metrics="queue depth and the age of its oldest grow, runs stop, then 503 and 504",
        logs="timeouts and refusals at error level",
        traces="failed invoke_workflow spans without a run below",
    ),
    "clock-skew": Kind(
        about="the agent runtime's clock is five minutes slow, for logs and spans",
        metrics="nothing: Prometheus uses its own clock",
        logs="lines dated five minutes back",
        traces="runs that begin before whoever asked for them",
    ),
    "log-flood": Kind(
        about="each pod of the agent runtime writes a thousand warnings a second",
        metrics="CPU of runtime, collector and log store",
        logs="one pattern drowns all others",
    ),
    "kill-switch": Kind(
        about="all agents are stopped by policy: each run is denied and handed over to people",
        metrics="agentgov_kill_switch_engaged 1, policy decisions deny by kill-switch, hand-overs to people",
        logs="audit lines kill-switch-engaged and run-denied",
        traces="invoke_agent spans that end at the decision",
        by="policy",
    ),
    "bad-release": Kind(
        about="a new version, worse in a way that is chosen, is rolled out on the track",
        metrics="those of the way that is chosen",
        logs="those of the way that is chosen",
        traces="those of the way that is chosen, under the new service.version",
        cluster="a new revision of the Deployment, other pods, version 1.9.0",
        ways=("errors", "latency", "violations", "cost"),
        lasts=True,
    ),
    "dead-source": Kind(
        about="a source is killed and stays away, or hangs",
        metrics="gaps while Prometheus is away, probe_success 0 of any other",
        logs="none while elasticsearch is away, delivered when it is back",
        traces="none while elasticsearch is away",
        cluster="unreadable while kubernetes is away",
        by="source",
        ways=("gone", "hangs"),
    ),
    "slow-source": Kind(
        about="a source is given the CPU for an eighth of the time, so it answers up to two seconds late",
        metrics="probe_duration_seconds of that source; of Prometheus itself, late scrapes",
        logs="later",
        traces="later",
        cluster="changes are seen later where it is kubernetes",
        by="source",
    ),
    "lossy-node": Kind(
        about="of the requests to pods of node-a, 15 % are reset on their way",
        metrics="component requests with code 502, business failures",
        logs="peers that answered 502, at error level",
        traces="failed spans of whoever asked",
        cluster="nothing: probes do not go that way",
        by="node",
    ),
    "no-endpoints": Kind(
        about="the selector of the governed Service matches no pod, so users reach no agent",
        metrics="no runs of users, component requests with code 503, business failures",
        logs="peers that answered 503, at error level",
        traces="failed invoke_workflow spans without a run below",
        cluster="an EndpointSlice of agent-runtime without endpoints, while all pods are ready",
        by="service",
        lasts=True,
    ),
    "unschedulable": Kind(
        about="all nodes are cordoned and a pod of the track is deleted: no node takes its successor",
        metrics="kube_deployment_status_replicas_available below the wanted number, kube_pod_status_phase Pending",
        cluster="a Pending pod with PodScheduled False and the scheduler's reason, FailedScheduling, cordoned nodes",
    ),
    "audit-unwritable": Kind(
        about="an audit cannot be written: the deck's own, or that of the governed system",
        metrics="of the governed system: agentgov_audit_write_lag_seconds grows, agentgov_audit_events_total stands",
        logs="of the governed system: no audit lines, an error for each record that waits; written when healed",
        cluster="nothing: the deck refuses every action",
        by="audit",
        ways=("deck", "governance"),
        lasts=True,
    ),
    "certificate-expiring": Kind(
        about="the API server shows a certificate that ends within three days",
        metrics="probe_ssl_earliest_cert_expiry of the API server",
        cluster="the new certificate at each new connection",
        by="server",
        lasts=True,
    ),
}  # fmt: skip


class Fault(TypedDict):
    """One fault that is on. Its target is a track or a source; `how` where there are several ways."""

    name: str
    since: str
    track: NotRequired[str]
    source: NotRequired[str]
    how: NotRequired[str]


def choose(name: str, *, track: str | None = None, source: str | None = None, how: str | None = None) -> Fault:
    """The fault that a person asked for, checked. Raises CommandError with the allowed values."""
    kind = _kind(name)
    for option, given in (("track", track), ("source", source)):
        if given and kind.by != option:
            raise CommandError(f"{name} is not chosen by {option}: leave --{option} out.")
    if kind.by == "source" and source not in SOURCES:
        raise CommandError(f"{name} needs --source, one of {', '.join(SOURCES)}.")
    if how and how not in kind.ways:
        raise CommandError(f"{name} knows no --how {how}. Its ways: {', '.join(kind.ways) or 'none'}.")
    fault = Fault(name=name, since="")
    if kind.by == "track":
        fault["track"] = track or "green"
    if source:
        fault["source"] = source
    if kind.ways:
        fault["how"] = how or kind.ways[0]
    return fault


def active(file: Path) -> list[Fault]:
    """The faults that are on."""
    return (read_json(file) or {"faults": []})["faults"]


def clear_last_run(file: Path) -> None:
    """At the start of an environment: switches off what lasts for one run only."""
    write_whole(file, {"faults": [fault for fault in active(file) if _kind(fault["name"]).lasts]})


def inject(file: Path, fault: Fault, now: datetime | None = None) -> None:
    """Switches a fault on. One that is on keeps its start time; another way of the same fault is replaced."""
    present = active(file)
    if any(target(one) == target(fault) and one.get("how") == fault.get("how") for one in present):
        return
    since = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    kept = [one for one in present if target(one) != target(fault)]
    write_whole(file, {"faults": [*kept, {**fault, "since": since}]})


def heal(file: Path, name: str | None = None) -> list[Fault]:
    """Switches a fault off wherever it is, or all of them; returns those that were on."""
    if name is not None:
        _kind(name)
    present = active(file)
    healed = [fault for fault in present if name in (None, fault["name"])]
    write_whole(file, {"faults": [fault for fault in present if fault not in healed]})
    return healed


def target(fault: Fault) -> tuple[str, str]:
    """Name and target of a fault: two with the same cannot be on at once."""
    return fault["name"], fault.get("track") or fault.get("source") or ""


def where(fault: Fault) -> str:
    """The target, for people; empty where there is only one."""
    who = fault.get("track") or fault.get("source") or ""
    return f"{who}, {fault['how']}" if who and "how" in fault else who


def _kind(name: str) -> Kind:
    if name not in FAULTS:
        raise CommandError(f"There is no fault called {name}. The faults: {', '.join(FAULTS)}.")
    return FAULTS[name]
