"""One trace of 1,000 and of 10,000 spans, from the question to the HTML, beside a bare search of the store.

The log store is the one-machine environment's. The second look is a refresh: nothing has changed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from bench.limits import Figure, report
from bench.logstore import Program
from dashboard.decide.trace_rows import trace_rows
from dashboard.model.trace import WholeTrace
from dashboard.model.view import View
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.traces import trace
from dashboard.settings import Settings
from dashboard.ui import waterfall
from dashboard.ui.waterfall import Waterfall

STREAM = "traces-agentgov.otel-bench"
NAMESPACE = "bench"
LIMITS_SECONDS = {1_000: 1.0, 10_000: 3.0}
_CHUNK = 2_000


def main(arguments: Sequence[str]) -> int:
    """Measures, prints the figures beside their limits, and ends with 1 where one is not held."""
    argparse.ArgumentParser(prog="python -m bench traces", description=__doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-traces-") as folder:
        program = Program(Path(folder))
        url = f"http://{program.listen}"
        local: dict[str, Any] = {"namespace": NAMESPACE, "elasticsearch": {"url": url}}
        ask = build_ask(Settings.model_validate({"environments": {"local": local}}).environments["local"])
        try:
            return report([one for spans in LIMITS_SECONDS for one in figures(program, ask, url, spans)])
        finally:
            ask.close()
            program.stop()


def figures(program: Program, ask: Ask, url: str, spans: int) -> list[Figure]:
    """How long a trace takes, and its refresh, in seconds."""
    name = f"of-{spans}"
    _load(program, name, spans)
    body = {"query": {"term": {"trace_id": name}}, "size": spans, "sort": [{"@timestamp": "desc"}]}
    bare = _seconds(lambda: requests.post(f"{url}/{STREAM}/_search", json=body, timeout=60).raise_for_status())
    first = _seconds(lambda: _drawn(ask, name, spans))
    again = _seconds(lambda: _drawn(ask, name, spans))
    print(f"  {spans:,} spans: store {bare:.2f} s, page {first:.2f} s ({first / bare:.1f} times), again {again:.2f} s")
    limit = LIMITS_SECONDS[spans]
    return [
        Figure(name=f"a trace of {spans:,} spans", value=first, limit=limit, unit="s"),
        Figure(name=f"its refresh at {spans:,} spans", value=again, limit=limit / 2, unit="s"),
    ]


def _drawn(ask: Ask, name: str, spans: int) -> str:
    """The whole way of a page: question, tree, critical path, rows, waterfall."""
    found = trace(ask, View(env="local", ns=NAMESPACE, trace=name), datetime.now(UTC)).trace
    whole = found.value
    assert isinstance(whole, WholeTrace), found.reason
    assert whole.tree.recorded == spans
    rows = trace_rows(whole.tree, whole.path)
    return waterfall.html(Waterfall(tree=whole.tree, path=whole.path, rows=rows, link=lambda span: span, as_tree=False))


def _load(program: Program, name: str, spans: int) -> None:
    """A root with agents, models and tools below it, each of a length of its own."""
    begins = datetime.now(UTC) - timedelta(hours=1)
    documents = [_document(name, number, begins, spans) for number in range(spans)]
    for first in range(0, spans, _CHUNK):
        lines: list[dict[str, Any]] = []
        for one in documents[first : first + _CHUNK]:
            lines += [{"create": {"_id": f"{name}-{one['span_id']}"}}, one]
        answer = program.es.bulk(index=STREAM, operations=lines)
        assert not answer["errors"]
    program.es.indices.refresh(index=STREAM)


def _document(name: str, number: int, begins: datetime, spans: int) -> dict[str, Any]:
    parent = "" if not number else f"s{(number - 1) // 20}"
    seconds = 900.0 if not number else 0.01 + 800.0 / (number + 1)
    at = begins + timedelta(seconds=number * 90.0 / spans)
    kind = ("invoke_agent planner", "chat gpt-5", "execute_tool search")[number % 3]
    return {
        "@timestamp": at.isoformat(),
        "trace_id": name,
        "span_id": f"s{number}",
        **({"parent_span_id": parent} if parent else {}),
        "name": kind,
        "kind": "Internal",
        "duration": int(seconds * 1e9),
        "status": {"code": "Error" if number % 97 == 13 else "Ok"},
        "attributes": {"gen_ai": {"operation": {"name": kind.split()[0]}, "agent": {"name": "planner"}}},
        "resource": {"attributes": {"service.name": "agent-runtime", "k8s.namespace.name": NAMESPACE}},
    }


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
