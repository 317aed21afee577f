"""Text from outside in a real browser: no link, no markup, in none of the ways in which a page shows text."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from bench.browser import chromium, tab
from tests.environment import REPOSITORY
from tests.waiting import eventually

pytestmark = pytest.mark.browser

RECORDED = "job:slo_errors_per_request:ratio_rate1h"
PAGE = """
import streamlit as st
from datetime import UTC, datetime, timedelta
from dashboard.model.reading import Source, Unit, fresh, missing
from dashboard.model.series import Series
from dashboard.model.view import Marker
from dashboard.ui import states
from dashboard.ui.charts import time_chart
from dashboard.ui.tables import Column, table
from dashboard.ui.text import plain
from dashboard.ui.tiles import Tile, tiles
from tests.unit.test_text import OUTSIDE as KNOWN

OUTSIDE = [*KNOWN, "job:slo_errors_per_request:ratio_rate1h"]
now = datetime.now(UTC)
for number, text in enumerate(OUTSIDE):
    st.markdown(plain(text))
    st.caption(plain(text))
    st.badge(plain(text), help=plain(text))
    st.warning(plain(text))
    st.button(plain(text), key=f"b{number}", help=plain(text))
    states.note(missing(text, source=Source.PROMETHEUS), text)
    tiles([Tile(name=text, value=fresh(1.0, source=Source.PROMETHEUS, as_of=now, query=text), unit=Unit.COUNT,
                    key=f"t{number}", note=text, help=text)], key=f"t{number}")
table([*OUTSIDE], [Column(name="text", cell=lambda text: text, essential=True)], key="page.table", csv_name="x")
times = tuple((now - timedelta(minutes=n)).timestamp() for n in range(10, 0, -1))
lines = tuple(Series(labels={"n": text}, times=times, values=tuple(range(10))) for text in OUTSIDE)
marks = [Marker(at=now - timedelta(minutes=5), label=OUTSIDE[7])]
time_chart("chart", fresh(lines, source=Source.PROMETHEUS, as_of=now), unit=Unit.COUNT, name=lambda found: found["n"],
           key="page.chart", markers=marks)
st.text("all of it is drawn")
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("outside")
    script = folder / "page.py"
    script.write_text(PAGE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: _listens(port), (folder / "log").read_text(), 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_no_text_from_outside_becomes_a_link_or_markup(address: str) -> None:
    with chromium() as browser, tab(browser, "desk") as page:
        page.goto(address)
        expect(page.get_by_text("all of it is drawn")).to_be_visible(timeout=30_000)
        expect(page.locator(".td-chart .td-keys").first).to_be_visible()
        page.get_by_role("button", name="Explore").first.click()
        expect(page.locator(".js-plotly-plot .legendtext").first).to_be_visible()
        shown = page.locator(".stApp").inner_text()
        assert shown.count("evil.example") > 40
        assert page.evaluate("[...document.querySelectorAll('.stMain a')].map(a => a.outerHTML)") == []
        assert page.evaluate("[...document.querySelectorAll('.legendtext tspan, .annotation tspan')].length") == 0
        for text in ("a -> b <- c <-> d -- e >= f <= g ~= h", ":fire: :material/lock: :streamlit:", RECORDED):
            assert text in shown
            assert text in page.evaluate("(getSelection().selectAllChildren(document.body), `${getSelection()}`)")
        names = page.evaluate("[...document.querySelectorAll('[aria-label]')].map(one => one.ariaLabel)")
        assert names
        assert not [name for name in names if "&#" in name or ":small" in name]
        assert page.locator(".stApp .katex").count() == 0
        for tip in page.get_by_test_id("stTooltipHoverTarget").all()[:24]:
            tip.hover()
            expect(page.get_by_test_id("stTooltipContent").first).to_be_visible()
            assert page.evaluate("[...document.querySelectorAll('[data-testid=stTooltipContent] a')].length") == 0
