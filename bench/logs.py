"""The first page of a million logs, with a histogram and facets over all of them, beside the store's own answer.

Both are the same search: once sent bare and read to its last byte, once asked as a page asks it, with everything that
makes entries and counts of it. The log store is the one-machine environment's, filled as `bench/logstore.py` fills it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from bench.limits import Figure, report
from bench.logstore import NAMESPACE, STREAM, Program, load
from connectors.elasticsearch import Elasticsearch
from dashboard.queries import search
from dashboard.queries.logs import LogReader
from dashboard.queries.request import Logs
from dashboard.queries.resolver import Resolver

BUDGET_SECONDS = 60.0
TERMS = ("severity", "service", "pod", "agent", "tool")


def main(arguments: Sequence[str]) -> int:
    """Measures, prints the figure beside its limit, and ends with 1 where it is not held."""
    parser = argparse.ArgumentParser(prog="python -m bench logs", description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as folder:
        program = Program(Path(folder))
        try:
            load(program, options.documents)
            program.es.indices.refresh(index=STREAM)
            return report([first_page(f"http://{program.listen}", options.documents, options.rounds)])
        finally:
            program.stop()


def first_page(url: str, documents: int, rounds: int) -> Figure:
    """The page's time as a multiple of the store's."""
    now = datetime.now(UTC)
    request = Logs(
        stream="logs",
        namespace=NAMESPACE,
        start=now - timedelta(hours=26),
        end=now,
        size=100,
        histogram_buckets=60,
        terms=TERMS,
    )
    elasticsearch = Elasticsearch(url)
    reader, bare, session = LogReader(elasticsearch), _bare(elasticsearch, request), requests.Session()
    session.trust_env = False

    def page(wanted: Logs) -> None:
        value = reader.page(STREAM, wanted, budget_seconds=BUDGET_SECONDS).value
        assert value is not None
        assert len(value.entries) == 100

    found = reader.page(STREAM, request, budget_seconds=BUDGET_SECONDS).value
    assert found is not None
    assert sum(count for _, count in found.histogram) == documents
    own, ours, widening = [], [], []
    for _ in range(rounds):
        own.append(_seconds(lambda: session.post(f"{url}/{STREAM}/_search", json=bare, timeout=60).raise_for_status()))
        ours.append(_seconds(lambda: page(request)))
        widening.append(_seconds(lambda: page(replace(request, widening=True))))
    for name, took in (("store", own), ("page", ours), ("page of a search that widens", widening)):
        print(f"  {name}: {1000 * statistics.median(took):.1f} ms", flush=True)
    ratio = statistics.median(ours) / statistics.median(own)
    return Figure(name=f"the first page of {documents:,} logs beside the store", value=ratio, limit=1.5, unit="times")


def _bare(elasticsearch: Elasticsearch, request: Logs) -> dict[str, Any]:
    """The search as it goes to the store."""
    fields = Resolver(elasticsearch).resolution(request.stream, STREAM)
    return {
        "query": search.query(request, fields),
        "size": request.size,
        "sort": search.sort(request, fields),
        "aggs": search.aggregations(request, fields, search.bucket_seconds(request)),
    }


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
