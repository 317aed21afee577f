"""A deck's process that is there to be killed: it runs one switch and says what becomes of it.

    python -m tests.act.doomed KUBECONFIG NAMESPACE AUDIT_FILE

It prints a line when the action is under way. At SIGTERM it does as the deck does: it lets the
action end, or leaves it.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from connectors.kubernetes import Kubernetes
from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk, utc_now
from dashboard.model.action import ActionId
from dashboard.model.verdict import Verdict
from tests.act.fakes import a_verdict
from tests.act.test_actions import a_switch

DRAIN_SECONDS = 1.0


def judge(namespace: str, service: str, action: ActionId) -> Verdict:
    """GO."""
    return a_verdict(utc_now())


def main(kubeconfig: str, namespace: str, audit: str) -> int:
    """Run the switch until it ends or a signal comes."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: told.set())
    desk = Desk(cluster=Kubernetes(kubeconfig), audit=AuditFile(Path(audit)), judge=judge)
    action = desk.submit(a_switch(namespace=namespace))
    print("begun", flush=True)
    while not told.wait(0.1):
        state = desk.state(action)
        if state is not None and not state.is_running:
            break
    desk.drain(DRAIN_SECONDS)
    state = desk.state(action)
    print(state.sentence if state else "unknown", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
