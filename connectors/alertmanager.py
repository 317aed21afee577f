"""Alertmanager over its API v2: the alerts that fire now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.errors import understood
from connectors.session import Session

SOURCE = "alertmanager"
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringAlert:
    """One alert. `state` is active, suppressed or unprocessed (just arrived)."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    state: str
    fingerprint: str
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]


class Alertmanager:
    """One Alertmanager. Safe for threads. Every method may raise a `SourceError`."""

    def __init__(self, url: str, *, ca_file: str = "", verify_tls: bool = True, token_file: str = "") -> None:
        self._api = f"{url.rstrip('/')}/api/v2"
        self._session = Session(SOURCE, ca_file=ca_file, verify_tls=verify_tls, token_file=token_file)

    def alerts(
        self, filters: Sequence[str] = (), *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> tuple[FiringAlert, ...]:
        """All alerts that match each of `filters` (`name="value"`, `=~`, `!=`), silenced and inhibited ones too."""
        found = self._session.get_json(f"{self._api}/alerts", params={"filter": list(filters)}, timeout=timeout_seconds)
        with understood(SOURCE):
            return tuple(map(_alert, found))

    def version(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """Asks whether it is up and what it is. One GET /api/v2/status."""
        status = self._session.get_json(f"{self._api}/status", timeout=timeout_seconds)
        with understood(SOURCE):
            return str(status["versionInfo"]["version"])


def _alert(found: Any) -> FiringAlert:
    return FiringAlert(
        labels=found["labels"],
        annotations=found["annotations"],
        starts_at=datetime.fromisoformat(found["startsAt"]),
        state=found["status"]["state"],
        fingerprint=found["fingerprint"],
        silenced_by=tuple(found["status"].get("silencedBy") or ()),
        inhibited_by=tuple(found["status"].get("inhibitedBy") or ()),
    )
