"""What the Resources page asks Prometheus: usage of containers against requests and limits, and restarts.

What the cluster itself knows (desired and ready pods, events) comes from the API server.
"""

from __future__ import annotations

from dashboard.catalog import recorded
from dashboard.catalog.counting import counted
from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit

# Series with an empty container or image are the pod's own cgroup; with them everything would count twice.
CONTAINER = 'namespace="$namespace", container!="", image!=""'
POD = 'namespace="$namespace"'
# Requests and limits of finished pods (completed, evicted) are still exported, but they hold nothing.
_OVER = f'(kube_pod_status_phase{{{POD}, phase=~"Succeeded|Failed"}} == 1)'


def _used(vector: str, by: str = "") -> str:
    """Summed over containers; a container that two jobs scrape counts once."""
    return _summed(f"max by (namespace, pod, container, id, cpu) ({vector})", by)


def _held(by: str = "") -> str:
    """Memory that containers hold now, summed. A dead container's last sample is seen for up to 5 minutes more.

    cAdvisor's samples have times of their own, so Prometheus does not notice when their series end. Of two samples of
    one container the newer one counts, and none that is 2 minutes behind the newest of all.
    """
    all_of = f"container_memory_working_set_bytes{{{CONTAINER}}}"
    newest = f"max by (namespace, pod, container) (timestamp({all_of})) > scalar(max(timestamp({all_of}))) - 120"
    living = f"{all_of} and (timestamp({all_of}) == on (namespace, pod, container) group_left () ({newest}))"
    return _summed(f"max by (namespace, pod, container) ({living})", by)


def _told(metric: str, resource: str, by: str = "") -> str:
    """What kube-state-metrics says about containers of living pods; several instances of it count once."""
    each = f'max by (namespace, pod, container) ({metric}{{{POD}, resource="{resource}"}})'
    return _summed(f"{each} unless on (namespace, pod) {_OVER}", by)


def _restarted(main: str, init: str) -> str:
    """Restarts of main and init containers, sidecars included; a restart that two jobs report counts once."""
    each = (f"max by (namespace, pod, container) ({grown})" for grown in (main, init))
    return f"round(sum ({' or '.join(each)}))"


def _summed(vector: str, by: str) -> str:
    return f"sum by ({by}) ({vector})" if by else f"sum ({vector})"


CPU = Expression(
    name="cpu_used",
    promql=_used(f"rate(container_cpu_usage_seconds_total{{{CONTAINER}}}[$window])"),
    recorded=recorded.mean(f"sum (namespace:container_cpu_usage:rate5m{{{POD}}})"),
    unit=Unit.CORES,
    blind="how much CPU the namespace takes",
)
CPU_REQUESTED = Expression(
    name="cpu_requested",
    promql=_told("kube_pod_container_resource_requests", "cpu"),
    recorded=f'sum (namespace:kube_pod_container_resource_requests:sum{{{POD}, resource="cpu"}})',
    unit=Unit.CORES,
    blind="how much CPU is set aside",
)
CPU_BY_POD = Expression(
    name="cpu_used_by_pod",
    promql=_used(f"rate(container_cpu_usage_seconds_total{{{CONTAINER}}}[$window])", "pod"),
    recorded=recorded.mean(f"sum by (pod) (pod:container_cpu_usage:rate5m{{{POD}}})"),
    unit=Unit.CORES,
    blind="which pod takes the CPU",
)
CPU_REQUESTED_BY_POD = Expression(
    name="cpu_requested_by_pod",
    promql=_told("kube_pod_container_resource_requests", "cpu", "pod"),
    unit=Unit.CORES,
    blind="what CPU each pod asked for",
)
MEMORY = Expression(
    name="memory_used",
    promql=_held(),
    recorded=f"sum (namespace:container_memory_working_set_bytes:sum{{{POD}}})",
    unit=Unit.BYTES,
    blind="how much memory the namespace takes",
)
MEMORY_LIMIT = Expression(
    name="memory_limit",
    promql=_told("kube_pod_container_resource_limits", "memory"),
    recorded=f'sum (namespace:kube_pod_container_resource_limits:sum{{{POD}, resource="memory"}})',
    unit=Unit.BYTES,
    blind="how much memory the namespace may take",
)
MEMORY_BY_POD = Expression(
    name="memory_used_by_pod",
    promql=_held("pod"),
    recorded=f"sum by (pod) (pod:container_memory_working_set_bytes:sum{{{POD}}})",
    unit=Unit.BYTES,
    blind="which pod takes the memory",
)
MEMORY_LIMIT_BY_POD = Expression(
    name="memory_limit_by_pod",
    promql=_told("kube_pod_container_resource_limits", "memory", "pod"),
    unit=Unit.BYTES,
    blind="which pod is near its memory limit",
)
THROTTLED = Expression(
    name="cpu_throttled",
    promql=(
        f"{_used(f'rate(container_cpu_cfs_throttled_periods_total{{{CONTAINER}}}[$window])')}"
        f" / ({_used(f'rate(container_cpu_cfs_periods_total{{{CONTAINER}}}[$window])')} > 0)"
    ),
    recorded=(
        f"{recorded.total(f'namespace:container_cpu_cfs_throttled_periods:rate5m{{{POD}}}')}"
        f" / ({recorded.total(f'namespace:container_cpu_cfs_periods:rate5m{{{POD}}}')} > 0)"
    ),
    unit=Unit.RATIO,
    blind="whether containers are held back by their CPU limit",
)
RESTARTS = Expression(
    name="container_restarts",
    **counted(
        _restarted,
        f"kube_pod_container_status_restarts_total{{{POD}}}",
        f"kube_pod_init_container_status_restarts_total{{{POD}}}",
    ),
    recorded=recorded.count(f"namespace:kube_pod_container_status_restarts:rate5m{{{POD}}}"),
    unit=Unit.COUNT,
    blind="how often containers died",
)
OUT_OF_MEMORY = Expression(
    name="out_of_memory_kills",
    **counted(lambda kills: f"round({_used(kills)})", f"container_oom_events_total{{{CONTAINER}}}"),
    recorded=recorded.count(f"namespace:container_oom_events:rate5m{{{POD}}}"),
    unit=Unit.COUNT,
    blind="how often a container was killed for its memory",
)
NODES_READY = Expression(
    name="nodes_ready",
    promql='sum (max by (node) (kube_node_status_condition{condition="Ready", status="true"}))',
    recorded="sum (cluster:kube_node_ready:sum)",
    unit=Unit.COUNT,
    blind="whether the nodes are there",
)
