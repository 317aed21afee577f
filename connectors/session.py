"""HTTP with two outcomes: the JSON of a 200, or one of our errors.

Shared by Prometheus and Alertmanager. One pool of connections, no retries (an interactive view asks again by itself),
no proxy and no credentials from the shell: the settings say where a source is.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from connectors import body, deadline
from connectors.clock import SourceClock
from connectors.errors import SourceError, Unreachable, from_failed_call, from_status, understood
from connectors.secrets import remember

POOL_SIZE = 8
# Headers are no place for secrets, but people put them there; a tenant's name is shorter.
LIKE_A_SECRET = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to verify a source and how to authenticate. Files are read at each use, so they may be rotated.

    Attributes:
        ca_file: PEM file of the CA to trust; empty: the certifi package's.
        verify_tls: false accepts any certificate.
        token_file: file with a bearer token; empty: none is sent.
        username, password_file: for basic authentication; empty: none is sent.
        cert_file, key_file: PEM files of a client certificate and its key; empty: none is shown.
        headers: sent with every request, for example the tenant.
    """

    ca_file: str = ""
    verify_tls: bool = True
    token_file: str = ""
    username: str = ""
    password_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


NO_ACCESS_RULES = Access()


class Session(requests.Session):
    """A session that raises `SourceError` for everything but a 200. Safe for threads in the ways it is used here."""

    def __init__(self, source: str, access: Access = NO_ACCESS_RULES) -> None:
        super().__init__()
        self.source = source
        self.clock = SourceClock()
        self.trust_env = False
        self.verify = (access.ca_file or True) if access.verify_tls else False
        self.cert = (access.cert_file, access.key_file) if access.cert_file else None
        self._access = access
        for value in access.headers.values():
            if len(value) >= LIKE_A_SECRET:
                remember(value)
        self._last = threading.local()
        self.pool("http://", "https://")

    def pool(self, *prefixes: str) -> None:
        """Keeps up to POOL_SIZE connections to URLs with these prefixes; never retries."""
        for prefix in prefixes:
            adapter = HTTPAdapter(max_retries=0, pool_maxsize=POOL_SIZE, pool_connections=2)
            adapter.poolmanager.pool_classes_by_scheme = deadline.POOLS
            self.mount(prefix, adapter)

    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        """As `requests.Session.request`; the answer is a 200, and was read within `timeout` seconds.

        The parameters of a POST go into its body as a form: a long query would not fit into a URL.
        """
        check_ca_file(self.source, self._access.ca_file)
        options["headers"] = {**(options.get("headers") or {}), **self._access.headers, **self._authorization()}
        options["allow_redirects"] = False  # a redirect leads to a login page, never to an answer
        if method == "POST" and (form := options.pop("params", None)):
            options["data"] = form
        timeout = options.setdefault("timeout", 2.0)
        end = time.monotonic() + timeout
        try:
            response = super().request(method, url, **options, stream=True)
            response._content = body.read(response.raw, deadline=end)  # as requests itself fills it
        except (requests.RequestException, HTTPError, OSError) as error:
            raise from_failed_call(self.source, error, timeout_seconds=timeout) from error
        self.clock.heard(response.headers.get("Date"))
        if response.status_code != 200:
            raise self._refusal(response)
        self._last.response = response
        return response

    def get_json(self, url: str, *, timeout: float, params: dict[str, Any] | None = None) -> Any:
        """The decoded body of a GET."""
        response = self.request("GET", url, params=params, timeout=timeout)
        with understood(self.source):
            return response.json()

    def last_answer(self) -> requests.Response:
        """The last response of this thread, for what a client library drops from it."""
        response: requests.Response = self._last.response
        return response

    def _authorization(self) -> dict[str, str]:
        access = self._access
        if access.token_file:
            return {"Authorization": f"Bearer {token(self.source, access.token_file)}"}
        if access.username:
            pair = f"{access.username}:{secret(self.source, access.password_file)}"
            return {"Authorization": f"Basic {remember(b64encode(pair.encode()).decode())}"}
        return {}

    def _refusal(self, response: requests.Response) -> SourceError:
        try:
            answer = response.json()
            text = str(answer.get("error") or answer.get("message") or answer)
        except (ValueError, AttributeError):
            text = response.text[:1000]
        return from_status(self.source, response.status_code, text, retry_after=response.headers.get("Retry-After"))


def check_ca_file(source: str, file: str) -> None:
    """Names the CA file that is missing; the TLS libraries do not.

    Raises:
        Unreachable: there is no such file.
    """
    if file and not Path(file).is_file():
        raise Unreachable(source, f"the CA file {file} is not there")


def secret(source: str, file: str) -> str:
    """The content of a secret's file, read at each use, so that it may be rotated.

    Raises:
        Unreachable: it cannot be read or is empty.
    """
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise Unreachable(source, f"cannot read its credentials from {file}: {why}") from error
    if not text or not text.isprintable():
        raise Unreachable(source, f"{file} holds no usable credentials")
    return remember(text)


def token(source: str, file: str) -> str:
    """As `secret`, for what stands in a header as it is.

    Raises:
        Unreachable: it cannot be read, is empty, or has characters that no header takes.
    """
    text = secret(source, file)
    if not text.isascii():
        raise Unreachable(source, f"{file} holds no usable token: a header takes ASCII characters alone")
    return text
