"""The kind of cause behind an alert: by name for our own rules, else by what the rule measures. Pure.

Other rules are understood by the metrics in their expression or, where the alert has no link to it, by the words of
name and summary. Where neither is understood, the alert is a kind of its own.
"""

from __future__ import annotations

import re

from dashboard.model.alert import Alert
from dashboard.model.incident import CauseFamily

_OURS = {
    "AgentErrorRatioHigh": CauseFamily.ERRORS,
    "AgentLatencyHigh": CauseFamily.LATENCY,
    "ContractViolationRatioHigh": CauseFamily.CONTRACTS,
    "PodCrashLooping": CauseFamily.PODS,
    "DeploymentBelowDesired": CauseFamily.PODS,
    "TargetDown": CauseFamily.BLIND,
}
# The first match counts: a quantile of run times names the same metric as the share of failed runs.
_MEASURED: tuple[tuple[str, CauseFamily], ...] = (
    (r"kill_?switch", CauseFamily.STOPPED),
    (r"contract|violation", CauseFamily.CONTRACTS),
    (r"queue|backlog|pending_tasks", CauseFamily.QUEUE),
    (r"audit", CauseFamily.AUDIT),
    (r"histogram_quantile|_duration_seconds_(?:sum|bucket)|:p\d\d|latency", CauseFamily.LATENCY),
    (r"component_requests|http_requests|code=~?\"5|status=~?\"5", CauseFamily.REQUESTS),
    (r"error|fail", CauseFamily.ERRORS),
    (r"cost|token", CauseFamily.COST),
    (r"kube_(?:pod|deployment|statefulset|daemonset|replicaset)|container_oom|container_memory", CauseFamily.PODS),
    (r"container_cpu", CauseFamily.CPU),
    (r"(?<![a-z_:])up(?![a-z_:])|probe_", CauseFamily.BLIND),
)
_SAID: tuple[tuple[str, CauseFamily], ...] = (
    (r"kill.?switch", CauseFamily.STOPPED),
    (r"violat|contract|slo.?compliance", CauseFamily.CONTRACTS),
    (r"queue|backlog", CauseFamily.QUEUE),
    (r"audit", CauseFamily.AUDIT),
    (r"latenc|slow|\bp9[059]|duration|quantile", CauseFamily.LATENCY),
    (r"crash|oom|out.?of.?memory|restart|replica|unschedul|evict|\bpods?\b|pod(?=[A-Z])|deployment", CauseFamily.PODS),
    (r"cost|spend|token", CauseFamily.COST),
    (r"\bcpu|throttl", CauseFamily.CPU),
    (r"error|fail|5xx|success", CauseFamily.ERRORS),
)


def is_ours(alert: Alert) -> bool:
    """Whether the rule is one of Tealdeck's own, whose summary heads the incident best."""
    return alert.name in _OURS or is_burn(alert)


def is_burn(alert: Alert) -> bool:
    """Whether it is a burn-rate alert: the alert on the fault itself makes the better headline."""
    return alert.name.startswith("ErrorBudgetBurns")


def family(alert: Alert) -> CauseFamily:
    """The kind of cause that an alert points to; a burning budget belongs to what burns it."""
    if is_burn(alert):
        return CauseFamily.CONTRACTS if alert.labels.get("slo") == "contract-compliance" else CauseFamily.ERRORS
    if alert.name in _OURS:
        return _OURS[alert.name]
    if alert.expression:
        measured = _first(_MEASURED, alert.expression)
        if measured is not CauseFamily.OTHER:
            return measured
    # Names run words together: HighErrorRate, pod_oom_killed.
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", alert.name)
    named = _first(_SAID, words)
    return named if named is not CauseFamily.OTHER else _first(_SAID, alert.annotations.get("summary", ""))


def _first(table: tuple[tuple[str, CauseFamily], ...], text: str) -> CauseFamily:
    return next((kind for pattern, kind in table if re.search(pattern, text, re.IGNORECASE)), CauseFamily.OTHER)
