"""The Release page as people use it: wait for GO, switch, go back; and a fault that shows before anybody is harmed.

One environment serves all tests, so each leaves the users where it found them: on blue.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bench.browser import chromium, tab, wait_until_drawn
from connectors.kubernetes import Kubernetes
from tests.environment import Environment
from tests.waiting import eventually

# A fault that another test left behind is evidence for five minutes more.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]
UNTIL_GO = 330.0

SECOND = 1000.0
NAMESPACE, SERVICE = "agents", "agent-runtime"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that steps back when the machine is short: users come first where losses are counted."""
    with chromium() as opened:
        for program in psutil.Process().children(recursive=True):
            if "chrom" in program.name():
                program.nice(10)
        yield opened


@pytest.fixture(scope="module")
def cluster(environment: Environment) -> Kubernetes:
    return Kubernetes(environment.endpoints["kubeconfig"])


@pytest.fixture
def release(environment: Environment, browser: Browser) -> Iterator[Page]:
    """The page on a phone, drawn."""
    with tab(browser, "phone") as page:
        page.goto(f"{environment.endpoints['dashboard']}/release")
        wait_until_drawn(page)
        yield page


def active(cluster: Kubernetes) -> str:
    """The track that users are on, as the cluster says."""
    return str(cluster.get("services", SERVICE, NAMESPACE)["spec"]["selector"]["tealdeck.io/track"])


def serving(cluster: Kubernetes) -> set[str]:
    """The pods behind the ready endpoints of the active Service, without their random ends."""
    slices = cluster.list("endpointslices", NAMESPACE, f"kubernetes.io/service-name={SERVICE}").items
    ready = [
        endpoint["targetRef"]["name"]
        for piece in slices
        for endpoint in piece["endpoints"]
        if endpoint["conditions"].get("ready")
    ]
    return {re.sub(r"-[^-]+-[^-]+$", "", name) for name in ready}


def button(page: Page, name: str) -> Locator:
    """A button of the page by its key."""
    return page.locator(f".st-key-release-{name} button")


def wait_for_word(page: Page, word: str, seconds: float) -> None:
    """Wait for that very verdict: GO is also the end of NO-GO."""
    verdict = page.locator(".st-key-release-verdict-before h2")
    expect(verdict).to_contain_text(re.compile(rf"(?<!NO-){word}\b"), timeout=seconds * SECOND)


def switch(page: Page, version: str, without_go: str = "") -> None:
    """From the button to the confirmed dialog; `without_go` is the reason that is asked for where it is no GO."""
    button(page, "switch").click()
    expect(button(page, "confirm")).to_be_disabled()
    page.locator(".st-key-release-typed input").fill(version)
    reason = page.locator(".st-key-release-breakglass input")
    if without_go and reason.count():
        reason.fill(without_go)
    button(page, "confirm").click()


def audit(environment: Environment) -> list[dict[str, Any]]:
    settings = next(environment.state.rglob("tealdeck.toml"))
    file = tomllib.loads(settings.read_text())["environments"]["local"]["audit"]["file"]
    return [json.loads(line) for line in Path(file).read_bytes().splitlines()]


@contextmanager
def traffic(environment: Environment, *, tasks: int, looks: int) -> Iterator[dict[str, Any]]:
    """Users' tasks through the gateway, and looks at the Service that is switched, at these rates a second.

    Each is counted; the mapping holds the counts when the last answer that was due has come. A look takes the same way
    through the Service as a run but costs little, so that two slow cores carry 200 requests a second beside a browser.
    """
    command = ("-m", "deploy.local.load", "--kubeconfig", environment.endpoints["kubeconfig"], "--synthetic-rate", "0")
    users = subprocess.Popen(
        [sys.executable, *command, "--rate", str(tasks), "--look-rate", str(looks), "--duration", "400"],
        stdout=subprocess.PIPE,
        text=True,
    )
    counts: dict[str, Any] = {}
    try:
        yield counts
    finally:
        users.send_signal(signal.SIGINT)
        said, _ = users.communicate(timeout=60)
    counts |= json.loads(said)


def test_a_release_that_is_go_is_switched_and_taken_back_under_load_and_no_request_is_lost(
    environment: Environment, release: Page, cluster: Kubernetes
) -> None:
    wait_for_word(release, "GO", UNTIL_GO)
    assert active(cluster) == "blue"

    with traffic(environment, tasks=40, looks=160) as sent:
        switch(release, "1.8.0")
        expect(release.get_by_text("only green serves users").first).to_be_visible(timeout=60 * SECOND)
        assert (active(cluster), serving(cluster)) == ("green", {"agent-runtime-green"})

        button(release, "rollback").click()
        release.get_by_role("dialog").get_by_text("Precaution").click()
        button(release, "confirm").click()
        expect(release.get_by_text("only blue serves users").first).to_be_visible(timeout=60 * SECOND)
        assert (active(cluster), serving(cluster)) == ("blue", {"agent-runtime-blue"})

    assert (sent["tasks"]["failed"], sent["looks"]["failed"]) == ({}, {})
    assert sent["tasks"]["ok"] == sent["tasks"]["sent"] > 200
    assert sent["looks"]["ok"] == sent["looks"]["sent"] > 800
    assert sent["tasks"]["tracks"].keys() == {"blue", "green"}

    records = audit(environment)[-6:]
    phases = [record["agentgov"]["audit"]["phase"] for record in records]
    assert phases == ["requested", "begun", "finished"] * 2
    assert records[-1]["event"]["reason"] == "Precaution"
    events = cluster.list("events", NAMESPACE).items
    assert {"TrackSwitched", "TrackRolledBack"} <= {event["reason"] for event in events}
    expect(button(release, "rollback")).to_be_disabled()


