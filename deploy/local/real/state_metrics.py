"""`python -m deploy.local.real.state_metrics`: what our controllers tell Prometheus, where real ones do the work.

It watches what they watch, serves what they serve (kube-state-metrics' names, the list of pods), and writes nothing.
"""

from __future__ import annotations

import sys

from deploy.local.controllers.__main__ import Controllers, serve
from deploy.local.controllers.queue import Queue


class Watching(Controllers):
    """The informers of the controllers without their work."""

    @property
    def queues(self) -> tuple[Queue, ...]:
        return ()


if __name__ == "__main__":
    sys.exit(serve("deploy.local.real.state_metrics", __doc__, Watching))
