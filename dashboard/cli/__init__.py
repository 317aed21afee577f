"""The commands of `python -m dashboard`, one module each; a further one is a line in COMMANDS.

A module has `add(parser)`, which declares its arguments, and `run(options)`, which answers with the exit code. Exit
code 2 is for what was asked wrongly, settings included.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from dashboard.cli import audit, rights, sources, verdict
from dashboard.settings import SettingsError

USAGE = 2


class Command(Protocol):
    """One module of this folder."""

    HELP: str

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it and answer with the exit code."""


COMMANDS: dict[str, Command] = {
    "verdict": verdict,
    "sources": sources,
    "audit": audit,
    "rights": rights,
}


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    subcommands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add(subcommands.add_parser(name, help=command.HELP, description=command.__doc__))
    options = parser.parse_args(arguments)
    try:
        return COMMANDS[options.command].run(options)
    except SettingsError as error:
        print(f"settings: {error}", file=sys.stderr)
        return USAGE
