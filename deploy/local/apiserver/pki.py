"""The server's own certificate authority, certificate and token, and the kubeconfig that carries them.

Made once and reused at every later start, so that a kubeconfig stays good. Secrets are readable by their owner alone.
"""

import asyncio
import base64
import os
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from deploy.local.errors import CommandError

_YEARS = timedelta(days=3650)
_AUTHORITY = "tealdeck-local-ca"
_KEYS = ("ca.key", "server.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where the files are, and the token."""

    authority: Path
    certificate: Path
    key: Path
    token: str

    def ssl_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def credentials(folder: Path) -> Credentials:
    """The credentials in this folder, made when they are not there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    token_path = folder / "token"
    # The token is written last: where it is, the rest is whole.
    if not token_path.exists():
        _make(folder)
        write_private(token_path, secrets.token_urlsafe(32).encode())
    return Credentials(
        authority=folder / "ca.crt",
        certificate=folder / "server.crt",
        key=folder / "server.key",
        token=token_path.read_text().strip(),
    )


def write_kubeconfig(path: Path, url: str, made: Credentials) -> None:
    """Write the file that kubectl and the clients read: address, authority and token in one."""
    import yaml

    authority = base64.b64encode(made.authority.read_bytes()).decode()
    name = "tealdeck-local"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": url, "certificate-authority-data": authority}}],
        "users": [{"name": name, "user": {"token": made.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, yaml.safe_dump(content).encode())


def write_private(path: Path, data: bytes) -> None:
    """Replace a file by one that only its owner reads; nobody sees it half written."""
    draft = path.with_name(path.name + ".tmp")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
    draft.replace(path)


def renew(folder: Path, lifetime: timedelta = _YEARS) -> None:
    """Writes another server certificate of the same authority and key. Raises CommandError if there is no authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
        keys = [serialization.load_pem_private_key((folder / name).read_bytes(), None) for name in _KEYS]
    except OSError as error:
        raise CommandError(
            f"{error.filename} is not there, so no certificate can be made: start afresh with another --state DIR."
        ) from error
    _write_server_certificate(folder, authority, keys[0], keys[1], lifetime)


async def follow(context: ssl.SSLContext, made: Credentials, interval_seconds: float = 1.0) -> None:
    """Takes over a certificate that was renewed, until cancelled: for new connections, as the real server does."""
    seen = made.certificate.stat().st_mtime_ns
    while True:
        await asyncio.sleep(interval_seconds)
        if (now := made.certificate.stat().st_mtime_ns) != seen:
            context.load_cert_chain(made.certificate, made.key)
            seen = now


def _make(folder: Path) -> None:
    # Imported here and below: only starts that make certificates need it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    authority = (
        _builder(_AUTHORITY, authority_key, _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(folder / "ca.crt", authority.public_bytes(serialization.Encoding.PEM))
    for name, key in zip(_KEYS, (authority_key, server_key), strict=True):
        write_private(folder / name, key.private_bytes(*plain))
    _write_server_certificate(folder, authority, authority_key, server_key, _YEARS)


def _write_server_certificate(
    folder: Path, authority: Any, authority_key: Any, server_key: Any, lifetime: timedelta
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID

    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    server = (
        _builder("tealdeck-apiserver", server_key, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_private(folder / "server.crt", server.public_bytes(serialization.Encoding.PEM))


def _builder(subject: str, key: Any, lifetime: timedelta) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(_AUTHORITY))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of containers lag
        .not_valid_after(now + lifetime)
    )
