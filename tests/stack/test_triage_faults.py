"""Each fault of the one-machine environment has its card on top of Triage in time, with its cause, until healed.

Asked is what the page draws, `queries.triage`, with the settings of the environment's own deck.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from dashboard.act.desk import audit_of
from dashboard.model.audit import AuditStatus
from dashboard.model.incident import CauseFamily, Incident, Standing
from dashboard.model.view import View
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.triage import Triage, triage
from dashboard.settings import load
from dashboard.ui.history import audit_troubles
from deploy.local.layout import Layout
from tests.environment import Environment

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(600)]
IN_TIME_SECONDS = 60.0
# A Deployment that rolls out a bad version, and a pod that has to die of its memory first, take longer to be sick.
SLOW_SECONDS = 110.0
# The alert on restarts looks back over five minutes.
QUIET_SECONDS = 360.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The family of the card on top, words of its headline or reasons, and how it is brought about."""

    family: CauseFamily
    says: str
    options: tuple[str, ...] = ()
    seconds: float = IN_TIME_SECONDS


FAULTS: dict[str, tuple[str, Expected]] = {
    "kill-switch": ("kill-switch", Expected(family=CauseFamily.STOPPED, says="kill switch is engaged")),
    "stuck queue": ("stuck-queue", Expected(family=CauseFamily.QUEUE, says="agent-runtime on green completes")),
    "both queues stuck": (
        "stuck-queue",
        Expected(family=CauseFamily.QUEUE, says="agent-runtime on blue completes", options=("--track", "both")),
    ),
    "errors": ("errors", Expected(family=CauseFamily.ERRORS, says="agent-runtime on green fails")),
    "errors on the track of the users": (
        "errors",
        Expected(family=CauseFamily.ERRORS, says="agent-runtime on blue fails", options=("--track", "blue")),
    ),
    "contract violations": ("contract-violations", Expected(family=CauseFamily.CONTRACTS, says="green violates")),
    "slow agent": ("slow-agent", Expected(family=CauseFamily.LATENCY, says="green takes over")),
    "lossy node": ("lossy-node", Expected(family=CauseFamily.REQUESTS, says="502")),
    "log flood": ("log-flood", Expected(family=CauseFamily.LOGS, says="log lines a second")),
    "clock": ("clock-skew", Expected(family=CauseFamily.LOGS, says="is dated")),
    "no endpoints": ("no-endpoints", Expected(family=CauseFamily.UNSERVED, says="No pod serves agent-runtime")),
    "unschedulable": ("unschedulable", Expected(family=CauseFamily.PODS, says="nodes are available")),
    "audit of the governed system": (
        "audit-unwritable",
        Expected(family=CauseFamily.AUDIT, says="cannot be written", options=("--how", "governance")),
    ),
    "cost": ("cost-explosion", Expected(family=CauseFamily.COST, says="times as much as")),
    "CPU": ("cpu-burn", Expected(family=CauseFamily.CPU, says="of CPU")),
    "dead source": (
        "dead-source",
        Expected(family=CauseFamily.BLIND, says="Elasticsearch does not", options=("--source", "elasticsearch")),
    ),
    "slow source": (
        "slow-source",
        Expected(family=CauseFamily.BLIND, says="Kubernetes answers slowly", options=("--source", "kubernetes")),
    ),
    "certificate": ("certificate-expiring", Expected(family=CauseFamily.BLIND, says="certificate of kubernetes ends")),
    "bad release": (
        "bad-release",
        Expected(family=CauseFamily.ERRORS, says="green fails", options=("--how", "errors"), seconds=SLOW_SECONDS),
    ),
    "crash loop": ("crash-loop", Expected(family=CauseFamily.PODS, says="CrashLoopBackOff")),
    "memory": ("memory-leak", Expected(family=CauseFamily.PODS, says="OOMKilled", seconds=SLOW_SECONDS)),
}


class Page:
    """Triage as the environment's own deck would draw it."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        settings = load(Layout(environment.state).settings)
        chosen = settings.environments[settings.default_environment]
        self.ask: Ask = build_ask(chosen)
        self.view = View(env=chosen.name, ns=chosen.namespace)

    def now(self) -> Triage:
        return triage(self.ask, self.view, datetime.now(UTC))

    def open(self) -> list[Incident]:
        return [one for one in self.now().incidents if one.standing is not Standing.SUPPRESSED]

    def command(self, *words: str) -> None:
        done = self.environment.command(*words)
        assert done.returncode == 0, done.stdout + done.stderr

    def until(self, condition: Callable[[list[Incident]], bool], seconds: float) -> float:
        """Awaits it; returns after how many seconds it came true, or fails with the cards that there were."""
        began = time.monotonic()
        while not condition(found := self.open()):
            if time.monotonic() - began > seconds:
                cards = [(one.family, one.headline, one.reasons) for one in found]
                pytest.fail(f"not within {seconds:.0f} s, the cards were {json.dumps(cards, indent=1)}")
            time.sleep(1)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def page(environment: Environment) -> Iterator[Page]:
    made = Page(environment)
    yield made
    made.ask.close()


@pytest.fixture
def quiet(page: Page) -> Iterator[Page]:
    """The page without any card, before the fault; everything is healed afterwards."""
    page.until(lambda cards: not cards, QUIET_SECONDS)
    yield page
    page.command("heal")


def shows(cards: list[Incident], expected: Expected) -> bool:
    if not cards:
        return False
    top = cards[0]
    return top.family is expected.family and expected.says in " ".join((top.headline, *top.reasons))


@pytest.mark.parametrize(("fault", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_the_top_card_in_time(quiet: Page, fault: str, expected: Expected) -> None:
    quiet.command("fault", fault, *expected.options)
    took = quiet.until(lambda cards: shows(cards, expected), expected.seconds)
    print(f"{fault}: {took:.0f} s")


def test_an_audit_of_the_deck_that_cannot_be_written_is_told_in_time(quiet: Page) -> None:
    audit = audit_of(quiet.ask.environment)

    def troubles() -> tuple[str, ...]:
        return audit_troubles(AuditStatus(file=str(audit.path), unwritable=audit.why_not_writable()))

    assert troubles() == ()
    quiet.command("fault", "audit-unwritable", "--how", "deck")
    deadline = time.monotonic() + IN_TIME_SECONDS
    while not troubles():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "Nothing can be switched or rolled back" in troubles()[0]
