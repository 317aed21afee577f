"""What the pods' processes use, measured, under cAdvisor's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds used so far and memory held now, by a process and its children."""

    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One running container."""

    namespace: str
    pod: str
    container: str
    image: str
    id: str
    usage: Usage
    out_of_memory: int


def measure(pid: int) -> Usage | None:
    """The use of a process and those it started; None when it is gone."""
    try:
        cpu, memory = 0.0, 0
        for one in _family(pid):
            process = psutil.Process(one)
            with process.oneshot():
                times = process.cpu_times()
                cpu += times.user + times.system + times.children_user + times.children_system
                memory += process.memory_info().rss
        return Usage(cpu, memory)
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def render(containers: Iterable[Measured]) -> str:
    """The text that Prometheus reads."""
    names = {
        "container_cpu_usage_seconds_total": ("counter", lambda one: one.usage.cpu_seconds),
        "container_memory_working_set_bytes": ("gauge", lambda one: one.usage.memory_bytes),
        "container_oom_events_total": ("counter", lambda one: one.out_of_memory),
    }
    found = list(containers)
    lines = []
    for name, (kind, value) in names.items():
        lines.append(f"# TYPE {name} {kind}")
        lines += [f"{name}{{{_labels(one)}}} {value(one):.10g}" for one in found]
    return "\n".join(lines) + "\n"


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants, from the kernel's own list: looking through all processes would cost too much."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _labels(one: Measured) -> str:
    pairs = {"namespace": one.namespace, "pod": one.pod, "container": one.container, "image": one.image, "id": one.id}
    return ",".join(f'{key}="{value}"' for key, value in pairs.items())
