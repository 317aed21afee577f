"""What a fault raised ends with it: the alert, and the incident on Triage.

The fault's own journey is in tests/browser/test_release_switch.py. Its alert speaks of the last minute, so it is
looked at here, after the tests between the two; run alone, this brings the fault about itself.
"""

from __future__ import annotations

import pytest
import requests
from playwright.sync_api import expect

from bench.browser import chromium, tab, wait_until_drawn
from tests.environment import Environment
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ALERT = "AgentErrorRatioHigh"


def has_fired(environment: Environment) -> bool:
    query = f'count_over_time(ALERTS{{alertname="{ALERT}", track="green", alertstate="firing"}}[15m])'
    answer = requests.get(f"{environment.endpoints['prometheus']}/api/v1/query", {"query": query}, timeout=5)
    return bool(answer.json()["data"]["result"])


def test_a_healed_fault_leaves_no_alert_and_no_incident(environment: Environment) -> None:
    if not has_fired(environment):
        assert environment.command("fault", "errors", "--track", "green").returncode == 0
        eventually(lambda: ALERT in environment.alerts("green"), "the alert is active")
    assert environment.command("heal").returncode == 0

    eventually(lambda: ALERT not in environment.alerts("green"), "the alert is over", 150)
    with chromium() as browser, tab(browser, "phone") as triage:
        triage.goto(environment.endpoints["dashboard"])
        wait_until_drawn(triage)
        incident = triage.locator("[class*='st-key-incident-']").filter(has_text="agent-runtime on green")
        expect(incident).to_have_count(0, timeout=30_000)
