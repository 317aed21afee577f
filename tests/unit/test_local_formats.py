"""Which version wrote a folder of state, and what is said of another one's."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import formats
from deploy.local.errors import CommandError


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next version of this program."""
    monkeypatch.setitem(formats.FORMATS, "logstore", formats.FORMATS["logstore"] + 1)


def test_a_folder_belongs_to_the_version_that_claimed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    formats.claim(tmp_path / "logstore", "logstore")
    formats.check(tmp_path / "logstore", "logstore")
    now = formats.FORMATS["logstore"]
    monkeypatch.setitem(formats.FORMATS, "logstore", now + 1)
    said = rf"another version of the logstore \(format {now}, this one has {now + 1}\)"
    for look in (formats.check, formats.claim):
        with pytest.raises(CommandError, match=said):
            look(tmp_path / "logstore", "logstore")


@pytest.mark.usefixtures("newer")
def test_a_folder_without_a_mark_is_of_the_first_version(tmp_path: Path) -> None:
    (tmp_path / "streams.json").write_text("{}")
    with pytest.raises(CommandError, match="move it away or delete it"):
        formats.check(tmp_path, "logstore")


@pytest.mark.usefixtures("newer")
def test_an_empty_folder_and_none_at_all_are_anybodys(tmp_path: Path) -> None:
    formats.claim(tmp_path, "logstore")
    formats.check(tmp_path, "logstore")
    formats.check(tmp_path / "absent", "logstore")
