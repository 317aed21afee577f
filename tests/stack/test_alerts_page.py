"""The Alerts page over a real Alertmanager: a person acknowledges and silences, and sees what was read back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import yaml
from streamlit.testing.v1 import AppTest

from connectors.alertmanager import Alertmanager
from dashboard.act.audit import AuditFile
from dashboard.alerting import mute_of
from dashboard.ui import session
from deploy.local.configuration import alertmanager as without_receivers
from tests.stack.alertmanager_process import fire, running
from tests.stack.test_real_alertmanager import PRODUCTION
from tests.unit.test_ui_alerts import SETTINGS, words

pytestmark = pytest.mark.stack

SICK = {"alertname": "AgentErrorRatioHigh", "severity": "critical", "namespace": "agents", "service_name": "a"}
THEIRS = {"alertname": "Theirs", "severity": "critical", "namespace": "other"}


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    config = without_receivers(yaml.safe_load(PRODUCTION.read_text()))
    with running(tmp_path, config) as address:
        (tmp_path / "tealdeck.toml").write_text(SETTINGS.format(folder=tmp_path, url=address))
        monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
        monkeypatch.setenv("TEALDECK_ACTOR", "alice")
        session.close()
        yield address
        session.drain_actions(5)
        session.close()


def page() -> AppTest:
    drawn = AppTest.from_string("from pages.alerts import page\npage()", default_timeout=60).run()
    assert not drawn.exception
    return drawn


def dialog(what: str, *fingerprints: str) -> AppTest:
    """The dialog alone: AppTest draws whole pages, which would close it."""
    lines = (
        "from dashboard.ui import muting, url",
        "muting.outcome()",
        f"muting._ask({what!r}, {fingerprints!r}, url.read())",
    )
    drawn = AppTest.from_string("\n".join(lines), default_timeout=60).run()
    assert not drawn.exception
    return drawn


def press(drawn: AppTest, key: str) -> None:
    next(one for one in drawn.button if (one.key or "").startswith(key)).click().run()
    assert not drawn.exception


def test_an_alert_is_acknowledged_in_two_taps_and_shown_with_who_and_until_when(url: str, tmp_path: Path) -> None:
    fire(url, SICK, THEIRS, minutes=2)
    drawn = page()
    assert "1 alert needs a person; it has waited 2 min" in words(drawn)
    assert "Theirs" not in words(drawn)
    (key,) = [one.key for one in drawn.button if (one.key or "").startswith("alerts.acknowledge.")]
    asked = dialog("acknowledge", (key or "").rpartition(".")[2])
    press(asked, "alerts.confirm")
    assert "Acknowledged by alice until" in words(asked)
    drawn = page()
    assert "No alert needs a person" in words(drawn)
    assert "by alice until" in words(drawn)
    assert "1 of 1" in words(drawn)
    (kept,) = map(mute_of, Alertmanager(url).silences())
    assert (kept.by, bool(kept.acknowledges)) == ("alice", True)
    audit = [record["agentgov"]["audit"] for record in AuditFile(tmp_path / "audit.jsonl").records()]
    assert [(one["phase"], one["kind"]) for one in audit] == [("begun", "acknowledge"), ("finished", "acknowledge")]


def test_a_silence_shows_what_it_would_mute_before_it_is_made(url: str) -> None:
    fire(url, SICK, {**SICK, "alertname": "AgentLatencyHigh"}, THEIRS, minutes=1)
    drawn = dialog("silence")
    for text, expected in (
        ('alertname=~"["', "no regular expression"),
        ('alertname=~".+"', "nearly every alert"),
        ('alertname="Theirs"', "namespaces that this deck does not show"),
    ):
        drawn.text_input(key="alerts.matchers").input(text).run()
        assert expected in " ".join(one.value for one in drawn.error)
        assert next(one for one in drawn.button if one.key == "alerts.confirm").disabled
    drawn.text_input(key="alerts.matchers").input('alertname="AgentLatencyHigh"').run()
    assert "It would mute 1 alert now" in words(drawn)
    drawn.text_input(key="alerts.reason").input("the index is being rebuilt").run()
    press(drawn, "alerts.confirm")
    assert "Silenced by alice until" in words(drawn)
    assert "1 alert needs a person" in words(page())


@pytest.mark.alone
def test_a_thousand_alerts_and_ten_thousand_silences_are_drawn_within_two_seconds(url: str) -> None:
    fire(url, *({**SICK, "pod": f"p-{number}"} for number in range(1000)), minutes=1)
    now = datetime.now(UTC)
    body = {
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "bob",
        "comment": "many",
    }
    with requests.Session() as http:
        for number in range(10_000):
            matchers = [{"name": "pod", "value": f"other-{number}", "isRegex": False, "isEqual": True}]
            http.post(f"{url}/api/v2/silences", json={**body, "matchers": matchers}, timeout=10).raise_for_status()
    # Alertmanager itself takes seconds to hold new alerts against so many silences, once.
    Alertmanager(url).alerts(timeout_seconds=30)
    page()  # what only the first page of a process costs
    took, drawn = min((_fresh_page() for _ in range(3)), key=lambda one: one[0])
    assert "1,000 alerts need a person" in words(drawn)
    assert "10,000 in force" in words(drawn)
    assert took < 2.0, f"{took:.2f} s"


def _fresh_page() -> tuple[float, AppTest]:
    """How long the page takes, in seconds, with nothing known from before; and the page."""
    session.close()
    began = time.monotonic()
    drawn = page()
    return time.monotonic() - began, drawn