def test_closing_the_browser_does_not_stop_a_switch(
    environment: Environment, browser: Browser, cluster: Kubernetes
) -> None:
    with tab(browser, "desk") as page:
        page.goto(f"{environment.endpoints['dashboard']}/release")
        wait_until_drawn(page)
        expect(button(page, "switch")).to_be_enabled(timeout=30 * SECOND)
        switch(page, "1.8.0", without_go="a drill of those on call")
        # The card of an action before this one may be there still; only its own says that the desk has taken it.
        begun = page.locator(".st-key-release-progress").filter(has_text="Switch of agent-runtime to green")
        expect(begun).to_be_visible(timeout=10 * SECOND)
    moved = "green", {"agent-runtime-green"}
    eventually(lambda: (active(cluster), serving(cluster)) == moved, "the users are on green")

    with tab(browser, "desk") as page:
        page.goto(f"{environment.endpoints['dashboard']}/release")
        wait_until_drawn(page)
        expect(page.get_by_text("only green serves users").first).to_be_visible(timeout=30 * SECOND)
        button(page, "rollback").click()
        page.get_by_role("dialog").get_by_text("Precaution").click()
        button(page, "confirm").click()
        # The page still shows the sentence of an earlier rollback, so the cluster says when this one has ended.
        back = "blue", {"agent-runtime-blue"}
        eventually(lambda: (active(cluster), serving(cluster)) == back, "the users are back on blue")
        expect(page.get_by_text("only blue serves users").first).to_be_visible(timeout=60 * SECOND)


def test_an_action_whose_process_died_is_cleared_on_a_phone(release: Page, cluster: Kubernetes) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    intent = {
        "id": "left", "kind": "switch", "source": "blue", "target": "green", "version": "1.8.0", "actor": "alice",
        "reason": "", "step": "prepare", "started_at": began.isoformat(), "outcome": "running",
    }  # fmt: skip
    annotations = {"tealdeck.io/action": json.dumps(intent)}
    cluster.patch("services", SERVICE, NAMESPACE, {"metadata": {"annotations": annotations}})

    left = release.locator(".st-key-release-unfinished")
    expect(left).to_contain_text("Its process is gone", timeout=20 * SECOND)
    expect(left).to_contain_text("users are on blue 1.7.4")
    expect(button(release, "resume")).to_be_enabled()
    button(release, "clear").click()
    button(release, "unfinished-confirm").click()

    expect(release.get_by_text("cleared the switch to green 1.8.0 of alice").first).to_be_visible(timeout=30 * SECOND)
    expect(left).to_have_count(0, timeout=20 * SECOND)
    assert active(cluster) == "blue"


def test_a_fault_on_the_preview_shows_within_seconds_and_raises_an_alert_within_a_minute(
    environment: Environment, browser: Browser, release: Page, cluster: Kubernetes
) -> None:
    wait_for_word(release, "GO", 240)  # the comparison has begun
    with tab(browser, "phone") as triage:
        triage.goto(environment.endpoints["dashboard"])
        wait_until_drawn(triage)
        incident = triage.locator("[class*='st-key-incident-']").filter(has_text="agent-runtime on green")
        expect(incident).to_have_count(0)
        try:
            began = time.monotonic()
            assert environment.command("fault", "errors", "--track", "green").returncode == 0
            expect(incident.first).to_be_visible(timeout=(began + 40 - time.monotonic()) * SECOND)
            # Harm counts by whole intervals of 10 s that are over.
            wait_for_word(release, "NO-GO", began + 60 - time.monotonic())
            errors = release.locator(".td-gate.td-fail").filter(has_text=re.compile("Errors"))
            expect(errors.first).to_be_visible()

            # It may be switched all the same, but not by accident: a reason is asked for.
            button(release, "switch").click()
            release.locator(".st-key-release-typed input").fill("1.8.0")
            expect(release.locator(".st-key-release-breakglass input")).to_be_visible()
            expect(button(release, "confirm")).to_be_disabled()
            release.keyboard.press("Escape")
            assert active(cluster) == "blue"

            left = began + 90 - time.monotonic()
            eventually(lambda: "AgentErrorRatioHigh" in environment.alerts("green"), "the alert is active", left)
        finally:
            environment.command("heal")  # what then ends is in tests/stack/test_environment_healing.py
