"""Can the deck be trusted here: does each source answer, and does what it holds fit what the pages read?

Exit codes: 0 every source that the settings name answers and nothing lacks that could be mended, 1 a source does not
answer, 2 asked wrongly, 3 a metric is there under another name or without a label, failures are told in a way that is
not counted or not understood, the pattern of the logs matches no
index or one that lacks a field, a governed Service lacks something, the cluster refuses a right, or a source has
another time. What nobody measures is told and does not count, nor do traces and audit records that nobody writes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from dashboard.cli import environment
from dashboard.decide.telling import told_words
from dashboard.model.health import SourceHealth, clock_is_off, clock_words
from dashboard.model.reading import Reading, Unit
from dashboard.model.telemetry import ConceptCheck, Fit
from dashboard.model.written import number
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.breaker import NOT_ASKED, utc_now
from dashboard.queries.fit import retention_says
from dashboard.queries.sources import FitAnswer, SourcesAnswer, fit, sources
from dashboard.queries.suggestion import suggested
from dashboard.settings import text_of

PATIENCE_SECONDS = 10.0
_MOST_BLINDS = 3
_MOST_STREAMS = 6
HELP = "whether each source answers and fits; --suggest writes settings"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    environment.add(parser)
    parser.add_argument("--json", action="store_true", help="all of it as JSON on one line")
    parser.add_argument(
        "--suggest", action="store_true", help="your settings file with the lines that it lacks, on standard output"
    )


def run(options: argparse.Namespace) -> int:
    """Ask each source once, print, and answer with the exit code."""
    chosen = environment.chosen(options)
    ask = build_ask(chosen)
    try:
        found = _settled(ask)
        fitting = fit(ask, found)
        if options.suggest:
            return _suggested(ask, text_of(options.settings))
    finally:
        ask.close()
    if options.json:
        print(json.dumps(_document(found, fitting), default=str))
    else:
        print("\n".join((_table(found), *_fit(fitting, ask.environment.retention_days))))
    return _code(found, fitting)


def _suggested(ask: Ask, file: str) -> int:
    text = suggested(ask, file)
    if text.value is None:
        print(f"nothing can be suggested: {text.reason}", file=sys.stderr)
        return 1
    print(text.value, end="")
    return 0


def _code(found: SourcesAnswer, fitting: FitAnswer) -> int:
    if any(source.reachable is False for source in found.health):
        return 1
    mendable = (Fit.DOUBTED, Fit.RENAMED, Fit.UNLABELLED, Fit.UNFIT)
    lacks = any(one.standing in mendable for one in found.concepts.value or ())
    lacks |= any(one.says for one in found.services.value or ()) or bool(fitting.refused.value)
    lacks |= any(one.value.is_wrong for one in fitting.logs.values() if one.value)
    lacks |= any(clock_is_off(one.clock_ahead_seconds) for one in found.health if one.clock_ahead_seconds is not None)
    return 3 if lacks else 0


def _settled(ask: Ask) -> SourcesAnswer:
    """What is known when each source has answered or failed; a busy one is given PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = sources(ask, utc_now())
        open_ones = [one for one in found.health if one.reachable is None and one.reason == NOT_ASKED]
        nameless = [one for one in found.health if one.reachable and not one.version]
        if time.monotonic() > deadline or not (open_ones or nameless):
            return found
        time.sleep(0.2)


def _document(found: SourcesAnswer, fitting: FitAnswer) -> dict[str, Any]:
    missing = [asdict(metric) for metric in found.missing.value or ()]
    return {
        "sources": [asdict(source) for source in found.health],
        "missing_metrics": missing,
        "missing_metrics_state": found.missing.state,
        "concepts": [asdict(one) for one in found.concepts.value or ()],
        "concepts_state": found.concepts.state,
        "services": [
            {"namespace": one.namespace, "name": one.name, "says": one.says, "commands": one.commands}
            for one in found.services.value or ()
        ],
        "services_state": found.services.state,
        "logs": {
            stream: {"state": one.state, "reason": one.reason, **(asdict(one.value) if one.value else {})}
            for stream, one in fitting.logs.items()
        },
        "refused_rights": [str(one) for one in fitting.refused.value or ()],
        "refused_rights_state": fitting.refused.state,
        "retention": fitting.retention.value,
    }


def _table(found: SourcesAnswer) -> str:
    lines = [_line(source) for source in found.health]
    lines += _concepts(found.concepts)
    if found.services.value is None:
        lines.append(f"governed Services: {found.services.reason}")
    for service in found.services.value or ():
        said = "; ".join(service.says) or "can be judged and switched"
        lines.append(f"{service.namespace}/{service.name}: {said}")
        lines += [f"{'':<22}run: {command}" for command in service.commands]
    if found.services.value == ():
        lines.append("governed Services: none in these namespaces, neither by its label nor by name in the settings")
    return "\n".join(lines)


def _fit(fitting: FitAnswer, wanted_days: int) -> Iterator[str]:
    for stream, reading in fitting.logs.items():
        if reading.value is None:
            yield f"{stream}: {reading.reason}"
            continue
        matched = ", ".join(reading.value.matched[:_MOST_STREAMS]) or "nothing"
        yield f"{stream}: {reading.value.pattern} matches {matched}"
        yield from (f"{'':<22}{said}" for said in reading.value.says)
    if fitting.refused.value is None:
        yield f"rights: {fitting.refused.reason}"
    elif fitting.refused.value:
        yield "rights: the cluster refuses what follows; `python -m dashboard rights --ask` prints a patch of the Role"
        yield from (f"{'':<22}{one}" for one in fitting.refused.value)
    else:
        yield "rights: everything that the deck does is permitted"
    if said := retention_says(fitting.retention, wanted_days):
        yield f"retention: prometheus {said}"


def _concepts(reading: Reading[tuple[ConceptCheck, ...]]) -> Iterator[str]:
    if reading.value is None:
        yield f"metrics: {reading.reason}"
    for one in reading.value or ():
        if one.standing is Fit.PRESENT:
            yield f"{one.key:<22}present: {one.metric}{f', {one.says}' if one.says else ''}"
            yield from (f"{'':<22}{said}" for said in told_words(one.told))
            continue
        yield f"{one.key:<22}{one.standing}: {one.says}"
        yield from (f"{'':<22}{said}" for said in told_words(one.told))
        yield from (f"{'':<22}write: {line}" for line in one.lines)
        if one.blinds:
            yield f"{'':<22}without it the deck cannot show {'; '.join(one.blinds[:_MOST_BLINDS])}"


def _line(source: SourceHealth) -> str:
    if source.reachable is None:
        state = source.reason
    elif source.reachable:
        took = "" if source.latency_seconds is None else f" in {number(source.latency_seconds, Unit.SECONDS)}"
        version = f", version {source.version}" if source.version else ""
        ahead = source.clock_ahead_seconds
        clock = f", but {clock_words(ahead)}" if ahead is not None and clock_is_off(ahead) else ""
        state = f"answers{took}{version}{clock}"
    else:
        state = f"does not answer: {source.reason}"
    return f"{source.source:<14}{state}"
