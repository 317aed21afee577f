"""The official client's list and watch against the API server: no change is lost or told twice, whatever cuts in."""

from __future__ import annotations

import pytest

from bench.cluster import api_server, follow_changes

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_the_official_client_sees_every_change_once_through_reconnects_and_forgotten_versions() -> None:
    with api_server() as (kubeconfig, _):
        follower, _ = follow_changes(kubeconfig, changes=4000, objects=20, interrupt_every=100)
    assert not follower.wrong
    assert follower.watches >= 3, "the connection was never dropped"
    assert follower.lists >= 2, "no version was ever forgotten"
    assert follower.events > 300
