"""The deck answers under names of its own alone, and its pages connect to nobody else.

What is done with a request is in test_edge_entrance.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import asgi
from dashboard.edge.hosts import is_known, is_own_origin, parse_host
from dashboard.settings import SettingsError, load

LISTED = ("deck.example.com", "*.ops.example.com")


def known(text: str, names: tuple[str, ...] = LISTED) -> bool:
    host = parse_host(text)
    return host is not None and is_known(host, names)


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8501", "LOCALHOST:8501", "deck.localhost", "127.0.0.1:8501", "[::1]:8501", "10.1.2.3",
     "deck.example.com", "Deck.Example.com.:443", "blue.ops.example.com"],
)  # fmt: skip
def test_it_answers_under_its_own_names_and_under_addresses(host: str) -> None:
    assert known(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8501", "deck.example.com.evil.example", "ops.example.com", "xops.example.com",
     "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example", "", " ", "a b", "a/b", "user@localhost",
     "localhost:8501:1", "localhost:x", "[::1", "a;b", "a'b", "a,b", "ä.example", "2130706433"],
)  # fmt: skip
def test_it_does_not_answer_under_names_that_somebody_else_may_own(host: str) -> None:
    assert not known(host)


def test_any_name_will_do_where_the_settings_say_so() -> None:
    assert known("evil.example", ("*",))


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://localhost:8501", "localhost:8501", True),
        ("http://LOCALHOST:8501", "localhost:8501", True),
        ("https://deck.example.com", "deck.example.com", True),
        ("https://deck.example.com", "deck.example.com:443", True),
        ("http://deck.example.com:80", "deck.example.com", True),
        ("https://deck.example.com", "10.0.0.7:8501", True),  # behind a proxy that names the pod
        ("http://[::1]:8501", "[::1]:8501", True),
        ("http://localhost:3000", "localhost:8501", False),
        ("http://localhost", "localhost:8501", False),
        ("http://127.0.0.1:8501", "localhost:8501", False),
        ("http://localhost.:8502", "localhost:8501", False),
        ("https://deck.example.com:3000", "deck.example.com", False),  # another port of the same machine
        ("https://deck.example.com:3000", "10.0.0.7:8501", False),
        ("https://green.ops.example.com", "blue.ops.example.com", False),  # a neighbour under the same pattern
        ("https://blue.ops.example.com", "10.0.0.7:8501", False),
        ("https://blue.ops.example.com", "deck.example.com", False),
        ("https://deck.example.com", "blue.ops.example.com", False),
        ("https://evil.example", "localhost:8501", False),
        ("https://evil.example", "deck.example.com", False),
        ("https://deck.example.com.evil.example", "deck.example.com", False),
        ("https://deck.example.com@evil.example", "deck.example.com", False),
        ("file://deck.example.com", "deck.example.com", False),
        ("//deck.example.com", "deck.example.com", False),
        ("null", "localhost:8501", False),
        ("", "localhost:8501", False),
        ("http://[", "localhost:8501", False),
    ],
)
def test_only_its_own_pages_may_connect(origin: str, host: str, is_own: bool) -> None:
    found = parse_host(host)
    assert found is not None
    assert is_own_origin(origin, found, LISTED) is is_own


@given(st.text(max_size=40), st.sampled_from(["localhost:8501", "deck.example.com", "10.0.0.7"]))
def test_any_other_text_is_no_origin_of_ours(text: str, host: str) -> None:
    found = parse_host(host)
    assert found is not None
    assert not is_own_origin(text, found, ("*", *LISTED))


@given(st.text(max_size=60))
def test_no_host_can_add_anything_to_the_policy(text: str) -> None:
    policy = asgi.content_security_policy(parse_host(text))
    [connect] = [part for part in policy.split("; ") if part.startswith("connect-src ")]
    sources = connect.split()[1:]
    assert sources == ["'self'"] or sources == ["'self'", f"ws://{sources[1][5:]}", f"wss://{sources[1][5:]}"]
    assert policy.count(";") == asgi.content_security_policy(None).count(";")


@pytest.mark.parametrize(
    "name", ["https://deck.example.com", "deck.example.com:8501", "a b", "*.*", "*example.com", ""]
)
def test_a_setting_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text(f"hosts = ['{name}']\n[environments.local]")
    with pytest.raises(SettingsError, match="a host name without scheme, port or path"):
        load(file, variables={})
