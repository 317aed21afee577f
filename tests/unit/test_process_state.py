"""What belongs to the process: no visitor can empty it, and it is there once however many ask for it."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.runtime import caching

from dashboard.model.view import View
from dashboard.settings import SettingsError
from dashboard.ui import session

VIEW = View(env="local", ns="agents")
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = tmp_path / "tealdeck.toml"
    made.write_text(f"[environments.local]\n[environments.local.audit]\nfile = '{tmp_path / 'audit.jsonl'}'")
    monkeypatch.setenv("TEALDECK_SETTINGS", str(made))
    yield made
    session.close()


def test_a_visitor_who_clears_the_cache_leaves_settings_connections_and_running_actions_alone(file: Path) -> None:
    """Streamlit clears its caches, for all visitors, at a message that any browser can send."""
    owned = (session.settings(), session.ask_for(VIEW), session.actions(VIEW))
    caching.cache_data.clear()
    caching.cache_resource.clear()

    assert all(
        now is before
        for now, before in zip((session.settings(), session.ask_for(VIEW), session.actions(VIEW)), owned, strict=True)
    )


def test_many_visitors_at_once_share_one_of_each(file: Path) -> None:
    found: list[tuple[int, int]] = []
    start = threading.Barrier(8)

    def visit() -> None:
        start.wait()
        found.append((id(session.ask_for(VIEW)), id(session.actions(VIEW))))

    visitors = [threading.Thread(target=visit) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(set(found)) == 1


def test_settings_that_could_not_be_used_are_read_again(file: Path) -> None:
    whole = file.read_text()
    file.write_text("x =")
    with pytest.raises(SettingsError):
        session.settings()

    file.write_text(whole)
    assert list(session.settings().environments) == ["local"]


def test_no_module_of_the_deck_keeps_anything_in_streamlits_cache() -> None:
    users = [
        source.name
        for folder in ("dashboard", "pages")
        for source in (REPOSITORY / folder).rglob("*.py")
        if "st.cache_" in source.read_text()
    ]
    assert users == []


def test_the_server_listens_on_this_machine_alone_unless_told_otherwise() -> None:
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
