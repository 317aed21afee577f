"""The real control plane as processes: etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback.

Authorisation is RBAC, and each component has an identity of its own by a token file, as each kubeconfig here has.
What is not theirs stays ours: the node agent, the Services' proxy and what production's kube-state-metrics answers.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.apiserver import pki
from deploy.local.children import Child

_USERS = {
    "tealdeck-admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}
_ISSUER = "https://kubernetes.default.svc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a control plane lives: its program, its folder, HOST:PORT of each part, and the file clients read.

    `controllers` is the controller-manager's own list of those that run.
    """

    program: Path
    root: Path
    listen: Mapping[str, str]
    service_cidr: str
    kubeconfig: Path
    controllers: str = "*"


PARTS = ("apiserver", "etcd", "etcd-peer", "etcd-health", "controller-manager", "scheduler")


def children(place: Place) -> list[Child]:
    """The four processes, with what they are given to know each other by. Raises OSError."""
    made = pki.credentials(place.root / "pki")
    _make_signing_key(place.root / "pki" / "service-accounts.key")
    url = f"https://{place.listen['apiserver']}"
    for user, token in _tokens(place.root / "pki" / "tokens.csv", made.token).items():
        file = place.kubeconfig if user == "tealdeck-admin" else _kubeconfig(place, user)
        pki.write_kubeconfig(file, url, dataclasses.replace(made, token=token))
    return [
        _etcd(place),
        _apiserver(place, made, url),
        _component(place, "controller-manager", f"--controllers={place.controllers}",
                   "--use-service-account-credentials", f"--root-ca-file={made.authority}",
                   f"--service-account-private-key-file={place.root / 'pki' / 'service-accounts.key'}"),
        _component(place, "scheduler"),
    ]  # fmt: skip


def _etcd(place: Place) -> Child:
    client, peer = f"http://{place.listen['etcd']}", f"http://{place.listen['etcd-peer']}"
    health = f"http://{place.listen['etcd-health']}"
    command = (
        str(place.program), "etcd", "--name=one", f"--data-dir={place.root / 'etcd'}",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=one={peer}",
        f"--listen-metrics-urls={health}", "--log-level=warn",
    )  # fmt: skip
    return Child(name="etcd", command=command, ready=f"{health}/health")


def _apiserver(place: Place, made: pki.Credentials, url: str) -> Child:
    host, port = place.listen["apiserver"].split(":")
    key = place.root / "pki" / "service-accounts.key"
    command = (
        str(place.program), "kube-apiserver", f"--bind-address={host}", f"--secure-port={port}",
        f"--etcd-servers=http://{place.listen['etcd']}", f"--service-cluster-ip-range={place.service_cidr}",
        # It only has to be an address; with no reconciler nobody is told of it, since loopback may not be an endpoint.
        f"--advertise-address={place.service_cidr.split('/')[0]}", "--endpoint-reconciler-type=none",
        f"--tls-cert-file={made.certificate}", f"--tls-private-key-file={made.key}",
        f"--client-ca-file={made.authority}", f"--token-auth-file={place.root / 'pki' / 'tokens.csv'}",
        f"--service-account-issuer={_ISSUER}", f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction", "--kubelet-preferred-address-types=InternalIP",
    )  # fmt: skip
    return Child(name="apiserver", command=command, ready=f"{url}/readyz", after=("etcd",))


def _component(place: Place, name: str, *more: str) -> Child:
    host, port = place.listen[name].split(":")
    kubeconfig = _kubeconfig(place, f"system:kube-{name}")
    command = (
        str(place.program), f"kube-{name}", f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}", f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={host}", f"--secure-port={port}", f"--cert-dir={place.root / 'pki' / name}",
        "--leader-elect=false", *more,
    )  # fmt: skip
    return Child(name=name, command=command, ready=f"https://{host}:{port}/healthz", after=("apiserver",))


def _kubeconfig(place: Place, user: str) -> Path:
    return place.root / f"{user.removeprefix('system:')}.kubeconfig"


def _tokens(path: Path, admin: str) -> dict[str, str]:
    """The users' tokens in the file that the API server reads; kept, so that kubeconfigs stay good."""
    if not path.exists():
        given = {user: admin if user == "tealdeck-admin" else secrets.token_urlsafe(32) for user in _USERS}
        lines = [f'{token},{user},{user},"{_USERS[user]}"\n' for user, token in given.items()]
        pki.write_private(path, "".join(lines).encode())
    rows = (line.split(",") for line in path.read_text().splitlines())
    return {user: token for token, user, *_ in rows}


def _make_signing_key(path: Path) -> None:
    if path.exists():
        return
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pki.write_private(path, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
