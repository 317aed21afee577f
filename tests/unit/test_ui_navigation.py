"""The navigation: pages in groups, five in the bar of a phone, the rest behind More; links keep the view."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import NAVIGATION
from dashboard.ui import session
from dashboard.ui.page import IN_BAR
from tests.unit.test_ui_app import DEAD, SCRIPT


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "tealdeck.toml").write_text(DEAD.format(kubeconfig=tmp_path / "none"))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
    session.close()
    yield
    session.close()


def links(**found: str) -> list[Any]:
    app = AppTest.from_file(str(SCRIPT), default_timeout=60)
    for key, value in found.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return [one.proto for one in app.get("page_link")]


def test_every_page_has_one_place_in_the_row_and_those_beyond_the_bar_one_behind_more() -> None:
    titles = [entry.title for entry in NAVIGATION]
    shown = [one.label for one in links()]
    assert shown[: len(titles) + len(titles[IN_BAR:])] == [*titles, *titles[IN_BAR:]]


def test_groups_stand_together_so_that_each_word_is_shown_once() -> None:
    groups = [entry.group for entry in NAVIGATION]
    assert groups == [group for group in dict.fromkeys(groups) for _ in range(groups.count(group))]


def test_links_keep_period_zone_and_filters_and_leave_behind_what_one_page_asks_in_its_own_words() -> None:
    kept = {"range": "6h", "tz": "local", "track": "green", "agent": "code-reviewer", "service": "agent-runtime"}
    for one in links(**kept, q="=1+1", actor="alice", action="x", record="a1", container="c", trace="t")[
        : len(NAVIGATION)
    ]:
        asked = {key: values[0] for key, values in parse_qs(one.query_string).items()}
        assert asked == kept, one.label
