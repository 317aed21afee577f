"""Builders of evidence for the tests of gates and verdicts: a healthy release, of which a test changes one thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard.model.alert import Alert
from dashboard.model.conditions import Declared, ErrorLines
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.release import GovernedService, Track, TrackStatus
from dashboard.model.verdict import Counts, Evidence, Mode
from tests.unit.release_trial import trial

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def known(value: Any, source: Source = Source.PROMETHEUS) -> Reading[Any]:
    """A fresh reading."""
    return fresh(value, source=source, as_of=NOW)


def counts(**changes: Any) -> Counts:
    """1,000 runs of which 4 failed, 3,000 evaluations of which 3 found a violation, p95 of 1.2 s."""
    given = {"runs": 1000.0, "failed": 4.0, "evaluations": 3000.0, "violations": 3.0, "p95_seconds": 1.2}
    return Counts(
        **{name: value if isinstance(value, Reading) else known(value) for name, value in {**given, **changes}.items()}
    )


def few(share: float = 0.15, **changes: Any) -> Counts:
    """The same over the short window."""
    given = {"runs": 1000 * share, "failed": 0.0, "evaluations": 3000 * share, "violations": 0.0}
    return counts(**{**given, **changes})


def status(track: Track, **changes: Any) -> TrackStatus:
    """Two pods, both ready; blue 1.7.4 or green 1.8.0."""
    given: dict[str, Any] = {
        "track": track,
        "deployment": f"agent-runtime-{track}",
        "version": {"blue": "1.7.4", "green": "1.8.0"}[track],
        "desired": 2,
        "ready": 2,
        "restarts": 0,
        "serving": 2 if track is Track.BLUE else 0,
    }
    return TrackStatus(**{**given, **changes})


def service(**tracks: Mapping[str, Any]) -> GovernedService:
    """agent-runtime on blue; `blue={...}` and `green={...}` change a track."""
    return GovernedService(
        namespace="agents",
        name="agent-runtime",
        active=Track.BLUE,
        preview_service="agent-runtime-preview",
        owner="team-agents",
        tracks={track: status(track, **tracks.get(track, {})) for track in Track},
    )


def evidence(**changes: Any) -> Evidence:
    """A healthy green before the switch. Give `green`, `blue` for the long window, `green_fast` for the short one."""
    slow = {Track.BLUE: changes.pop("blue", counts()), Track.GREEN: changes.pop("green", counts())}
    fast = {Track.BLUE: few(), Track.GREEN: changes.pop("green_fast", few())}
    given: dict[str, Any] = {
        "mode": Mode.BEFORE,
        "at": NOW,
        "candidate": Track.GREEN,
        "service": known(service(), Source.KUBERNETES),
        "fast_seconds": 45,
        "slow_seconds": 300,
        "fast": fast,
        "slow": slow,
        "restarts": known(0, Source.KUBERNETES),
        "targets": known(2.0),
        "alerts": known((), Source.ALERTMANAGER),
        "under_way": known("", Source.KUBERNETES),
        "trial": known(trial()),
        "burn": known({"agent-success": {"300": 0.004, "1800": 0.004, "3600": 0.004, "21600": 0.004}}),
        "kill_switch": known(()),
        "cost_usd": {Track.BLUE: known(12.0), Track.GREEN: known(12.5)},
        "error_lines": known(ErrorLines(patterns=(), is_whole=True), Source.ELASTICSEARCH),
        "began": NOW - timedelta(hours=8),
        "declared": known(Declared(freeze="", backup_verified_at=None, schemas={}), Source.KUBERNETES),
    }
    return Evidence(**{**given, **changes})


def alert(**labels: str) -> Alert:
    """A critical alert that fires since two minutes."""
    return Alert(
        name="AgentErrorRatioHigh",
        labels={"severity": "critical", "namespace": "agents", "service_name": "agent-runtime", **labels},
        annotations={"summary": "green fails 12 % of its runs"},
        starts_at=NOW - timedelta(minutes=2),
        state="active",
        fingerprint="f",
    )
