"""How the collector reads container logs: whole lines once, whatever the writer does to its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.local.collector.tail import Tail

STAMP = "2026-03-01T12:00:00.{:06d}000Z"


class Container:
    """A container's log as the node writes it."""

    def __init__(self, root: Path, run: int = 0) -> None:
        self.file = root / "agents_gateway-1_uid-1" / "main" / f"{run}.log"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def write(self, *texts: str, tag: str = "F", output: str = "stdout", end: str = "\n") -> None:
        with self.file.open("a") as log:
            for text in texts:
                self._count += 1
                log.write(f"{STAMP.format(self._count)} {output} {tag} {text}{end}")

    def rotate(self) -> None:
        self.file.replace(self.file.with_name(f"{self.file.name}.1"))


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


@pytest.fixture
def tail(tmp_path: Path) -> Tail:
    return fresh(tmp_path)


def fresh(root: Path) -> Tail:
    return Tail(root, "test", root / "shipped.json")


def entries(tail: Tail, *, acknowledged: bool = True) -> list[tuple[str, Any]]:
    """Everything that is new, until nothing is."""
    found = []
    while batches := tail.new():
        for batch in batches:
            found += batch.entries
            if acknowledged:
                tail.shipped(batch)
        if not acknowledged:
            break
    tail.save()
    return found


def texts(tail: Tail) -> list[str]:
    return [document["body"]["text"] for _, document in entries(tail)]


def test_a_line_is_read_once(container: Container, tail: Tail, tmp_path: Path) -> None:
    container.write("one", "two")
    assert texts(tail) == ["one", "two"]
    container.write("three")
    assert texts(tail) == ["three"]
    container.write("four")
    assert texts(fresh(tmp_path)) == ["four"]


def test_a_line_tells_whose_it_is(container: Container, tail: Tail) -> None:
    container.write("plain")
    ((_, document),) = entries(tail)
    assert document["@timestamp"] == STAMP.format(1)
    assert document["resource"]["attributes"] == {
        "k8s.namespace.name": "agents", "k8s.pod.name": "gateway-1", "k8s.pod.uid": "uid-1",
        "k8s.container.name": "main", "service.name": "main", "deployment.environment.name": "test",
    }  # fmt: skip


def test_a_structured_line_gives_its_own_time_severity_and_attributes(container: Container, tail: Tail) -> None:
    container.write(
        '{"ts":"2026-03-01T11:59:59Z","level":"warning","message":"slow","trace_id":"t","attributes":{"a":1}}',
        '{"ts":"soon","level":"odd","message":"no time"}',
        '{"no":"message"}',
        "{half",
    )
    first, second, third, fourth = (document for _, document in entries(tail))
    assert (first["@timestamp"], first["severity_text"], first["severity_number"]) == (
        "2026-03-01T11:59:59Z",
        "WARN",
        13,
    )
    assert (first["body"], first["trace_id"], first["attributes"]) == ({"text": "slow"}, "t", {"a": 1})
    assert (second["@timestamp"], "severity_text" in second) == (STAMP.format(2), False)
    assert [third["body"]["text"], fourth["body"]["text"]] == ['{"no":"message"}', "{half"]


def test_a_line_waits_until_it_is_whole(container: Container, tail: Tail) -> None:
    container.write("one")
    container.write("tw", end="")
    assert texts(tail) == ["one"]
    with container.file.open("a") as log:
        log.write("o\n")
    assert texts(tail) == ["two"]


def test_the_pieces_of_a_long_line_are_joined_by_output(container: Container, tail: Tail) -> None:
    container.write("a" * 10, tag="P")
    container.write("x", tag="P", output="stderr")
    assert texts(tail) == []
    container.write("b", tag="F")
    container.write("y", tag="F", output="stderr")
    assert texts(tail) == ["a" * 10 + "b", "xy"]


def test_a_line_without_end_is_cut_and_nothing_behind_it_lost(container: Container, tail: Tail) -> None:
    container.write(*["x" * 16_000] * 40, tag="P")
    container.write("end", "next")
    found = texts(tail)
    assert "".join(found) == "x" * 16_000 * 40 + "endnext"
    assert found[-1] == "next"


def test_a_file_that_is_set_aside_is_read_to_its_end_beside_the_new_one(container: Container, tail: Tail) -> None:
    container.write("one", "two")
    assert texts(tail) == ["one", "two"]
    container.write("three")
    container.rotate()
    container.write("four")
    assert sorted(texts(tail)) == ["four", "three"]
    container.write("five", "six and more than the file before it had")
    container.rotate()
    container.write("seven")
    assert sorted(texts(tail)) == ["five", "seven", "six and more than the file before it had"]


def test_lines_of_one_place_in_different_files_have_different_ids(container: Container, tail: Tail) -> None:
    container.write("one")
    container.rotate()
    container.write("two")
    Container(container.file.parents[2], run=1).write("three")
    found = entries(tail)
    assert len({name for name, _ in found}) == 3


def test_a_file_that_is_truncated_is_read_from_its_beginning(container: Container, tail: Tail) -> None:
    container.write("a first line", "and a second")
    texts(tail)
    container.file.write_text("")
    assert texts(tail) == []
    container.write("anew", "longer than all that stood there before it was truncated")
    assert texts(tail) == ["anew", "longer than all that stood there before it was truncated"]


def test_what_was_not_acknowledged_comes_again_with_the_same_id(container: Container, tail: Tail) -> None:
    container.write("one")
    assert entries(tail, acknowledged=False) == entries(tail, acknowledged=False) == entries(tail)


def test_files_that_are_gone_are_forgotten(container: Container, tail: Tail, tmp_path: Path) -> None:
    container.write("one")
    texts(tail)
    container.file.unlink()
    assert texts(tail) == []
    assert (tmp_path / "shipped.json").read_text() == "{}"


def test_a_damaged_checkpoint_only_costs_a_second_reading(container: Container, tail: Tail, tmp_path: Path) -> None:
    container.write("one")
    first = entries(tail)
    (tmp_path / "shipped.json").write_text("{")
    assert entries(fresh(tmp_path)) == first
