"""What people do about alerts: acknowledge, silence, extend, end. The request as it was confirmed, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from dashboard.model.action import ActionId, Actor, Outcome
from dashboard.model.own_labels import OwnLabel
from dashboard.model.reason import LONGEST_REASON
from dashboard.model.silence import AlertMatcher, Mute

# More alerts than this are no longer read one by one before they are acknowledged: a silence says what it covers.
MOST_ACKNOWLEDGED = 25
# Who ends the acknowledgement of an alert that is over.
THE_DECK = Actor(name="tealdeck", origin="the deck itself")


class MutingKind(StrEnum):
    """Acknowledge makes a silence of exactly one alert, for each alert named; extend and expire change one silence."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    EXTEND = "extend"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNamed:
    """An alert as the dialog showed it: its labels, and since when it fires."""

    labels: Mapping[str, str]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MutingRequest:
    """What a person confirmed. `alerts` are acknowledged, `matchers` silenced; `mute` is the silence to extend or end.

    `until` is its end, except for EXPIRE, which ends now. `accepts_warnings`: the person saw the warnings that go with
    these matchers and wants it all the same. A reason is cut just beyond its bound, so that the guard still refuses it.
    """

    kind: MutingKind
    namespace: str
    actor: Actor
    reason: str = ""
    until: datetime | None = None
    alerts: tuple[AlertNamed, ...] = ()
    matchers: tuple[AlertMatcher, ...] = ()
    mute: Mute | None = None
    accepts_warnings: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", self.reason[: LONGEST_REASON + 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class MutingState:
    """How a request ended: `sentence` says what was read back from Alertmanager, or why nothing was done."""

    id: ActionId
    request: MutingRequest
    outcome: Outcome
    sentence: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MutingRules:
    """Who may mute what, and for how long; `namespaces` are those that the environment shows. "*" is anybody.

    `own_labels` say what binds an alert to a namespace, where the team's labels are not ours.
    """

    namespaces: tuple[str, ...]
    own_labels: tuple[OwnLabel, ...] = ()
    may_acknowledge: tuple[str, ...] = ("*",)
    may_silence: tuple[str, ...] = ("*",)
    longest_acknowledgement: timedelta = timedelta(hours=4)
    longest_silence: timedelta = timedelta(days=3)
