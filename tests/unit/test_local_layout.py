"""A state folder that cannot be used is refused with the reason, before anything is started."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local.errors import CommandError
from deploy.local.layout import Layout, read_json, write_whole


def test_a_state_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(CommandError, match=r"state cannot be written .*--state DIR"):
        Layout(tmp_path / "state").prepare()


def test_a_full_disk_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=12 * 2**20))
    with pytest.raises(CommandError, match="Only 12 MiB are free"):
        Layout(tmp_path / "state").prepare()


def test_the_state_is_its_owners_alone(tmp_path: Path) -> None:
    Layout(tmp_path / "state").prepare()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    write_whole(file, {"old": True})
    with pytest.raises(TypeError):
        write_whole(file, {"new": object()})
    assert read_json(file) == {"old": True}
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]
