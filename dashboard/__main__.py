"""`python -m dashboard COMMAND`: what pipelines and people at a terminal use. Commands are in `cli/`."""

from __future__ import annotations

import sys

from dashboard.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
