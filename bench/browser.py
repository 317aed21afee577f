"""Chromium as the pictures and measurements use it: the system's own, driven by Playwright, on phone and desktop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

Screen = Literal["phone", "desk"]
Scheme = Literal["light", "dark"]

EXECUTABLE: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENS: Final[Mapping[Screen, Mapping[str, Any]]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
    "desk": {"viewport": {"width": 1280, "height": 800}},
}
# What a page shows when its first answers are drawn: a figure, a card, or a sentence.
CONTENT: Final = (
    "[class*='st-key-live-'] "
    ":is([data-testid=stMetric], [data-testid=stAlert], [class*='st-key-incident-'], .st-key-lead, "
    "[class*='st-key-release-verdict-'])"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, screen: Screen, scheme: Scheme = "light") -> Iterator[Page]:
    """A fresh session on that screen."""
    context = browser.new_context(**SCREENS[screen], color_scheme=scheme)
    try:
        yield context.new_page()
    finally:
        context.close()


def wait_until_drawn(page: Page, *, timeout_seconds: float = 30.0) -> None:
    """Wait until the page shows content and the server has finished the run that drew it."""
    page.wait_for_selector(CONTENT, timeout=timeout_seconds * 1000)
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'running'"
        " && !document.querySelector('[data-testid=stSkeleton]')",
        timeout=timeout_seconds * 1000,
    )
    # Charts are drawn by the browser after the server is done.
    page.wait_for_function(
        "() => [...document.querySelectorAll('.js-plotly-plot')].every(plot => plot.querySelector('.main-svg'))",
        timeout=timeout_seconds * 1000,
    )
    page.evaluate("() => document.fonts.ready.then(() => true)")
