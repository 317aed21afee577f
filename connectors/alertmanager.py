"""Alertmanager API v2: firing alerts and their groups, silences and what they match, receivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connectors.errors import BadAnswer, NotFound, understood
from connectors.session import NO_ACCESS_RULES, Access, Session

SOURCE = "alertmanager"
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringAlert:
    """One alert. `state` is active, suppressed or unprocessed (just arrived).

    `receivers` are all whom its routes name, told by now or not. `generator_url` leads to the rule's expression in
    Prometheus; "" where the sender gave none. `muted_by` are the names of time intervals (Alertmanager 0.28 and later).
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    state: str
    fingerprint: str
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    muted_by: tuple[str, ...] = ()
    generator_url: str = ""
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """The alerts of one notification to one receiver, with the labels they share."""

    labels: Mapping[str, str]
    receiver: str
    alerts: tuple[FiringAlert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on a label. As text it is what `filters` take."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        operator = ("=~" if self.is_regex else "=") if self.is_equal else ("!~" if self.is_regex else "!=")
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{operator}"{quoted}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A period in which matching alerts notify nobody. `state` is pending, active or expired; times are aware."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What Alertmanager says of itself: its configuration as YAML without secrets ("" where it keeps that to itself),
    and since when it runs.
    """

    config: str
    started_at: datetime


class Alertmanager:
    """One Alertmanager. Safe for threads. Timeouts are in seconds and hold for the whole answer.

    Every method may raise a `SourceError`: `Rejected` for a matcher that cannot be read or missing rights, `TimedOut`,
    `Unreachable`, `RateLimited` or `BadAnswer` as `connectors/errors.py` says.
    """

    def __init__(self, url: str, access: Access = NO_ACCESS_RULES) -> None:
        self._api = f"{url.rstrip('/')}/api/v2"
        self._session = Session(SOURCE, access)
        self.clock = self._session.clock

    def alerts(
        self, filters: Sequence[str] = (), *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> tuple[FiringAlert, ...]:
        """All alerts that match each of `filters` (`name="value"`, `=~`, `!=`), silenced and inhibited ones too.

        One GET /api/v2/alerts.
        """
        found = self._session.get_json(f"{self._api}/alerts", params={"filter": list(filters)}, timeout=timeout_seconds)
        with understood(SOURCE):
            return tuple(map(_alert, found))

    def groups(
        self, filters: Sequence[str] = (), *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> tuple[AlertGroup, ...]:
        """The alerts as they are sent: one notification a group. One GET /api/v2/alerts/groups."""
        found = self._session.get_json(
            f"{self._api}/alerts/groups", params={"filter": list(filters)}, timeout=timeout_seconds
        )
        with understood(SOURCE):
            return tuple(
                AlertGroup(
                    labels=group["labels"],
                    receiver=group["receiver"]["name"],
                    alerts=tuple(map(_alert, group["alerts"])),
                )
                for group in found
            )

    def receivers(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> tuple[str, ...]:
        """The names of all receivers. One GET /api/v2/receivers."""
        found = self._session.get_json(f"{self._api}/receivers", timeout=timeout_seconds)
        with understood(SOURCE):
            return tuple(str(receiver["name"]) for receiver in found)

    def silences(self, filters: Sequence[str] = (), *, timeout_seconds: float = TIMEOUT_SECONDS) -> tuple[Silence, ...]:
        """All silences, expired ones too, as long as Alertmanager keeps them. One GET /api/v2/silences."""
        found = self._session.get_json(
            f"{self._api}/silences", params={"filter": list(filters)}, timeout=timeout_seconds
        )
        with understood(SOURCE):
            return tuple(map(_silence, found))

    def silence(self, silence: Silence, *, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """Creates the silence, or changes the one of its id (to extend it); returns the id. One POST /api/v2/silences.

        The id may be a new one: a silence whose matchers change, or that has ended, is replaced by another.

        Raises:
            NotFound: there is no silence of that id.
        """
        answer = self._session.request(
            "POST", f"{self._api}/silences", json=_as_posted(silence), timeout=timeout_seconds
        )
        with understood(SOURCE):
            return str(answer.json()["silenceID"])

    def expire(self, silence_id: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Ends a silence now. One DELETE /api/v2/silence/{id}.

        Raises:
            NotFound: there is no silence of that id.
        """
        try:
            self._session.request(
                "DELETE", f"{self._api}/silence/{quote(silence_id, safe='')}", timeout=timeout_seconds
            )
        except BadAnswer as error:
            if "not found" in error.detail:  # before 0.27 that was a 500
                raise NotFound(SOURCE, error.detail) from error
            raise

    def matched(
        self, matchers: Sequence[Matcher], *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> tuple[FiringAlert, ...]:
        """The alerts that a silence with these matchers would mute now, as Alertmanager matches them.

        One GET /api/v2/alerts.
        """
        return self.alerts([str(matcher) for matcher in matchers], timeout_seconds=timeout_seconds)

    def silence_of(self, silence_id: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Silence:
        """One silence as it is now. One GET /api/v2/silence/{id}.

        Raises:
            NotFound: there is no silence of that id.
        """
        found = self._session.get_json(
            f"{self._api}/silence/{quote(silence_id, safe='')}", params={}, timeout=timeout_seconds
        )
        with understood(SOURCE):
            return _silence(found)

    def setup(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Setup:
        """Its configuration, and since when it runs. One GET /api/v2/status."""
        status = self._session.get_json(f"{self._api}/status", timeout=timeout_seconds)
        with understood(SOURCE):
            return Setup(
                config=str((status.get("config") or {}).get("original") or ""),
                started_at=datetime.fromisoformat(status["uptime"]),
            )

    def version(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """The version; also serves as the health check. One GET /api/v2/status."""
        status = self._session.get_json(f"{self._api}/status", timeout=timeout_seconds)
        with understood(SOURCE):
            return str(status["versionInfo"]["version"])


def _silence(found: Any) -> Silence:
    return Silence(
        id=found["id"],
        state=found["status"]["state"],
        matchers=tuple(
            Matcher(
                name=matcher["name"],
                value=matcher["value"],
                is_regex=matcher["isRegex"],
                is_equal=matcher.get("isEqual", True),  # absent before 0.22
            )
            for matcher in found["matchers"]
        ),
        starts_at=datetime.fromisoformat(found["startsAt"]),
        ends_at=datetime.fromisoformat(found["endsAt"]),
        created_by=found["createdBy"],
        comment=found["comment"],
    )


def _as_posted(silence: Silence) -> dict[str, Any]:
    return {
        **({"id": silence.id} if silence.id else {}),
        "matchers": [
            {"name": one.name, "value": one.value, "isRegex": one.is_regex, "isEqual": one.is_equal}
            for one in silence.matchers
        ],
        "startsAt": silence.starts_at.isoformat(),
        "endsAt": silence.ends_at.isoformat(),
        "createdBy": silence.created_by,
        "comment": silence.comment,
    }


def _alert(found: Any) -> FiringAlert:
    return FiringAlert(
        labels=found["labels"],
        annotations=found["annotations"],
        starts_at=datetime.fromisoformat(found["startsAt"]),
        state=found["status"]["state"],
        fingerprint=found["fingerprint"],
        silenced_by=tuple(found["status"].get("silencedBy") or ()),
        inhibited_by=tuple(found["status"].get("inhibitedBy") or ()),
        muted_by=tuple(found["status"].get("mutedBy") or ()),
        generator_url=found.get("generatorURL") or "",
        receivers=tuple(receiver["name"] for receiver in found.get("receivers") or ()),
    )
