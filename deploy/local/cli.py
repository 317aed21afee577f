"""The commands of the one-machine environment: what may be said, and who does it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from deploy.local import programs
from deploy.local.errors import CommandError


def main(arguments: Sequence[str]) -> int:
    """Runs one command; 0 if it did what was asked, 1 with one message if not."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="The one-machine environment.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("programs", help="find or fetch Prometheus and Alertmanager")
    command.set_defaults(run=_programs)
    return parser


def _programs(options: argparse.Namespace) -> None:
    found = programs.find()
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        print(f"{name:<14}{getattr(found, name)}")
