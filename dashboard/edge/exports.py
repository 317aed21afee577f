"""Files that a page offers go to the browser that was offered them, and to no other.

Streamlit serves a file to anybody who knows its address, which follows from its content. A browser is known by a cookie
of ours, and what it was offered is read from the messages that the deck has sent it.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie

COOKIE = "tealdeck_browser"
MEDIA = "/media/"
_OFFER = re.compile(rb"/media/([0-9A-Za-z_-]{16,128}(?:\.[0-9A-Za-z]{1,12})?)")
# A file that is made when somebody asks for it has a name of its own until then: a field of 32 characters.
_PROMISE = re.compile(rb"\x20([0-9a-f]{32})")
_NAME = re.compile(r"[0-9A-Za-z_-]{16,64}")
MOST_BROWSERS = 2_000
MOST_FILES = 500


class Exports:
    """Which browser was offered which files; the newest of both, so that memory is bounded. For one event loop."""

    def __init__(self) -> None:
        self._offered: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def note(self, browser: str, message: bytes) -> None:
        """Note the files that a message to this browser offers."""
        if not browser or MEDIA.encode() not in message:
            return
        files = self._offered.setdefault(browser, OrderedDict())
        self._offered.move_to_end(browser)
        for offer in _OFFER.findall(message):
            files[offer.decode()] = None
            files.move_to_end(offer.decode())
            if len(files) > MOST_FILES:
                files.popitem(last=False)
        if len(self._offered) > MOST_BROWSERS:
            self._offered.popitem(last=False)

    def was_offered(self, browser: str, path: str) -> bool:
        """Whether this browser was offered the file at this path."""
        return path.rpartition(MEDIA)[2] in self._offered.get(browser, ())


def new_browser() -> str:
    """A name for a browser that has none; nobody can guess it."""
    return secrets.token_urlsafe(24)


def browser_of(cookies: str) -> str:
    """The name that a Cookie header has; "" where it has none that can be ours."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found and _NAME.fullmatch(found.value) else ""


def set_cookie(browser: str, *, is_secure: bool) -> str:
    """The Set-Cookie header; it ends with the browser."""
    return f"{COOKIE}={browser}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if is_secure else ''}"


class Promises:
    """The files that one connection may have made: those that its page offers. Only the newest are known."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()

    def note(self, message: bytes) -> None:
        """Note what a message to this connection offers."""
        for name in _PROMISE.findall(message):
            self._names[name.decode()] = None
            self._names.move_to_end(name.decode())
            if len(self._names) > MOST_FILES:
                self._names.popitem(last=False)

    def has(self, name: str) -> bool:
        """Whether this connection was offered the file."""
        return name in self._names
