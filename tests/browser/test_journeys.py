"""The ways of an on-call engineer, on phone and desktop: from an alert to its line, trace, runbook and rollback.

Each is at most three taps. Users are on a track that fails, the other one is well and served before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bench.browser import Screen, chromium, tab, wait_until_drawn
from connectors.kubernetes import Kubernetes
from dashboard.model.action import ServedBefore
from dashboard.model.release import Track
from dashboard.model.service_annotations import SERVED_BEFORE, write_served_before
from tests.environment import Environment, an_environment
from tests.waiting import eventually

# Its faults stay in the evidence of a release, so it has an environment of its own.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]
SECOND = 1000.0
NAMESPACE, SERVICE = "agents", "agent-runtime"
SCREENS: tuple[Screen, ...] = ("phone", "desk")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Users are on blue, which fails; green served before, is well but for violated contracts."""
    with an_environment(tmp_path_factory.mktemp("trouble") / "state") as found:
        cluster = Kubernetes(found.endpoints["kubeconfig"])
        before = write_served_before(ServedBefore(track=Track.GREEN, version="1.8.0"))
        cluster.patch("services", SERVICE, NAMESPACE, {"metadata": {"annotations": {SERVED_BEFORE: before}}})
        assert found.command("fault", "errors", "--track", "blue").returncode == 0
        assert found.command("fault", "contract-violations", "--track", "green").returncode == 0
        eventually(lambda: "AgentErrorRatioHigh" in found.alerts("blue"), "the alert of blue is active", 180)
        yield found


