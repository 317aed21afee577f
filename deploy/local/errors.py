"""The one error of the one-machine environment's commands: a sentence for the person, without a traceback."""

from __future__ import annotations


class CommandError(Exception):
    """What went wrong and how to mend it. The command prints it and ends with 1."""
