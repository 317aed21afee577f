"""The frame around every page in a real browser: phone and desktop, links that keep the view, headers, dead sources.

The first part runs the deck with no source at all, which needs no environment; the second part looks at real data.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from bench.browser import chromium, tab, wait_until_drawn
from dashboard.app import NAVIGATION
from tests.environment import REPOSITORY, Environment

pytestmark = pytest.mark.browser

DEAD = """
[environments.local]
refresh_seconds = 2
[environments.local.prometheus]
url = "http://127.0.0.1:9"
[environments.local.alertmanager]
url = "http://127.0.0.1:9"
[environments.local.elasticsearch]
url = "http://127.0.0.1:9"
[environments.local.kubernetes]
kubeconfig = "nowhere"
"""
PAGES = tuple(entry.path for entry in NAVIGATION)
# Streamlit looks for its own routes under the page's path first; the browser reports that as an error.
PROBE = re.compile(r"404 \(Not Found\)")
SMALL = """() => [...document.querySelectorAll('.stApp button, .stApp a, .stApp summary, .stApp input')]
    .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('[data-testid=stSkipLink]'))
    .map(e => ({e, box: e.getBoundingClientRect(), more: getComputedStyle(e, '::after')}))
    .filter(({box}) => box.width > 2 && box.height > 2)
    .map(({e, box, more}) => ({words: (e.innerText || e.ariaLabel || e.type || e.tagName).trim(),
        height: more.content !== 'none' && more.position === 'absolute' ? parseFloat(more.height) : box.height,
        hidden: getComputedStyle(e).opacity === '0'}))
    .filter(({height, hidden}) => height < 43.5 && !hidden)"""
SIDEWAYS = """() => [...document.querySelectorAll('.stApp *')]
    .filter(e => e.getBoundingClientRect().width > 0 && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.className.toString().slice(0, 80))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@contextmanager
def deck(folder: Path) -> Iterator[str]:
    """A deck as the README starts it, whose settings are the `tealdeck.toml` in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/asgi.py"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, f"--server.port={port}"],
            cwd=REPOSITORY,
            env={**os.environ, "TEALDECK_SETTINGS": str(folder / "tealdeck.toml")},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/healthz", server, folder / "log")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def blind_deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A deck whose sources are all dead."""
    folder = tmp_path_factory.mktemp("deck")
    (folder / "tealdeck.toml").write_text(DEAD)
    with deck(folder) as address:
        yield address


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own deck
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the deck did not come up:\n{log.read_text()}")
            time.sleep(0.05)


def test_probes_and_metrics_answer_beside_the_app(blind_deck: str) -> None:
    for path, words in (("healthz", "ok"), ("readyz", "ok"), ("metrics", "python_info")):
        with urllib.request.urlopen(f"{blind_deck}/{path}") as answer:  # noqa: S310 - our own deck
            assert words in answer.read().decode()
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_deck_listens_on_this_machine_alone(blind_deck: str) -> None:
    port = urlsplit(blind_deck).port
    listening = {at.laddr.ip for at in psutil.net_connections("tcp") if at.status == "LISTEN" and at.laddr.port == port}
    assert listening == {"127.0.0.1"}


def test_a_page_of_another_name_gets_nothing_of_the_deck(blind_deck: str) -> None:
    asked = urllib.request.Request(f"{blind_deck}/triage", headers={"Host": "evil.example"})  # noqa: S310 - our own deck
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)  # noqa: S310 - our own deck
    assert refused.value.code == 421


@pytest.mark.parametrize("name", ["", *PAGES])
def test_every_page_is_drawn_without_sources_and_without_a_breach_of_its_own_policy(
    browser: Browser, blind_deck: str, name: str
) -> None:
    said: list[str] = []
    with tab(browser, "desk") as page:
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(f"{blind_deck}/{name}")
        wait_until_drawn(page)
        # Sources says it in its list as well; on Triage it is a card.
        expect(page.get_by_text(re.compile(r"Prometheus( \(metrics\))? does not answer")).first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_text("This part of the page failed")).to_have_count(0)
        expect(page.get_by_text("No problem found")).to_have_count(0)
    assert [text for text in said if not PROBE.search(text)] == []


