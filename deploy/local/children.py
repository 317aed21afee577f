"""The processes of the environment: commands, dependencies and readiness URLs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.configuration import ENVIRONMENT
from deploy.local.layout import REPOSITORY, Layout
from deploy.local.ports import Addresses
from deploy.local.programs import Programs

LOAD = "load"
HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process: its command, its dependencies, and the URL that answers 200 when it is ready ("": at once).

    A process that is not ready after `patience_seconds` has failed.
    """

    name: str
    command: tuple[str, ...]
    ready: str = ""
    after: tuple[str, ...] = ()
    folder: Path = REPOSITORY
    patience_seconds: float = 60.0


def children(layout: Layout, addresses: Addresses, programs: Programs, *, dashboard: bool) -> list[Child]:
    """All processes but the load generator."""
    listen, url, kubeconfig = addresses.listen, addresses.url, ("--kubeconfig", str(layout.kubeconfig))
    found = [
        Child(
            name="apiserver",
            command=_ours("apiserver", "--listen", listen["apiserver"], "--state", str(layout.root / "apiserver"),
                          "--service-cidr", addresses.service_cidr, *kubeconfig),
            ready=f"{url('apiserver')}/readyz",
        ),
        Child(
            name="controllers",
            command=_ours("controllers", *kubeconfig, "--metrics-listen", listen["controllers"]),
            ready=f"{url('controllers')}/healthz",
            after=("apiserver",),
        ),
        Child(
            name="node",
            command=_ours("node", *kubeconfig,
                          *(f"--node={name}={network}" for name, network in addresses.pod_cidrs.items()),
                          "--listen", listen["node"], "--root", str(layout.root / "node"),
                          "--env", f"TEALDECK_FAULTS_FILE={layout.faults}",
                          "--env", f"TEALDECK_TASKS_DIR={layout.root / 'tasks'}",
                          "--env", f"OTEL_EXPORTER_OTLP_ENDPOINT={url('collector')}"),
            ready=f"{url('node')}/healthz",
            after=("apiserver",),
        ),
        Child(
            name="proxy",
            command=_ours("proxy", *kubeconfig, "--listen-metrics", listen["proxy"], "--faults", str(layout.faults)),
            ready=f"{url('proxy')}/healthz",
            after=("apiserver",),
        ),
        Child(
            name="logstore",
            command=_ours("logstore", "--listen", listen["logstore"], "--data", str(layout.root / "logstore")),
            ready=f"{url('logstore')}/_cluster/health",
        ),
        Child(
            name="collector",
            command=_ours("collector", "--listen", listen["collector"], "--elasticsearch", url("logstore"),
                          "--pod-logs", str(layout.pod_logs), "--environment", ENVIRONMENT),
            ready=f"{url('collector')}/healthz",
            after=("logstore",),
        ),
        Child(
            name="probes",
            command=_ours("probes", "--listen", listen["probes"]),
            ready=f"{url('probes')}/healthz",
        ),
        Child(
            name="prometheus",
            command=(str(programs.prometheus), f"--config.file={layout.root / 'prometheus' / 'prometheus.yaml'}",
                     f"--storage.tsdb.path={layout.metrics}",
                     "--storage.tsdb.retention.time=15d", "--storage.tsdb.retention.size=2GB",
                     f"--web.listen-address={listen['prometheus']}", f"--web.external-url={url('prometheus')}"),
            ready=f"{url('prometheus')}/-/ready",
        ),
        Child(
            name="alertmanager",
            command=(str(programs.alertmanager), f"--config.file={layout.root / 'alertmanager' / 'alertmanager.yaml'}",
                     f"--storage.path={layout.root / 'alertmanager' / 'data'}", "--cluster.listen-address=",
                     f"--web.listen-address={listen['alertmanager']}", f"--web.external-url={url('alertmanager')}"),
            ready=f"{url('alertmanager')}/-/ready",
            folder=programs.alertmanager.parent,  # where a fetched one has its templates
        ),
    ]  # fmt: skip
    if dashboard:
        host, port = listen["dashboard"].split(":")
        command = (sys.executable, "-m", "streamlit", "run", "dashboard/asgi.py", "--server.headless=true",
                   f"--server.address={host}", f"--server.port={port}")  # fmt: skip
        found.append(Child(name="dashboard", command=command, ready=f"{url('dashboard')}/healthz"))
    return found


def load_generator(layout: Layout, rate: float, seed: int | None = None) -> Child:
    """Traffic at this rate in tasks a second; with a seed, the same at every start."""
    command = _ours("load", "--kubeconfig", str(layout.kubeconfig), "--rate", f"{rate:g}")
    command += () if seed is None else ("--seed", str(seed))
    return Child(name=LOAD, command=command)


def history(layout: Layout, addresses: Addresses, programs: Programs) -> Child:
    """The job that writes the environment's history."""
    command = _ours("history", "--plan", str(layout.history), "--prometheus-data", str(layout.metrics),
                    "--promtool", str(programs.promtool), "--elasticsearch", addresses.url("logstore"))  # fmt: skip
    return Child(name=HISTORY, command=command)


def environment(layout: Layout, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The children's environment variables: ours without proxies and settings of other environments."""
    kept = {
        key: value
        for key, value in inherited.items()
        if not key.lower().endswith("_proxy") and not key.startswith("TEALDECK__")
    }
    return {**kept, "TEALDECK_SETTINGS": str(layout.settings), "PYTHONUNBUFFERED": "1"}


def _ours(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"deploy.local.{module}", *arguments)
