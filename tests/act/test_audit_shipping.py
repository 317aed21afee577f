"""Each record arrives once and in order; one that the store refuses holds nothing up and is offered again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import BadAnswer, Conflict, Forbidden, Rejected, SourceError, TimedOut, Unauthorized, Unreachable
from dashboard.act.audit import AuditFile
from dashboard.act.outbox import TRIES, Outbox, document_id
from dashboard.act.shipped import ShippedFile
from dashboard.act.verify import verify
from tests.waiting import eventually

DOWN = Unreachable("elasticsearch", "connection refused")
NO_PARSE = Rejected("elasticsearch", "HTTP 400: document_parsing_exception")


def a_record(message: str) -> dict[str, Any]:
    return {"message": message, "agentgov": {"audit": {"phase": "begun"}}}


class Stream:
    """A data stream that only creates. `fails` has the error for a message; `is_down` fails them all."""

    def __init__(self) -> None:
        self.documents: dict[str, Mapping[str, Any]] = {}
        self.fails: dict[str, SourceError] = {}
        self.down: Exception | None = None
        self.asked = 0

    def create(self, document: str, body: Mapping[str, Any]) -> None:
        self.asked += 1
        if self.down is not None:
            raise self.down
        if body["message"] in self.fails:
            raise self.fails[body["message"]]
        if document in self.documents:
            raise Conflict("elasticsearch", "exists")
        self.documents[document] = body

    @property
    def messages(self) -> list[str]:
        return [body["message"] for body in self.documents.values()]


class Scene:
    def __init__(self, folder: Path) -> None:
        self.audit = AuditFile(folder / "audit.jsonl")
        self.stream = Stream()
        self.outbox = self.another()

    def another(self) -> Outbox:
        """An outbox as a new process would have it."""
        return Outbox(self.audit, self.stream.create)

    def append(self, *messages: str) -> None:
        for message in messages:
            self.audit.append(a_record(message))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_outbox_ships_each_record_once_and_goes_on_after_an_outage(scene: Scene) -> None:
    scene.append("one")
    scene.stream.down = DOWN
    with pytest.raises(Unreachable):
        scene.outbox.ship_all()
    scene.append("two")
    scene.stream.down = None
    scene.outbox.ship_all()
    asked = scene.stream.asked
    scene.outbox.ship_all()
    assert scene.stream.asked == asked
    assert list(scene.stream.documents) == [document_id(record) for record in scene.audit.records()]


def test_a_record_that_arrived_before_that_was_noted_is_no_fault(scene: Scene) -> None:
    scene.stream.create(document_id(scene.audit.append(a_record("one"))), a_record("one"))
    scene.another().ship_all()
    scene.append("two")
    scene.another().ship_all()
    assert scene.stream.messages == ["one", "two"]


def test_a_refused_record_is_set_aside_and_the_rest_goes_on(scene: Scene) -> None:
    scene.append("one", "two", "three")
    scene.stream.fails["two"] = NO_PARSE
    scene.outbox.ship_all()
    assert scene.stream.messages == ["one", "three"]
    status = scene.outbox.status()
    assert (status.waiting, status.refused, status.refusal) == (0, 1, NO_PARSE.detail)
    assert [record["message"] for record in scene.audit.records()] == ["one", "two", "three"]


def test_what_was_set_aside_is_offered_again_by_a_later_process_and_arrives_after_a_repair(scene: Scene) -> None:
    scene.append("one", "two")
    scene.stream.fails["one"] = NO_PARSE
    scene.outbox.ship_all()
    later = scene.another()
    later.ship_all()
    assert later.status().refused == 1
    del scene.stream.fails["one"]
    later.ship_all(again=False)
    assert scene.stream.messages == ["two"]
    later.ship_all()
    assert scene.stream.messages == ["two", "one"]
    assert later.status().refused == 0


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unauthorized("elasticsearch", "HTTP 401"), id="a token that it does not accept"),
        pytest.param(Forbidden("elasticsearch", "HTTP 403"), id="a permission that lacks"),
        pytest.param(DOWN, id="nobody listens"),
        pytest.param(OSError("no space"), id="a fault on our side"),
    ],
)
def test_what_would_keep_back_every_record_sets_none_aside(scene: Scene, error: Exception) -> None:
    scene.append("one", "two")
    scene.stream.down = error
    for _ in range(2 * TRIES):
        with pytest.raises(type(error)):
            scene.outbox.ship_all()
    status = scene.outbox.status()
    assert (status.waiting, status.refused) == (2, 0)


@pytest.mark.parametrize(
    "error", [BadAnswer("elasticsearch", "it failed (HTTP 500)"), TimedOut("elasticsearch", "no answer within 5 s")]
)
def test_a_record_on_which_the_store_fails_again_and_again_is_set_aside_if_it_takes_the_next(
    scene: Scene, error: SourceError
) -> None:
    scene.append("poison", "next")
    scene.stream.fails["poison"] = error
    for _ in range(TRIES - 1):
        with pytest.raises(type(error)):
            scene.outbox.ship_all()
    assert scene.stream.messages == []
    scene.outbox.ship_all()
    assert scene.stream.messages == ["next"]
    assert scene.outbox.status().refusal == error.detail
    scene.outbox.ship_all()  # it still fails on the one, which keeps nobody back


def test_a_store_that_fails_on_every_record_has_none_set_aside(scene: Scene) -> None:
    scene.append("one", "two", "three")
    scene.stream.down = BadAnswer("elasticsearch", "it failed (HTTP 503)")
    for _ in range(3 * TRIES):
        with pytest.raises(BadAnswer):
            scene.outbox.ship_all()
    scene.stream.down = None
    scene.outbox.ship_all()
    assert scene.stream.messages == ["one", "two", "three"]


def test_lines_that_are_no_records_are_passed_over(scene: Scene) -> None:
    scene.append("one")
    with scene.audit.path.open("ab") as file:
        file.write(b"\xe2\x80\n\xff{}\n")
    scene.append("two\u2028\u0085")
    scene.outbox.ship_all()
    assert scene.stream.messages == ["one", "two\u2028\u0085"]


def test_a_record_that_is_still_being_written_is_left_for_later(scene: Scene) -> None:
    scene.append("one", "two")
    whole = scene.audit.path.read_bytes()
    scene.audit.path.write_bytes(whole[:-1])
    scene.outbox.ship_all()
    assert scene.stream.messages == ["one"]
    scene.audit.path.write_bytes(whole)
    scene.outbox.ship_all()
    assert scene.stream.messages == ["one", "two"]


def test_a_new_file_of_the_same_name_is_shipped_from_its_beginning(scene: Scene) -> None:
    scene.append("one", "two", "three")
    scene.outbox.ship_all()
    scene.audit.path.rename(scene.audit.path.with_suffix(".1"))
    scene.append("four")
    scene.outbox.ship_all()
    assert scene.stream.messages == ["one", "two", "three", "four"]
    assert scene.outbox.status().waiting == 0


# Well-formed, but no place in a file and no number of a record.
SPOILED = '{"start": %s, "end": %s, "seq": %s, "hash": "x", "set_aside": []}'


@pytest.mark.parametrize(
    "noted",
    [
        *(b"3", b"{", b"\xff", b"null", b'{"end": "x"}', b'{"set_aside": 1}', b"[" * 100_000),
        *(
            (SPOILED % places).encode()
            for places in ((-5, 5, 1), ("1e400", 5, 1), (10**26, 5, 1), (0, 5, -7), (0, -3, 1))
        ),
    ],
)
def test_a_note_that_cannot_be_read_costs_time_and_no_record(scene: Scene, noted: bytes) -> None:
    scene.append("one", "two")
    scene.outbox.ship_all()
    scene.audit.path.with_name("audit.jsonl.shipped").write_bytes(noted)
    scene.append("three")
    scene.another().ship_all()
    assert scene.stream.messages == ["one", "two", "three"]


def test_two_processes_that_ship_one_file_agree(scene: Scene) -> None:
    scene.append(*map(str, range(20)))
    scene.stream.fails["7"] = NO_PARSE
    outboxes = [scene.another() for _ in range(3)]
    threads = [threading.Thread(target=outbox.ship_all) for outbox in outboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scene.stream.messages == [str(number) for number in range(20) if number != 7]
    assert [outbox.status().refused for outbox in outboxes] == [1, 1, 1]


def test_the_outbox_works_in_the_background_and_stops(scene: Scene) -> None:
    scene.append("before")
    scene.outbox.start()
    eventually(lambda: scene.stream.messages == ["before"], "what was there is shipped")
    scene.append("after")
    eventually(lambda: scene.stream.messages == ["before", "after"], "what is appended is shipped")
    scene.outbox.stop()
    assert not scene.outbox._thread.is_alive()


def test_the_outbox_outlives_an_error_that_nobody_expected_and_says_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.act.outbox.FIRST_PAUSE_SECONDS", 0.01)
    scene.stream.down = ZeroDivisionError("a fault of ours")
    scene.append("one")
    scene.outbox.start()
    eventually(lambda: scene.outbox.status().trouble == "a fault of ours", "the trouble is said")
    scene.stream.down = None
    eventually(lambda: scene.stream.messages == ["one"], "the thread goes on")
    eventually(lambda: not scene.outbox.status().trouble, "the trouble is over")
    scene.outbox.stop()


def test_without_an_audit_file_nothing_is_written_beside_it(scene: Scene, tmp_path: Path) -> None:
    scene.outbox.ship_all()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [0, 1, 3])
@pytest.mark.parametrize("written_after", [1, 4])
def test_a_file_that_was_cut_after_it_was_shipped_stays_known_as_cut(
    scene: Scene, kept: int, written_after: int
) -> None:
    scene.append("one", "two", "three", "four", "five")
    scene.outbox.ship_all()
    lines = scene.audit.path.read_bytes().splitlines(keepends=True)
    scene.audit.path.write_bytes(b"".join(lines[:kept]))
    audit = AuditFile(scene.audit.path)
    outbox = Outbox(audit, scene.stream.create)
    for number in range(written_after):
        audit.append(a_record(f"after {number}"))
        outbox.ship_all()
        shipped = ShippedFile(audit).newest()
        found = verify(audit.lines(0), shipped=shipped).finding
        assert found is not None, number
        assert "was shipped to the log store" in found.reason


def test_a_file_that_was_moved_away_with_its_note_begins_anew(scene: Scene) -> None:
    scene.append("one", "two", "three")
    scene.outbox.ship_all()
    for path in (scene.audit.path, scene.audit.path.with_name("audit.jsonl.shipped")):
        path.rename(path.with_name(f"{path.name}.1"))
    scene.append("four")
    scene.outbox.ship_all()
    assert verify(scene.audit.lines(0), shipped=ShippedFile(scene.audit).newest()).finding is None
