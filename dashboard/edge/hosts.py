"""Under which names the deck answers, so that no other site can reach it through a visitor's browser. Pure.

A foreign page can give its own name the deck's address (DNS rebinding); the browser then lets it read every answer. It
needs a name for that. So addresses and localhost always pass, and names pass when the settings list them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_USUAL_PORTS = {"http": ":80", "https": ":443"}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?)\.?(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Host:
    """A Host header that can be one: `name` in small letters, `port` with its colon or empty."""

    name: str
    port: str

    @property
    def is_address(self) -> bool:
        """Whether it is an IP address, which no DNS server can point elsewhere."""
        try:
            ipaddress.ip_address(self.name.strip("[]"))
        except ValueError:
            return False
        return True

    @property
    def connect_sources(self) -> str:
        """What a page under this name may connect to, as a content security policy lists it."""
        if self.name.startswith("["):  # the policy has no form for these; browsers take 'self' for WebSockets too
            return "'self'"
        return f"'self' ws://{self.name}{self.port} wss://{self.name}{self.port}"


def parse_host(text: str) -> Host | None:
    """The host that a Host header names; None where it names none."""
    found = _HOST.fullmatch(text.lower())
    return Host(found[1], found[2] or "") if found else None


def is_known(host: Host, names: Sequence[str]) -> bool:
    """Whether the deck answers under this host. `names` may hold `*.example.com`, or `*` for any."""
    own = host.name == "localhost" or host.name.endswith(".localhost") or host.is_address
    return own or any(_fits(host.name, name) for name in names)


def is_own_origin(origin: str, host: Host, names: Sequence[str]) -> bool:
    """Whether a page of this origin may connect: one of this very host and port.

    A proxy may have put the address of the deck's pod in place of the name that the browser asked for. Then a listed
    name will do, at the usual port and without a pattern. Another program on the visitor's machine serves its pages
    from localhost too, and a neighbour's site from a name beside ours: neither is the deck.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    found = parse_host(parts.netloc)
    if found is None or parts.scheme not in _USUAL_PORTS:
        return False
    usual = _USUAL_PORTS[parts.scheme]
    if (found.name, found.port or usual) == (host.name, host.port or usual):
        return True
    return host.is_address and found.port in ("", usual) and found.name in names


def _fits(name: str, pattern: str) -> bool:
    pattern = pattern.lower().rstrip(".")
    return pattern == "*" or (name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern)
