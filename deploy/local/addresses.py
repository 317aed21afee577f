"""The only place that knows that a pod's address on the wire is not the one that the API shows.

A real API server refuses loopback addresses in EndpointSlices, and without root only loopback can be bound. So
the API shows 10.n.x.y, and the sockets are bound on 127.n.x.y.
"""

from __future__ import annotations

import ipaddress

_SHOWN = ipaddress.ip_network("10.0.0.0/8")


def to_loopback(ip: str) -> str:
    """The address to bind or to connect to, for an address that the API shows.

    Raises ValueError for an address that is not of this environment.
    """
    address = ipaddress.IPv4Address(ip)
    if address not in _SHOWN:
        raise ValueError(f"{ip} is not in {_SHOWN}, so it has no loopback form")
    return f"127.{ip.split('.', 1)[1]}"
