"""What the cache of the real servers promises: nothing old is taken for new, nothing half-made for whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.errors import CommandError
from deploy.local.real import builds
from deploy.local.real.builds import Build


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def a_build(sources: Path, *, missing: str = "", broken: bool = False) -> Build:
    """One that copies its source."""

    def make(target: Path) -> None:
        (target / "made").write_bytes((sources / "source").read_bytes())
        if broken:
            raise CommandError("it broke in the middle")

    return Build(name="thing", sources=sources, files=("source",), missing=lambda: missing, make=make)


def test_a_build_is_made_once_and_again_when_its_source_changes(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("one")
    first = a_build(tmp_path).ensure()
    assert a_build(tmp_path, missing="no tool is here any more").ensure() == first
    (tmp_path / "source").write_text("two")
    assert (a_build(tmp_path).ensure() / "made").read_text() == "two"
    assert (first / "made").read_text() == "one"


def test_a_build_that_broke_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("one")
    build = a_build(tmp_path, broken=True)
    with pytest.raises(CommandError, match="in the middle"):
        build.ensure()
    assert not build.is_there
    assert list(build.folder.parent.iterdir()) == []


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("one")
    with pytest.raises(CommandError, match="thing is not built, and cannot be here: go is not on PATH"):
        a_build(tmp_path, missing="go is not on PATH").ensure()


def test_who_wants_the_real_servers_is_told_how_to_build_them() -> None:
    with pytest.raises(CommandError, match=r"control-plane and elasticsearch.*programs --real"):
        builds.require()


def test_what_cannot_be_built_says_which_tools_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "go," in builds.lacking()
    assert "mvn," in builds.lacking()


def test_a_java_that_is_named_is_taken_if_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "javac").touch()
    monkeypatch.setenv("JAVA_HOME", str(home))
    (home / "release").write_text('IMPLEMENTOR="x"\nJAVA_VERSION="25.0.3"\n')
    assert builds.java() == home
    (home / "release").write_text('JAVA_VERSION="17.0.15"\n')
    assert builds.java() != home
