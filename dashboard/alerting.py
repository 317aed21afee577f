"""What Alertmanager answers in the deck's own words, and back: for those who read and for those who act."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from connectors.alertmanager import FiringAlert, Matcher, Silence
from dashboard.decide.alert_names import in_our_names
from dashboard.model.alert import Alert
from dashboard.model.own_labels import OwnLabel
from dashboard.model.silence import AlertMatcher, Mute


def alert_of(found: FiringAlert, own_labels: Sequence[OwnLabel] = ()) -> Alert:
    """An alert of Alertmanager as the deck has it. `own_labels` are the team's, where they are not ours."""
    return Alert(
        name=found.labels.get("alertname", ""),
        labels=found.labels,
        annotations=found.annotations,
        starts_at=found.starts_at,
        state="suppressed" if found.state == "suppressed" else "active",
        fingerprint=found.fingerprint,
        silenced_by=found.silenced_by,
        inhibited_by=found.inhibited_by,
        muted_by=found.muted_by,
        receivers=found.receivers,
        expression=rule_of(found.generator_url),
        own=in_our_names(found.labels, own_labels),
    )


def rule_of(generator_url: str) -> str:
    """The rule's PromQL, or "". Prometheus sends a link to its graph page that has the expression in it."""
    try:
        return next(iter(parse_qs(urlsplit(generator_url).query).get("g0.expr", ())), "")
    except ValueError:  # not a URL
        return ""


def mute_of(found: Silence) -> Mute:
    """A silence of Alertmanager as the deck has it."""
    return Mute(
        id=found.id,
        state="pending" if found.state == "pending" else "expired" if found.state == "expired" else "active",
        matchers=tuple(
            AlertMatcher(name=one.name, value=one.value, is_regex=one.is_regex, is_equal=one.is_equal)
            for one in found.matchers
        ),
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        by=found.created_by,
        comment=found.comment,
    )


def silence_of(mute: Mute) -> Silence:
    """A silence as Alertmanager takes it; one without an id is made anew."""
    return Silence(
        id=mute.id,
        matchers=tuple(
            Matcher(name=one.name, value=one.value, is_regex=one.is_regex, is_equal=one.is_equal)
            for one in mute.matchers
        ),
        starts_at=mute.starts_at,
        ends_at=mute.ends_at,
        created_by=mute.by,
        comment=mute.comment,
    )
