"""Can the deck be trusted: does each source answer, how fast, as which version, and which metrics are missing?

Exit codes: 0 every source that the settings name answers, 1 one does not, 2 asked wrongly. Missing metrics are told and
do not count: a counter of failures begins with the first one.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from typing import Any

from dashboard.cli import environment
from dashboard.model.health import SourceHealth, clock_is_off, clock_words
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.breaker import NOT_ASKED
from dashboard.queries.sources import SourcesAnswer, sources

PATIENCE_SECONDS = 10.0
HELP = "whether each source answers, and which metrics are missing"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    environment.add(parser)
    parser.add_argument("--json", action="store_true", help="all of it as JSON on one line")


def run(options: argparse.Namespace) -> int:
    """Ask each source once, print, and answer with the exit code."""
    ask = build_ask(environment.chosen(options))
    try:
        found = _settled(ask)
    finally:
        ask.close()
    print(json.dumps(_document(found), default=str) if options.json else _table(found))
    return int(any(source.reachable is False for source in found.health))


def _settled(ask: Ask) -> SourcesAnswer:
    """What is known when each source has answered or failed; a busy one is given PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = sources(ask)
        open_ones = [one for one in found.health if one.reachable is None and one.reason == NOT_ASKED]
        nameless = [one for one in found.health if one.reachable and not one.version]
        if time.monotonic() > deadline or not (open_ones or nameless):
            return found
        time.sleep(0.2)


def _document(found: SourcesAnswer) -> dict[str, Any]:
    missing = [asdict(metric) for metric in found.missing.value or ()]
    return {
        "sources": [asdict(source) for source in found.health],
        "missing_metrics": missing,
        "missing_metrics_state": found.missing.state,
    }


def _table(found: SourcesAnswer) -> str:
    lines = [_line(source) for source in found.health]
    if found.missing.value is None:
        lines.append(f"metrics: {found.missing.reason}")
    lines += [
        f"not seen in the last hour: {metric.name}, without which nobody sees {'; '.join(metric.blinds)}"
        for metric in found.missing.value or ()
    ]
    return "\n".join(lines)


def _line(source: SourceHealth) -> str:
    if source.reachable is None:
        state = source.reason
    elif source.reachable:
        took = "" if source.latency_seconds is None else f" in {source.latency_seconds * 1000:.0f} ms"
        version = f", version {source.version}" if source.version else ""
        ahead = source.clock_ahead_seconds
        clock = f", but {clock_words(ahead)}" if ahead is not None and clock_is_off(ahead) else ""
        state = f"answers{took}{version}{clock}"
    else:
        state = f"does not answer: {source.reason}"
    return f"{source.source:<14}{state}"
