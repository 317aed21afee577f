"""The end of an outage in a real browser: it shows within 10 s, however seldom the page is refreshed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from bench.browser import chromium, tab, wait_until_drawn
from deploy.local.apiserver.pki import credentials
from tests.browser.test_app_shell import deck
from tests.connectors.conftest import Backend
from tests.faultproxy.fault import Fault
from tests.faultproxy.proxy import FaultProxy

pytestmark = [pytest.mark.browser, pytest.mark.alone]

SELDOM = """
[environments.local]
refresh_seconds = 300
[environments.local.prometheus]
url = "{url}"
[environments.local.kubernetes]
kubeconfig = "nowhere"
"""


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[FaultProxy]:
    """A way to something that answers each question with 404, which is a sign of life."""
    source = Backend()
    made = FaultProxy(source.url, credentials(tmp_path / "good"), credentials(tmp_path / "strange"))
    yield made
    made.close()
    source.close()


def test_the_end_of_an_outage_shows_within_10_s_of_it(tmp_path: Path, proxy: FaultProxy) -> None:
    (tmp_path / "tealdeck.toml").write_text(SELDOM.format(url=proxy.plain_url))
    with deck(tmp_path) as address, chromium() as browser, tab(browser, "desk") as page:
        down = page.get_by_text("Prometheus (metrics) does not answer")
        with proxy.suffering(Fault.SERVER_ERROR):
            page.goto(f"{address}/agents")
            wait_until_drawn(page)
            expect(down).to_be_visible()
        expect(down).to_have_count(0, timeout=10_000)
