"""Which loopback addresses and ports an environment has.

All of 127.0.0.0/8 is this machine, so each environment takes an n of its own and lives on 127.n.0.0/16: its servers
keep their usual ports, links stay valid from one start to the next, and environments do not meet. The n is held by a
socket as long as the supervisor lives; the kernel lets go of it however the supervisor ends.
"""

from __future__ import annotations

import errno
import socket
import zlib
from dataclasses import dataclass
from functools import cached_property

from deploy.local.errors import CommandError
from deploy.local.layout import Layout, write_whole

_DASHBOARD_PORTS = range(8501, 8600)
_POD_PORT = 8080
_LOCK_PORT = 20127
_OCTETS = range(2, 254)
_USUAL = {
    "etcd": 2379,  # this and the next six are the real servers' own, see real/
    "etcd-peer": 2380,
    "etcd-health": 2381,
    "controller-manager": 10257,
    "scheduler": 10259,
    "elasticsearch-transport": 9300,
    "node-tls": 10251,
    "prometheus": 9090,
    "alertmanager": 9093,
    "logstore": 9200,
    "collector": 4318,
    "controllers": 8081,
    "node": 10250,
    "proxy": 10256,
    "probes": 9115,
}


@dataclass(frozen=True)
class Addresses:
    """What an environment with this n has; `lock` is the socket that holds it."""

    octet: int
    lock: socket.socket
    dashboard_port: int

    @property
    def host(self) -> str:
        return f"127.{self.octet}.0.1"

    @property
    def pod_cidrs(self) -> dict[str, str]:
        """The nodes and their pods' addresses, as the API shows them; see addresses.py for the sockets."""
        return {"node-a": f"10.{self.octet}.1.0/24", "node-b": f"10.{self.octet}.2.0/24"}

    @property
    def service_cidr(self) -> str:
        return f"10.{self.octet}.255.0/24"

    @cached_property
    def listen(self) -> dict[str, str]:
        """HOST:PORT of each server, by its name."""
        return {
            # The certificate is for 127.0.0.1, where environments share the ports, so the n goes into the port.
            "apiserver": f"127.0.0.1:{_free('127.0.0.1', 20000 + self.octet)}",
            "dashboard": f"127.0.0.1:{self.dashboard_port}",
            **{name: f"{self.host}:{_free(self.host, port)}" for name, port in _USUAL.items()},
        }

    def url(self, name: str) -> str:
        return f"{'https' if name == 'apiserver' else 'http'}://{self.listen[name]}"


def take(layout: Layout, dashboard_port: int | None) -> Addresses:
    """The addresses for this state: those of its last run, else free ones.

    Raises CommandError if they, the port that the person named, or the pods' port are taken.
    """
    port = _dashboard_port(dashboard_port)
    kept = int(layout.octet.read_text()) if layout.octet.exists() else None
    # Where to begin looking depends on the folder, so that states made at the same time seldom meet.
    start = zlib.crc32(str(layout.root).encode()) % len(_OCTETS)
    for octet in [kept] if kept else [*_OCTETS[start:], *_OCTETS[:start]]:
        if lock := _hold(f"127.{octet}.0.1"):
            try:
                _require_pod_port(f"127.{octet}.0.1")
                write_whole(layout.octet, f"{octet}\n")
            except BaseException:
                lock.close()
                raise
            return Addresses(octet, lock, port)
    if kept:
        raise CommandError(
            f"Another environment lives on 127.{kept}.0.0/16, which the cluster in {layout.root} was made for. "
            "Stop the other one, or start a new environment with --state DIR."
        )
    raise CommandError(f"Port {_LOCK_PORT} is taken on all loopback networks. Stop what listens there.")


def _dashboard_port(named: int | None) -> int:
    if named is None:
        return _free("127.0.0.1", *_DASHBOARD_PORTS)
    if not _is_free("127.0.0.1", named):
        raise CommandError(f"Port {named} is taken. Stop what listens there, or name another with --dashboard-port.")
    return named


def _require_pod_port(host: str) -> None:
    if not _is_free(host, _POD_PORT):
        raise CommandError(
            f"Another program listens on port {_POD_PORT} of all addresses of this machine; the pods need it on "
            "addresses of their own. Stop that program, or let it listen on one address."
        )


def _hold(host: str) -> socket.socket | None:
    lock = socket.socket()
    try:
        lock.bind((host, _LOCK_PORT))
    except OSError as error:
        lock.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise CommandError(f"The loopback address {host} cannot be used here: {error.strerror}.") from error
    return lock


def _free(host: str, *preferred: int) -> int:
    """The first preferred port where nobody listens, else one that the system picks."""
    for port in preferred:
        if _is_free(host, port):
            return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do it: connections that linger after a stop are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
