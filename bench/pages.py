"""How long each page takes until everything is drawn, as a ratio to an empty Streamlit page in the same run.

Three ways to come to a page: the first visit of a browser, a later one with cached files, and by the navigation. Server
and browser share the machine, so seconds say little by themselves; the ratio carries over.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from playwright.sync_api import Browser, Page

from bench.browser import Screen, chromium, tab, wait_until_drawn
from bench.environment import dashboard, running
from bench.screenshots import PAGES

EMPTY = 'import streamlit as st\n\nst.markdown("empty")\n'


def main(arguments: Sequence[str]) -> int:
    """Prints a row for each page and screen: medians, and the later visit beside the empty page's."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".local"), help="state of a running environment")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    with running(options.state) as state, empty_app() as empty, chromium() as browser:
        print(f"{'page':<20}{'first, s':>10}{'later, s':>10}{'by link, s':>12}{'later / empty':>15}")
        for screen in get_args(Screen):
            base = _row(browser, screen, "empty", empty, _empty_is_drawn, options.runs, 0.0)
            for name in PAGES:
                _row(browser, screen, name, f"{dashboard(state)}/{name}", wait_until_drawn, options.runs, base)
    return 0


def _row(
    browser: Browser, screen: Screen, name: str, url: str, is_drawn: Callable[[Page], None], runs: int, base: float
) -> float:
    """Prints one row; returns the median of the later visits in seconds."""
    first, later, linked = [], [], []
    for _ in range(runs):
        with tab(browser, screen) as page:
            first.append(_seconds(lambda page=page: page.goto(url), page, is_drawn))
            later.append(_seconds(lambda page=page: page.goto(url), page, is_drawn))
            if base:
                other = page.locator(".st-key-nav a").nth(0 if name != PAGES[0] else 1)
                other.click()
                page.wait_for_url(lambda now, url=url: not now.startswith(url))
                is_drawn(page)
                link = page.locator(f".st-key-nav a[href*='{name}']")
                linked.append(_seconds(lambda link=link: link.click(), page, is_drawn, then=url))
    median = statistics.median(later)
    by_link = f"{statistics.median(linked):.2f}" if linked else ""
    ratio = f"{median / base:.1f}" if base else ""
    print(
        f"{name + ', ' + screen:<20}{statistics.median(first):>10.2f}{median:>10.2f}{by_link:>12}{ratio:>15}",
        flush=True,
    )
    return median


def _seconds(come: Callable[[], object], page: Page, is_drawn: Callable[[Page], None], then: str = "") -> float:
    began = time.perf_counter()
    come()
    if then:
        page.wait_for_url(lambda now: now.startswith(then))
        page.wait_for_selector(f".st-key-live-{then.rsplit('/', 1)[1]}-live")
    is_drawn(page)
    return time.perf_counter() - began


def _empty_is_drawn(page: Page) -> None:
    page.get_by_text("empty").wait_for()


@contextmanager
def empty_app() -> Iterator[str]:
    """The address of a Streamlit app that shows one word."""
    with tempfile.TemporaryDirectory(prefix="tealdeck-") as folder, socket.socket() as free:
        (Path(folder) / "app.py").write_text(EMPTY, encoding="utf-8")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
        command += ["--server.address=127.0.0.1", "--server.headless=true", "--browser.gatherUsageStats=false"]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=10)


def _wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own
                return
        except (urllib.error.URLError, OSError) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{address} does not answer: {error}") from error
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