@pytest.mark.parametrize("width", [360, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_phone_needs_no_sideways_scroll_and_its_targets_fit_a_thumb(
    browser: Browser, blind_deck: str, name: str, width: int
) -> None:
    with tab(browser, "phone") as page:
        page.set_viewport_size({"width": width, "height": 780})
        page.goto(f"{blind_deck}/{name}")
        wait_until_drawn(page)
        assert page.evaluate(SIDEWAYS) == []
        assert page.evaluate(SMALL) == []


def test_the_first_screen_of_a_phone_has_page_period_and_state_in_its_first_130_pixels(
    browser: Browser, blind_deck: str
) -> None:
    with tab(browser, "phone") as page:
        page.goto(blind_deck)
        wait_until_drawn(page)
        for words in ("Triage", "local / agents", "1h", "sources down"):
            box = page.locator(".st-key-bar").get_by_text(words).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 130


def test_links_between_pages_keep_what_is_looked_at(browser: Browser, blind_deck: str) -> None:
    with tab(browser, "phone") as page:
        page.goto(f"{blind_deck}/triage?range=6h&tz=local")
        wait_until_drawn(page)
        page.locator(".st-key-nav").get_by_text("Agents").click()
        expect(page.locator(".st-key-bar h1")).to_contain_text("Agents")
        assert urlsplit(page.url).path == "/agents"
        assert _query(page) == {"range": "6h", "tz": "local"}


def test_the_bar_writes_the_address_and_an_absolute_link_stands_still(browser: Browser, blind_deck: str) -> None:
    with tab(browser, "desk") as page:
        page.goto(blind_deck)
        wait_until_drawn(page)
        page.locator(".st-key-bar").get_by_text("6h", exact=True).click()
        page.wait_for_url("**range=6h")
        page.get_by_role("button", name="View").click()
        page.get_by_role("button", name="Earlier").click()
        page.wait_for_url("**from=**")
        expect(page.locator(".st-key-bar-pulse")).not_to_contain_text("live")
        start, end = (_query(page)[key] for key in ("from", "to"))
        link = page.locator(".stCode").get_by_text("from=")
        expect(link).to_contain_text(f"from={start.replace(':', '%3A')}")
        expect(link).to_contain_text(f"to={end.replace(':', '%3A')}")
        expect(link).to_contain_text("env=local&ns=agents")


def test_a_live_page_refreshes_itself_without_losing_what_is_open(browser: Browser, blind_deck: str) -> None:
    with tab(browser, "desk") as page:
        page.goto(blind_deck)
        wait_until_drawn(page)
        page.get_by_role("button", name="View").click()
        pulse = page.locator(".st-key-bar-pulse")
        before = pulse.inner_text()
        expect(pulse).not_to_have_text(before, timeout=10_000)
        expect(page.get_by_role("button", name="Earlier")).to_be_visible()


def test_once_the_settings_are_mended_each_source_is_asked_and_the_deck_opens(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text(DEAD.replace("refresh_seconds", "refresh_second"))
    with deck(tmp_path) as address, tab(browser, "phone") as page:
        page.goto(address)
        expect(page.get_by_text("environments.local.refresh_second")).to_be_visible()
        expect(page.get_by_text("did you mean refresh_seconds?")).to_be_visible()

        file.write_text(DEAD)

        expect(page.get_by_text(re.compile("Prometheus down"))).to_be_visible(timeout=20_000)
        expect(page.get_by_text("Prometheus (metrics): connection refused")).to_be_visible()
        assert page.evaluate(SIDEWAYS) == []
        page.get_by_role("button", name="Open the deck").click()
        wait_until_drawn(page)
        expect(page.locator(".st-key-bar h1")).to_contain_text("Triage")


def test_triage_shows_the_governed_service_with_real_figures(browser: Browser, environment: Environment) -> None:
    with tab(browser, "phone") as page:
        page.goto(f"{environment.endpoints['dashboard']}/triage?range=15m")
        wait_until_drawn(page)
        runs = page.locator(".st-key-tile-agent-runtime-runs")
        expect(runs).to_contain_text(re.compile(r"[0-9.]+ /s"), timeout=60_000)
        expect(page.locator(".st-key-service-agent-runtime")).to_contain_text(re.compile(r"(blue|green) .* active"))
        for source in ("Prometheus", "Alertmanager", "Elasticsearch", "Kubernetes"):
            expect(page.locator(".st-key-sources")).to_contain_text(f"{source} answers in")
        assert page.evaluate(SIDEWAYS) == []
        assert page.evaluate(SMALL) == []


def _query(page: Page) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}