class Taps:
    """A person on one screen who counts the taps since the page was opened."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.count = page, 0
        page.goto(address)
        wait_until_drawn(page)

    def on(self, what: Locator) -> Taps:
        """Tap it, on a page that refreshes itself meanwhile."""
        what.first.scroll_into_view_if_needed(timeout=30 * SECOND)
        what.first.click(timeout=30 * SECOND)
        self.count += 1
        return self

    def arrived(self, page: str, sign: str) -> None:
        """The page is there, by its path and by what it is about."""
        self.page.wait_for_url(re.compile(rf"/{page}(\?|$)"), timeout=30 * SECOND)
        expect(self.page.locator(sign).first).to_be_visible(timeout=60 * SECOND)


def alert_card(page: Page) -> Locator:
    return page.locator("[class*='st-key-incident-alerts-']").filter(has_text=re.compile("fails|error ratio", re.I))


def card(page: Page) -> Locator:
    return page.locator("[class*='st-key-incident-']").filter(has_text="AgentErrorRatioHigh")


def door(within: Locator, name: str) -> Locator:
    return within.locator("a, button").filter(has_text=name)


@pytest.fixture(params=SCREENS)
def alerts(request: pytest.FixtureRequest, trouble: Environment, browser: Browser) -> Iterator[Taps]:
    """The page Alerts, where a page by telephone leads."""
    with tab(browser, request.param) as page:
        yield Taps(page, f"{trouble.endpoints['dashboard']}/alerts")


def test_from_an_alert_to_its_log_line(alerts: Taps) -> None:
    alerts.on(door(alert_card(alerts.page), "Incident"))
    alerts.arrived("triage", ".st-key-triage-linked")
    alerts.on(door(card(alerts.page), "Log line"))
    alerts.arrived("logs", ".td-line")
    expect(alerts.page.locator(".td-line .td-what").first).to_contain_text("error")
    assert alerts.count <= 3


def test_from_an_alert_to_the_trace_that_shows_it(alerts: Taps) -> None:
    alerts.on(door(alert_card(alerts.page), "Incident"))
    alerts.arrived("triage", ".st-key-triage-linked")
    alerts.on(door(card(alerts.page), "Longest failed run"))
    alerts.arrived("traces", ".st-key-lead")
    expect(alerts.page.locator(".st-key-lead")).to_contain_text("failed", timeout=30 * SECOND)
    assert alerts.count <= 3


def test_from_an_alert_to_the_step_of_its_runbook_that_fits(alerts: Taps) -> None:
    alerts.on(door(alert_card(alerts.page), "Runbook"))
    shown = alerts.page.locator("[data-testid=stPopoverBody]")
    expect(shown).to_contain_text("Fits as far as the firing alerts tell")
    expect(shown.locator("ol").first).to_contain_text("roll back")
    expect(shown.locator("ol").first.locator("li")).to_have_count(1)
    assert alerts.count <= 3


def test_from_an_alert_to_the_dialog_of_the_rollback(alerts: Taps) -> None:
    alerts.on(door(alert_card(alerts.page), "Incident"))
    alerts.arrived("triage", ".st-key-triage-linked")
    alerts.on(door(card(alerts.page), "Release"))
    alerts.arrived("release", ".st-key-release-rollback button:not([disabled])")
    alerts.on(alerts.page.locator(".st-key-release-rollback button"))
    expect(alerts.page.get_by_role("dialog")).to_contain_text("Why?", timeout=30 * SECOND)
    assert alerts.count <= 3


@pytest.mark.parametrize("screen", SCREENS)
def test_from_a_violation_to_its_span(trouble: Environment, browser: Browser, screen: Screen) -> None:
    with tab(browser, screen) as page:
        contracts = Taps(page, f"{trouble.endpoints['dashboard']}/contracts?track=green")
        newest = page.locator(".st-key-table-contracts-newest a[href^='traces?']")
        contracts.on(newest)
        contracts.arrived("traces", ".td-known")
        expect(page.locator(".td-crumbs")).to_contain_text(re.compile("contract|evaluate", re.I))
        assert contracts.count <= 3


@pytest.mark.parametrize("screen", SCREENS)
def test_from_a_slow_agent_to_its_slowest_run_and_its_critical_path(
    trouble: Environment, browser: Browser, screen: Screen
) -> None:
    with tab(browser, screen) as page:
        agents = Taps(page, f"{trouble.endpoints['dashboard']}/agents")
        agents.on(page.locator("a[href^='agents?'][href*='agent=']"))
        page.wait_for_url(re.compile(r"[?&]agent="), timeout=30 * SECOND)
        slowest = page.locator(".st-key-table-agents-slowest a[href^='traces?']").first
        slowest.wait_for(state="attached", timeout=60 * SECOND)
        if not slowest.is_visible():  # folded
            agents.on(page.locator("[data-testid=stExpander] summary").filter(has_text="Slowest"))
        agents.on(slowest)
        agents.arrived("traces", ".st-key-lead")
        expect(page.locator(".st-key-lead")).to_contain_text("% of the time on")
        assert agents.count <= 3


@pytest.mark.parametrize("screen", SCREENS)
def test_back_and_forward_lead_through_the_ways_that_were_gone(
    trouble: Environment, browser: Browser, screen: Screen
) -> None:
    with tab(browser, screen) as page:
        way = Taps(page, f"{trouble.endpoints['dashboard']}/alerts")
        way.on(door(alert_card(page), "Incident"))
        way.arrived("triage", ".st-key-triage-linked")
        card_address = page.url
        way.on(door(card(page), "Log line"))
        way.arrived("logs", ".td-line")
        line_address = page.url
        page.go_back()
        way.arrived("triage", ".st-key-triage-linked")
        assert page.url == card_address
        page.go_back()
        way.arrived("alerts", "[class*='st-key-incident-alerts-']")
        page.go_forward()
        way.arrived("triage", ".st-key-triage-linked")
        page.go_forward()
        way.arrived("logs", ".td-line")
        assert page.url == line_address


def test_a_shared_link_shows_another_person_the_same(trouble: Environment, browser: Browser) -> None:
    with tab(browser, "desk") as mine:
        mine.goto(f"{trouble.endpoints['dashboard']}/agents?track=blue&range=15m")
        wait_until_drawn(mine)
        mine.locator(".st-key-bar-more button").first.click()
        link = mine.locator("[data-testid=stPopoverBody]").get_by_text(re.compile(r"https?://\S+from=")).first
        address = re.search(r"https?://\S+", link.inner_text(timeout=30 * SECOND))
        assert address
    seen = []
    for screen in SCREENS:
        with tab(browser, screen) as other:
            other.goto(address[0])
            wait_until_drawn(other)
            figures = other.locator("[class*='st-key-tile-agents-'] [data-testid=stMetricValue]").all_inner_texts()
            assert figures
            seen.append((figures, other.url.partition("?")[2]))
    assert seen[0] == seen[1]
    assert "track=blue" in seen[0][1]
