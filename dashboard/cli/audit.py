"""The audit file: does its chain of hashes hold (`verify`), and ship to the log store what it lacks (`ship`).

Exit codes of verify: 0 the chain holds, 1 the first fault and its line are named, 3 the file cannot be read.
Exit codes of ship: 0 the log store has every record, 1 it refused some, 3 it cannot be reached or the file cannot be
read. 2 asked wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from connectors.errors import SourceError
from dashboard.act.audit import AuditFile
from dashboard.act.desk import audit_of, outbox_of
from dashboard.act.shipped import ShippedFile
from dashboard.act.verify import Verification, verify
from dashboard.cli import environment

HELP = "verify the chain of the audit file, or ship what the log store lacks"
USAGE, UNKNOWN = 2, 3


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", choices=("verify", "ship"), help="what to do")
    environment.add(parser)
    parser.add_argument("--file", metavar="FILE", type=Path, help="verify this file instead, for example a copy")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on one line")


def run(options: argparse.Namespace) -> int:
    """Do it, print, and answer with the exit code."""
    if options.what == "ship":
        return _ship(options)
    audit = AuditFile(options.file) if options.file else audit_of(environment.chosen(options))
    try:
        if options.file and not options.file.exists():
            return _failed(f"{options.file}: no such file", USAGE)
        shipped = ShippedFile(audit).newest()
        found = verify(audit.lines(end=audit.size_at_rest()), shipped=shipped)
    except OSError as error:
        return _failed(f"{audit.path}: {error.strerror or error}", UNKNOWN)
    print(_as_json(audit.path, found) if options.json else _as_text(audit.path, found, shipped))
    return int(not found.holds)


def _ship(options: argparse.Namespace) -> int:
    chosen = environment.chosen(options)
    outbox = outbox_of(chosen, audit_of(chosen))
    if outbox is None:
        return _failed(f"the settings of {chosen.name} name no Elasticsearch", USAGE)
    try:
        outbox.ship_all()
        status = outbox.status()
    except (SourceError, OSError) as error:
        return _failed(str(error), UNKNOWN)
    if options.json:
        print(json.dumps(asdict(status)))
    elif status.refused:
        print(f"{chosen.audit_stream} refused {status.refused} of the records: {status.refusal}")
    else:
        print(f"{chosen.audit_stream} has every record of {status.file}")
    return int(status.refused > 0)


def _as_text(path: Path, found: Verification, shipped: tuple[int, str] | None) -> str:
    lines = [f"{path}: line {number} was cut short and holds no record" for number in found.torn_lines]
    if (finding := found.finding) is not None:
        fault = f"record {finding.seq} was {finding.fault}, line {finding.line}: {finding.reason}"
        return "\n".join([*lines, f"{path}: {fault}"])
    held = f"the chain of {found.records} records holds"
    if found.records and shipped is None:
        held += "; whether later ones were cut off is not known, since nothing was shipped from here"
    return "\n".join([*lines, f"{path}: {held}"])


def _as_json(path: Path, found: Verification) -> str:
    return json.dumps({"file": str(path), "holds": found.holds, **asdict(found)})


def _failed(why: str, code: int) -> int:
    print(why, file=sys.stderr)
    return code
