"""What the environment and the deck cost while nobody looks: CPU over a minute, memory at its end, by process.

Load runs at its default rate. CPU is read off the kernel's own accounting, so a busy machine does not change it much.
Memory is the proportional set size: pages that processes share are counted once.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil

from bench.environment import running


def main(arguments: Sequence[str]) -> int:
    """Prints a row for each part, and the sum."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".local"), help="state of a running environment")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    with running(options.state) as state:
        report(json.loads((state / "processes.json").read_text(encoding="utf-8")), options.seconds)
    return 0


def report(processes: Sequence[dict[str, object]], seconds: float) -> None:
    """CPU between two readings and memory at the second, of each process with its children."""
    roots = {str(process["name"]): psutil.Process(int(str(process["pid"]))) for process in processes}
    before = {name: _cpu_seconds(root) for name, root in roots.items()}
    began = time.monotonic()
    time.sleep(seconds)
    span = time.monotonic() - began
    cores: dict[str, float] = defaultdict(float)
    print(f"{'part':<14}{'cores':>8}{'MiB':>8}")
    memory = 0.0
    for name, root in roots.items():
        cores[name] = (_cpu_seconds(root) - before[name]) / span
        mib = _memory_mib(root)
        memory += mib
        print(f"{name:<14}{cores[name]:>8.3f}{mib:>8.0f}")
    print(f"{'together':<14}{sum(cores.values()):>8.3f}{memory:>8.0f}")


def _family(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def _cpu_seconds(root: psutil.Process) -> float:
    return sum(process.cpu_times().user + process.cpu_times().system for process in _family(root))


def _memory_mib(root: psutil.Process) -> float:
    return sum(process.memory_full_info().pss for process in _family(root)) / 2**20


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
