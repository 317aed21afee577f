"""What all browser tests share."""

from __future__ import annotations

from playwright.sync_api import expect

# A first view has to load the app's scripts, and other tests may be running on the other core. How fast a view is, is
# measured in bench/.
expect.set_options(timeout=15_000)
