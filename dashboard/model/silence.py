"""Silences of Alertmanager, and acknowledgements, which are silences of one alert with a mark in their comment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

ACKNOWLEDGED = "Acknowledged (firing since "
# The comment of an acknowledgement. It reads well in Alertmanager's own page, and tells since when the alert fired.
_ACKNOWLEDGED = re.compile(
    re.escape(ACKNOWLEDGED) + r"(?P<since>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z)\)(: (?P<reason>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMatcher:
    """One condition on a label. A label that an alert lacks is the empty string; a regular expression is anchored."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        operator = ("=~" if self.is_regex else "=") if self.is_equal else ("!~" if self.is_regex else "!=")
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{operator}"{quoted}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A silence as Alertmanager holds it. Nobody is told of matching alerts from `starts_at` until `ends_at`."""

    id: str
    state: Literal["pending", "active", "expired"]
    matchers: tuple[AlertMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    by: str
    comment: str

    @property
    def acknowledges(self) -> datetime | None:
        """Since when the alert fired that this acknowledges; None for a plain silence."""
        found = _ACKNOWLEDGED.fullmatch(self.comment)
        if found is None or not self.matchers or any(one.is_regex or not one.is_equal for one in self.matchers):
            return None
        try:
            return datetime.fromisoformat(found["since"].replace("Z", "+00:00"))
        except ValueError:
            return None

    @property
    def reason(self) -> str:
        """Why, in the words of who made it."""
        found = _ACKNOWLEDGED.fullmatch(self.comment)
        return (found["reason"] or "") if found else self.comment

    @property
    def text(self) -> str:
        """Its matchers as a person writes them."""
        return ", ".join(map(str, self.matchers))


def acknowledgement(since: datetime, reason: str) -> str:
    """The comment that marks a silence as an acknowledgement of an alert that has fired since then."""
    at = since.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{ACKNOWLEDGED}{at}Z)" + (f": {reason}" if reason else "")


def exactly(labels: Mapping[str, str]) -> tuple[AlertMatcher, ...]:
    """Matchers that an alert with these labels fits, and none with another value for one of them."""
    return tuple(AlertMatcher(name=name, value=value) for name, value in sorted(labels.items()) if value)
