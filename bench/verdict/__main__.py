"""`python -m bench.verdict [--help]`."""

from __future__ import annotations

import sys

from bench.verdict import main

sys.exit(main(sys.argv[1:]))
