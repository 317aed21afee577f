"""`python -m bench [NAME ...]`: all measurements, or the named ones. Each ends by itself and prints its figures."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

BENCHES = {
    "pages": "how long each page takes until it is drawn, beside an empty one",
    "asking": "what lies between a page and its sources: requests of 50 viewers, a view at once, the connector",
    "pods": "10,000 pods: listed into memory, and how soon a change shows",
    "logs": "the first page of a million logs beside the store's own answer",
    "traces": "one trace of 1,000 and of 10,000 spans beside the store's own answer",
    "logstore": "a million logs: how fast they are taken, searched while more come, and back after a kill",
    "history": "how long a question over 14 days takes",
    "viewers": "memory of the deck while fifty people look around in it for ten minutes",
    "idle": "what the environment and the deck cost while nobody looks",
    "verdict": "how often a release is judged wrongly, and how soon rightly; takes half an hour on a busy machine",
}


def main(arguments: Sequence[str]) -> int:
    """Runs them in turn; 1 if one of them does not hold a limit of its own, else 0."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="\n".join(f"{name:<10}{about}" for name, about in BENCHES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - BENCHES.keys():
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    code = 0
    for name in options.names or BENCHES:
        print(f"\n## {name}: {BENCHES[name]}", flush=True)
        code = max(code, importlib.import_module(f"bench.{name}").main([]))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
