"""Sentences of others stand on the page in its own form: figures as in tiles, pods by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.decide.causes import causes_in_turn
from dashboard.decide.wording import addresses_of, in_one_form, named, said
from dashboard.model.alert import Alert
from dashboard.model.series import Series


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("fails 31.2648% of its runs", "fails 31.3 % of its runs"),
        ("fails 0.5208% of its runs", "fails 0.52 % of its runs"),
        ("1 in 20 runs takes over 4.2184s", "1 in 20 runs takes over 4.22 s"),
        ("takes 812.5ms", "takes 812 ms"),
        ("takes over 3.773s", "takes over 3.77 s"),
        ("has waited for 22365 s", "has waited for 6 h 12 min"),
        ("for the last 300s", "for the last 5 min"),
        ("has waited for 6h 12m 45s", "has waited for 6 h 12 min"),
        ("has waited for 1d 2h 3m 4s", "has waited for 1 d 2 h"),
        ("the pod agent-120s and 4xx of 10s", "the pod agent-120s and 4xx of 10 s"),
        ("has only 1.3333333 pods", "has only 1.33 pods"),
        ("availability is 99.995% of 99.9999%", "availability is 99.995 % of 99.9999 %"),
        ("availability is 99.99999%", "availability is >99.9999 %"),
        ("fails 0.00512%", "fails 0.01 %"),
        ("a share of 0.9996, not 1.0000", "a share of 0.9996, not 1"),
        ("burns 1.0004 times, available 99.9961", "burns 1.0004 times, available 99.9961"),
        ("at 12:0.9996 of port 7:1.3333", "at 12:0.9996 of port 7:1.3333"),
        ("version 1.9.0 at 10.4.0.7:9090 has 2 pods", "version 1.9.0 at 10.4.0.7:9090 has 2 pods"),
    ],
)
def test_figures_are_written_as_tiles_write_them_and_nothing_else_changes(sentence: str, expected: str) -> None:
    assert in_one_form(sentence) == expected


def pod(name: str, ip: str, **more: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": more, "status": {"phase": "Running", "podIP": ip}}


def test_addresses_of_pods_are_names_and_others_stay() -> None:
    found = addresses_of([pod("runtime-a", "10.4.0.7"), pod("agent-x", "10.0.0.1", hostNetwork=True)])
    assert (
        named("no answer of 10.4.0.7:8080, nor of 10.0.0.1:9100", found)
        == "no answer of runtime-a, nor of 10.0.0.1:9100"
    )
    assert named("version 10.4.0.71 and [fd00::7]:80", {"fd00::7": "runtime-b"}) == "version 10.4.0.71 and runtime-b"


def line(reason: str, *values: float | None) -> Series:
    times = tuple(60.0 * i for i in range(len(values)))
    return Series(labels={"pod": "p", "reason": reason}, times=times, values=values)


def test_containers_that_die_of_another_cause_than_before_tell_both_in_turn() -> None:
    found = causes_in_turn([line("OOMKilled", None, None, 1.0), line("Error", 1.0, 1.0, None)], {"p"})
    assert found == (("Error", datetime.fromtimestamp(0, UTC)), ("OOMKilled", datetime.fromtimestamp(120, UTC)))


@pytest.mark.parametrize(
    ("lines", "pods"),
    [
        pytest.param([line("Error", 1.0, 1.0)], {"p"}, id="one cause"),
        pytest.param([line("Error", 1.0), line("OOMKilled", 1.0)], {"p"}, id="nobody knows which was first"),
        pytest.param([line("Error", 1.0, 1.0), line("OOMKilled", None, 1.0)], {"q"}, id="other pods"),
        pytest.param([], {"p"}, id="nothing measured"),
    ],
)
def test_no_order_of_causes_is_claimed_where_none_is_known(lines: list[Series], pods: set[str]) -> None:
    assert causes_in_turn(lines, pods) == ()


def test_an_alert_speaks_in_a_gate_as_on_its_card() -> None:
    alert = Alert(
        name="AgentErrorRatioHigh",
        labels={"instance": "10.4.0.7:8080", "pod": "runtime-a"},
        annotations={"summary": "10.4.0.7:8080 fails 14.67% of its runs"},
        starts_at=datetime(2026, 3, 1, tzinfo=UTC),
        state="active",
        fingerprint="a",
    )
    assert said(alert) == "runtime-a fails 14.7 % of its runs"
