"""Pictures of every page on phone and desktop, light and dark: `python -m bench.screenshots [--state DIR]`.

Uses the environment that runs in DIR; brings one up for itself, and takes it down again, if none does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from playwright.sync_api import Browser

from bench.browser import Scheme, Screen, chromium, tab, wait_until_drawn
from bench.environment import dashboard, running
from dashboard.app import NAVIGATION

PAGES = tuple(entry.path for entry in NAVIGATION)


def main(arguments: Sequence[str]) -> int:
    """Takes the pictures and prints where each one is."""
    parser = argparse.ArgumentParser(prog="python -m bench.screenshots", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".local"), help="state of a running environment")
    parser.add_argument("--out", type=Path, default=Path("screenshots"), help="folder for the pictures")
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES)
    parser.add_argument("--full", action="store_true", help="the whole page, not only the first screen")
    parser.add_argument("--query", default="", help="query parameters, for example range=15m")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with running(options.state) as state:
        take(dashboard(state), options.pages, options.out, full=options.full, query=options.query)
    return 0


def take(deck: str, pages: Sequence[str], out: Path, *, full: bool, query: str = "") -> None:
    """One picture for each page, screen and scheme: `{page}_{phone|desk}_{light|dark}.png`."""
    with chromium() as browser:
        for name in pages:
            for screen in get_args(Screen):
                for scheme in get_args(Scheme):
                    file = out / f"{name}_{screen}_{scheme}.png"
                    _picture(browser, f"{deck}/{name}?{query}", file, screen, scheme, full=full)
                    print(file)


def _picture(browser: Browser, address: str, file: Path, screen: Screen, scheme: Scheme, *, full: bool) -> None:
    with tab(browser, screen, scheme) as page:
        page.goto(address)
        wait_until_drawn(page)
        if full and page.viewport_size:
            # Streamlit scrolls inside the page, so a whole page needs a window of its height.
            height = page.evaluate("() => document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
            page.set_viewport_size({"width": page.viewport_size["width"], "height": int(height)})
            wait_until_drawn(page)
        page.screenshot(path=file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
