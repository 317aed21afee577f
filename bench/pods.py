"""10,000 pods as the deck has them: how long the list takes to come into memory, how much, and how soon a change shows.

The API server is the one-machine environment's, in a process of its own; the pods are read in another, which holds
nothing else, by the informer that all pages read from.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psutil

from bench.cluster import api_server, make_pods
from bench.limits import Figure, report
from connectors.kubernetes import Kubernetes
from dashboard.queries.informer import Informer

NAMESPACE = "default"
PATIENCE_SECONDS = 60.0


def main(arguments: Sequence[str]) -> int:
    """Measures, prints each figure beside its limit, and ends with 1 where one is not held."""
    parser = argparse.ArgumentParser(prog="python -m bench pods", description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=20)
    options = parser.parse_args(arguments)
    with api_server() as (kubeconfig, _), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as reader:
        asyncio.run(make_pods(kubeconfig, options.pods))
        return report(reader.submit(read, kubeconfig, options.pods, options.changes).result())


def read(kubeconfig: Path, pods: int, changes: int) -> list[Figure]:
    """The figures, in a process that holds nothing else."""
    cluster, process = Kubernetes(str(kubeconfig)), psutil.Process()
    cluster.version()  # the client library itself is no pod
    before = process.memory_full_info().uss
    began = time.perf_counter()
    informer = Informer(cluster, "pods", NAMESPACE)
    held = informer.reading(patience_seconds=PATIENCE_SECONDS).value or ()
    listed = time.perf_counter() - began
    grown = (process.memory_full_info().uss - before) / 2**20
    assert len(held) == pods, len(held)
    name = held[0]["metadata"]["name"]
    shown = [change(cluster, informer, name, str(number)) for number in range(changes)]
    informer.close()
    print(f"  a change shows after {1000 * statistics.median(shown):.0f} ms, at worst {1000 * max(shown):.0f} ms")
    return [
        Figure(name=f"{pods:,} pods listed into memory", value=listed, limit=3, unit="s"),
        Figure(name=f"memory that {pods:,} pods take", value=grown, limit=150, unit="MiB"),
        Figure(name="a change shows, at worst", value=max(shown), limit=1, unit="s"),
    ]


def change(cluster: Kubernetes, informer: Informer, name: str, mark: str) -> float:
    """Seconds from the order to change a pod until what pages read has it."""
    began = time.perf_counter()
    cluster.patch("pods", name, NAMESPACE, {"metadata": {"annotations": {"mark": mark}}})
    while True:
        held = informer.reading(patience_seconds=0).value or ()
        found = next(one["metadata"] for one in held if one["metadata"]["name"] == name)
        if found.get("annotations", {}).get("mark") == mark:
            return time.perf_counter() - began
        assert time.perf_counter() - began < PATIENCE_SECONDS, "the change never showed"
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
