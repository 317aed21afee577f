"""The configuration files of one environment, computed from the production ones so that both stay alike.

Rules, routes, inhibitions and relabelling are production's. Other are: addresses, intervals, who is told (nobody), and
the Kubernetes discovery, which Debian's Prometheus lacks; the controllers answer the same over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.local.errors import CommandError
from deploy.local.layout import REPOSITORY, Layout, write_whole
from deploy.local.ports import Addresses

MONITORING = REPOSITORY / "deploy" / "monitoring"
ENVIRONMENT = "local"
NAMESPACE = "agents"
_SCRAPE_SECONDS = 3
_RULES_SECONDS = 5
# Who answers here for a job that production scrapes at a fixed address or at the nodes.
_ANSWERS = {
    "kube-state-metrics": "controllers",
    "cadvisor": "node",
    "tealdeck": "dashboard",
    "otel-collector": "collector",
    "alertmanager": "alertmanager",
    "prometheus": "prometheus",
}
# What is asked from outside whether it answers, by the name that the deck has for it.
_PROBED = {
    "kubernetes": "https://{apiserver}/readyz",
    "elasticsearch": "http://{logstore}/_cluster/health",
    "alertmanager": "http://{alertmanager}/-/ready",
    "prometheus": "http://{prometheus}/-/ready",
}


def write_all(layout: Layout, addresses: Addresses, *, dashboard: bool) -> None:
    """Writes what the programs read at their start. Raises CommandError if production's files name what is unknown."""
    production = yaml.safe_load((MONITORING / "prometheus" / "prometheus.yaml").read_text())
    listen = {name: address for name, address in addresses.listen.items() if dashboard or name != "dashboard"}
    write_whole(
        layout.root / "prometheus" / "prometheus.yaml",
        yaml.safe_dump(prometheus(production, listen, MONITORING / "prometheus"), sort_keys=False),
    )
    routes = yaml.safe_load((MONITORING / "alertmanager" / "alertmanager.yaml").read_text())
    write_whole(
        layout.root / "alertmanager" / "alertmanager.yaml", yaml.safe_dump(alertmanager(routes), sort_keys=False)
    )
    write_whole(layout.settings, settings(layout, addresses))


def prometheus(production: Mapping[str, Any], listen: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Production's configuration with this environment's addresses; a job whose program is not started is left out.

    Args:
        listen: HOST:PORT of each server that is started.
        folder: where production's configuration lies, which its rule files are relative to.
    """
    jobs = (_job(job, listen) for job in production["scrape_configs"])
    return {
        **production,
        "global": {
            **production["global"],
            "scrape_interval": f"{_SCRAPE_SECONDS}s",
            "evaluation_interval": f"{_RULES_SECONDS}s",
        },
        "rule_files": [str(folder / pattern) for pattern in production["rule_files"]],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [listen["alertmanager"]]}]}]},
        "scrape_configs": [job for job in jobs if job],
    }


def _job(job: Mapping[str, Any], listen: Mapping[str, str]) -> dict[str, Any] | None:
    ours = {key: value for key, value in job.items() if key not in ("scheme", "authorization", "tls_config")}
    for rule in ours.get("relabel_configs", []):
        if rule.get("target_label") == "deployment_environment_name":
            rule["replacement"] = ENVIRONMENT
    discovery = ours.pop("kubernetes_sd_configs", [{}])[0]
    if discovery.get("role") == "pod":
        url = f"http://{listen['controllers']}/sd/pods"
        return {**ours, "http_sd_configs": [{"url": url, "refresh_interval": f"{_SCRAPE_SECONDS}s"}]}
    if job["job_name"] == "blackbox":
        del ours["relabel_configs"]
        return {**ours, "static_configs": list(_probed(listen))}
    if job["job_name"] not in _ANSWERS:
        raise CommandError(f"The scrape job {job['job_name']} is new: name its local counterpart in {__name__}.")
    target = listen.get(_ANSWERS[job["job_name"]])
    return {**ours, "static_configs": [{"targets": [target]}]} if target else None


def _probed(listen: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Each source as a target of the probes' one address, as production's relabelling makes it."""
    for source, url in _PROBED.items():
        labels = {"__param_target": url.format(**listen), "instance": source}
        yield {"targets": [listen["probes"]], "labels": labels}


def alertmanager(production: Mapping[str, Any]) -> dict[str, Any]:
    """Production's routes and inhibitions with receivers that tell nobody."""
    return {**production, "receivers": [{"name": receiver["name"]} for receiver in production["receivers"]]}


def settings(layout: Layout, addresses: Addresses) -> str:
    """The deck's settings for this environment, as a person would write them for production."""
    return f"""\
default_environment = "{ENVIRONMENT}"

[environments.{ENVIRONMENT}]
namespace = "{NAMESPACE}"
refresh_seconds = {_RULES_SECONDS}

[environments.{ENVIRONMENT}.prometheus]
url = "{addresses.url("prometheus")}"
scrape_interval_seconds = {_SCRAPE_SECONDS}

[environments.{ENVIRONMENT}.alertmanager]
url = "{addresses.url("alertmanager")}"

[environments.{ENVIRONMENT}.elasticsearch]
url = "{addresses.url("logstore")}"
logs = "logs-agentgov.app.otel-*"
traces = "traces-agentgov.otel-*"
audit = "logs-agentgov.audit-local"

[environments.{ENVIRONMENT}.kubernetes]
kubeconfig = {_quoted(layout.kubeconfig)}
context = ""

[environments.{ENVIRONMENT}.audit]
file = {_quoted(layout.audit)}
"""


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
