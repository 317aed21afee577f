"""How soon each page shows something useful and is drawn whole, and what it sends, beside an empty Streamlit page.

Two devices: a desktop, and a phone whose CPU is slowed four times on a network of 9 Mbit/s and 60 ms. Three ways to
come to a page: the first visit of a browser, a later one with cached files, and by the navigation. Browser and server
share the machine, so seconds say little by themselves: the ratio to the empty page, served as the deck is, carries
over.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from bench.browser import CONTENT, Screen, chromium, tab, wait_until_drawn
from bench.empty import empty_app
from bench.environment import dashboard, running
from bench.relay import Relay, relay
from bench.screenshots import PAGES

_EMPTY: Final = "[data-testid=stMarkdown]"
_WATCH: Final = """
(selector) => {
  window.tdSeen = null;
  const look = () => {
    if (document.querySelector(selector)) window.tdSeen = performance.now();
    else requestAnimationFrame(look);
  };
  look();
}
"""
_PHONE: Final = {"offline": False, "latency": 60, "downloadThroughput": 9e6 / 8, "uploadThroughput": 9e6 / 8}
_SLOWED: Final = 4
_AT_REST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One coming to a page: seconds to the first useful content and until it is drawn, bytes received."""

    content: float
    drawn: float
    received: int


Visits = tuple[list[Visit], list[Visit], list[Visit]]  # first, later, by link


def main(arguments: Sequence[str]) -> int:
    """Prints a row for each page and device: medians in seconds, ratios to the empty page, and KiB."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".local"), help="state of a running environment")
    parser.add_argument("--deck", help="address of a deck to measure in place of the environment's own")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--screens", nargs="+", choices=("desk", "phone"), default=("desk", "phone"))
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES)
    parser.add_argument("--rest", type=float, default=30.0, help="seconds that a live page is left alone, 0 for none")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        deck = options.deck or dashboard(stack.enter_context(running(options.state)))
        plain = stack.enter_context(relay(stack.enter_context(empty_app(as_the_deck=False))))
        served = stack.enter_context(relay(stack.enter_context(empty_app(as_the_deck=True))))
        counted, browser = stack.enter_context(relay(deck)), stack.enter_context(chromium())
        for screen in options.screens:
            print(f"\n{screen}: seconds to useful content / drawn, (x the empty page), KiB received")
            print(f"{'page':<14}{'first visit':>30}{'later':>30}{'by link':>24}")
            _print("empty, plain", _visits(browser, screen, plain, "", options.runs), None)
            base = _visits(browser, screen, served, "", options.runs)
            _print("empty, served", base, None)
            for name in options.pages:
                _print(name, _visits(browser, screen, counted, name, options.runs), base)
        if options.rest:
            print(f"\nlive pages at rest: KiB a minute (limit {_AT_REST})")
            for name in options.pages:
                print(f"{name:<14}{_at_rest(browser, counted, name, options.rest):>10,.0f}", flush=True)
    return 0


def _at_rest(browser: Browser, server: Relay, name: str, seconds: float) -> float:
    """What a page that nobody touches receives, in KiB a minute."""
    with tab(browser, "desk") as page:
        page.goto(f"{server.address}/{name}")
        wait_until_drawn(page, timeout_seconds=60)
        page.wait_for_load_state("networkidle")
        before = server.received
        time.sleep(seconds)
        return (server.received - before) / 1024 * 60 / seconds


def _visits(browser: Browser, screen: Screen, server: Relay, name: str, runs: int) -> Visits:
    first, later, linked = [], [], []
    for _ in range(runs):
        with _device(browser, screen) as page:
            page.add_init_script(f"({_WATCH})({_selector(name)!r})")
            first.append(_visit(page, server, name))
            later.append(_visit(page, server, name))
            if name:
                linked.append(_by_link(page, server, name))
    return first, later, linked


@contextmanager
def _device(browser: Browser, screen: Screen) -> Iterator[Page]:
    with tab(browser, screen) as page:
        if screen == "phone":
            session = page.context.new_cdp_session(page)
            session.send("Network.emulateNetworkConditions", _PHONE)
            session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWED})
        yield page


def _selector(name: str) -> str:
    return CONTENT.replace("[class*='st-key-live-']", f".st-key-live-{name}-live") if name else _EMPTY


def _visit(page: Page, server: Relay, name: str) -> Visit:
    before = server.received
    page.goto(f"{server.address}/{name}", wait_until="commit")
    return _seen(page, server, name, before, began=0.0)


def _by_link(page: Page, server: Relay, name: str) -> Visit:
    """From another page, which was read for a while, by a tap on the navigation."""
    other = PAGES[0] if name != PAGES[0] else PAGES[1]
    page.goto(f"{server.address}/{other}")
    wait_until_drawn(page)
    page.wait_for_load_state("networkidle")
    before = server.received
    began = page.evaluate(
        f"(name) => {{ ({_WATCH})({_selector(name)!r}); const began = performance.now();"
        " document.querySelector(`.st-key-nav a[href*='${name}']`).click(); return began; }",
        name,
    )
    return _seen(page, server, name, before, began=began)


def _seen(page: Page, server: Relay, name: str, before: int, *, began: float) -> Visit:
    page.wait_for_function("() => window.tdSeen != null", timeout=60_000)
    if name:
        wait_until_drawn(page, timeout_seconds=60)
    drawn = page.evaluate("() => performance.now()")
    content = page.evaluate("() => window.tdSeen")
    time.sleep(0.3)  # what is on its way still counts
    return Visit(content=(content - began) / 1000, drawn=(drawn - began) / 1000, received=server.received - before)


def _print(name: str, visits: Visits, base: Visits | None) -> None:
    cells = []
    for place, found in enumerate(visits):
        if not found:
            continue
        content, drawn = (statistics.median(getattr(one, what) for one in found) for what in ("content", "drawn"))
        ratio = ""
        if base is not None and base[place]:
            ratio = f"({content / statistics.median(one.content for one in base[place]):.2f}x) "
        kib = statistics.median(one.received for one in found) / 1024
        cells.append(f"{content:.2f} / {drawn:.2f} {ratio}{kib:,.0f}")
    print(
        f"{name:<14}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, (30, 30, 24), strict=False)),
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
