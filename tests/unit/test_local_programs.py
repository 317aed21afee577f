"""Which Prometheus and Alertmanager are used, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import programs
from deploy.local.errors import CommandError


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one folder, with an empty cache and no settings."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for setting in ("TEALDECK_PROMETHEUS", "TEALDECK_ALERTMANAGER"):
        monkeypatch.delenv(setting, raising=False)
    return folder


def program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_what_is_on_path_is_used(on_path: Path) -> None:
    for name in ("prometheus", "promtool", "prometheus-alertmanager", "amtool"):
        program(on_path, name)
    found = programs.find()
    assert found.alertmanager == on_path / "prometheus-alertmanager"
    assert found.promtool == on_path / "promtool"


def test_a_setting_wins_over_path_and_its_tool_lies_beside_it(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        program(on_path, name)
    own = program(tmp_path / "own", "prometheus-3")
    tool = program(tmp_path / "own", "promtool")
    monkeypatch.setenv("TEALDECK_PROMETHEUS", str(own))
    found = programs.find()
    assert (found.prometheus, found.promtool) == (own, tool)


def test_a_setting_that_names_no_program_is_refused(on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEALDECK_ALERTMANAGER", "/nowhere/alertmanager")
    with pytest.raises(CommandError, match="TEALDECK_ALERTMANAGER names /nowhere/alertmanager"):
        programs.find()


def test_away_from_debian_the_message_says_how_to_get_them(on_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no Debian.*on PATH, or name the two servers in TEALDECK_PROMETHEUS"):
        programs.find()


def test_a_missing_tool_is_named(on_path: Path) -> None:
    for name in ("prometheus", "alertmanager", "amtool"):
        program(on_path, name)
    with pytest.raises(CommandError, match="promtool is neither beside"):
        programs.find()
