"""How often is the verdict wrong, and how soon is it right? Simulated releases, judged by ours and by others' rules."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the bench."""
    # What the worlds need takes a second to load, which other benches need not wait for.
    from bench.verdict.run import main as run

    return run(arguments)
