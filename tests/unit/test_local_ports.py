"""Environments do not meet, come back to where they were, and say what is in their way."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.errors import CommandError
from deploy.local.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    made.prepare()
    return made


def test_two_environments_share_no_address(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other")
    other.prepare()
    first, second = ports.take(layout, None), ports.take(other, None)
    with first.lock, second.lock:
        assert first.octet != second.octet
        servers = first.listen.keys() - {"dashboard"}  # its port is free until its server starts
        assert not {first.listen[name] for name in servers} & {second.listen[name] for name in servers}


def test_an_environment_comes_back_to_its_addresses(layout: Layout) -> None:
    with (first := ports.take(layout, None)).lock:
        before = first.listen
    with (second := ports.take(layout, None)).lock:
        assert second.listen == before


def test_an_environment_whose_addresses_are_taken_says_so(layout: Layout) -> None:
    with (
        ports.take(layout, None).lock,
        pytest.raises(CommandError, match=r"Another environment lives on 127\.\d+\.0\.0/16"),
    ):
        ports.take(layout, None)


def test_a_named_port_that_is_taken_is_named_with_the_mend(layout: Layout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is taken.*--dashboard-port"):
            ports.take(layout, port)
    with ports.take(layout, port).lock:  # and nothing is held after the refusal
        pass


def test_only_loopback_addresses_are_given(layout: Layout) -> None:
    with (addresses := ports.take(layout, None)).lock:
        assert all(address.startswith("127.") for address in addresses.listen.values())
