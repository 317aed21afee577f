"""HTTP with the answers that callers can use: JSON of a 200, or one of our errors.

Shared by Prometheus and Alertmanager. One pool of connections, no retries (an interactive view asks again by itself),
no proxy and no credentials from the shell: the settings say where a source is.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from connectors.errors import SourceError, Unreachable, from_failed_call, from_status, understood

POOL_SIZE = 8


class Session(requests.Session):
    """A session that raises `SourceError` for everything but a 200. Safe for threads, as far as it is used here."""

    def __init__(self, source: str, *, ca_file: str = "", verify_tls: bool = True, token_file: str = "") -> None:
        super().__init__()
        self.source = source
        self.trust_env = False
        self.verify = (ca_file or True) if verify_tls else False
        self._ca_file = ca_file
        self._token_file = token_file
        self._last = threading.local()
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=0, pool_maxsize=POOL_SIZE, pool_connections=2))

    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        """As `requests.Session.request`; the answer is a 200."""
        check_ca_file(self.source, self._ca_file)
        options["headers"] = {**(options.get("headers") or {}), **self._authorization()}
        options["allow_redirects"] = False  # a redirect is a login page, never an answer
        timeout = options.setdefault("timeout", 2.0)
        try:
            response = super().request(method, url, **options)
        except (requests.RequestException, OSError) as error:
            raise from_failed_call(self.source, error, timeout_seconds=timeout) from error
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
        """The response that this thread got last: for what a client library drops from it."""
        response: requests.Response = self._last.response
        return response

    def _authorization(self) -> dict[str, str]:
        if not self._token_file:
            return {}
        return {"Authorization": f"Bearer {secret(self.source, self._token_file)}"}

    def _refusal(self, response: requests.Response) -> SourceError:
        try:
            answer = response.json()
            text = str(answer.get("error") or answer.get("message") or answer)
        except (ValueError, AttributeError):
            text = response.text[:1000]
        return from_status(self.source, response.status_code, text, retry_after=response.headers.get("Retry-After"))


def check_ca_file(source: str, file: str) -> None:
    """Says which CA file is missing, where the TLS libraries would say that something is.

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
    return text
