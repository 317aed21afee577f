"""The pieces of the gate: which messages pass, how often, how many, and which files belong to whom."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.edge import exports as exports_module
from dashboard.edge.connection import MOST_WAITING, TRY_LATER, Connection
from dashboard.edge.exports import Exports, Promises, browser_of, new_browser, set_cookie
from dashboard.edge.messages import LONGEST_BYTES, Kind, kind_of
from dashboard.edge.pace import Bucket, Places
from dashboard.edge.runs import RunPool, running


def message(**given: Any) -> bytes:
    return BackMsg(**given).SerializeToString()


def operation(name: str, **fields: Any) -> bytes:
    asked = BackMsg()
    asked.backend_operation_request.request_id = "1"
    getattr(asked.backend_operation_request, name).SetInParent()
    for field, value in fields.items():
        setattr(getattr(asked.backend_operation_request, name), field, value)
    return asked.SerializeToString()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (message(rerun_script=ClientState()), Kind.RUN),
        (message(stop_script=True), Kind.LET),
        (message(app_heartbeat=True), Kind.LET),
        (operation("deferred_file", file_id="x"), Kind.EXPORT),
        (operation("dataframe_chunk"), Kind.LET),
        (message(clear_cache=True), Kind.DROP),
        (message(set_run_on_save=True), Kind.DROP),
        (message(load_git_info=True), Kind.DROP),
        (message(debug_shutdown_runtime=True), Kind.DROP),
        (message(debug_disconnect_websocket=True), Kind.DROP),
        (message(file_urls_request={"request_id": "1", "file_names": ["a"]}), Kind.DROP),
        (operation("install_skills"), Kind.DROP),
        (operation("dismiss_skills_nudge"), Kind.DROP),
        (b"", Kind.DROP),
        (b"\xff\xff", Kind.UNREADABLE),
        (None, Kind.UNREADABLE),
        (b"x" * (LONGEST_BYTES + 1), Kind.TOO_LONG),
    ],
)
def test_only_what_the_pages_need_reaches_streamlit(data: bytes | None, kind: Kind) -> None:
    assert kind_of(data)[0] is kind


def test_every_message_of_the_protocol_is_decided() -> None:
    known = {field.name for field in BackMsg.DESCRIPTOR.fields}
    decided = {"rerun_script", "stop_script", "app_heartbeat", "backend_operation_request", "clear_cache"}
    decided |= {"set_run_on_save", "load_git_info", "debug_shutdown_runtime", "debug_disconnect_websocket"}
    assert known == decided | {"file_urls_request"}  # a new one is dropped until somebody has looked at it


@given(st.binary(max_size=200))
def test_no_bytes_break_the_gate(data: bytes) -> None:
    assert kind_of(data)[0] in Kind


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_a_bucket_lets_no_more_through_than_it_says(pauses: list[float]) -> None:
    bucket, now, passed = Bucket(per_second=4, burst=5), 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now) == 0
    assert passed <= 5 + 4 * now + 1e-6


def test_a_bucket_says_when_there_is_a_token_again() -> None:
    bucket = Bucket(per_second=2, burst=1)
    assert bucket.take(10.0) == 0
    wait = bucket.take(10.0)
    assert wait == pytest.approx(0.5)
    assert bucket.take(10.0 + wait) == 0


def test_places_are_bounded_by_address_and_in_all_and_given_back() -> None:
    places = Places(in_all=3, per_address=2)
    places.take("a")
    places.take("a")
    assert "from your address" in places.why_full("a")
    assert places.why_full("b") == ""
    places.take("b")
    assert "3 open pages" in places.why_full("c")
    places.give_back("a")
    assert places.why_full("c") == ""


@given(st.text(max_size=80))
def test_only_a_name_of_ours_names_a_browser(cookies: str) -> None:
    assert browser_of(cookies) == ""


def test_a_browser_keeps_the_name_that_it_was_given() -> None:
    name = new_browser()
    assert browser_of(f"_streamlit_xsrf=a|b; {set_cookie(name, is_secure=False).partition(';')[0]}; x=y") == name


def test_what_browsers_were_offered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports_module, "MOST_BROWSERS", 2)
    monkeypatch.setattr(exports_module, "MOST_FILES", 2)
    known, ids = Exports(), [f"{number:032x}" for number in range(3)]
    for browser in ("one", "two", "three"):
        for one in ids:
            known.note(browser, f"/media/{one}.csv".encode())
    assert [known.was_offered("three", f"/media/{one}.csv") for one in ids] == [False, True, True]
    assert not known.was_offered("one", f"/media/{ids[2]}.csv")


def test_a_file_that_is_made_on_demand_is_known_by_the_message_that_offers_it() -> None:
    offered = ForwardMsg()
    offered.delta.new_element.download_button.deferred_file_id = "0123456789abcdef0123456789abcdef"
    promises = Promises()
    promises.note(offered.SerializeToString())
    assert promises.has("0123456789abcdef0123456789abcdef")
    assert not promises.has("fedcba9876543210fedcba9876543210")


class Wire:
    """A connection between a visitor and an app, both played by the test."""

    def __init__(self, runs: RunPool | None = None) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.sent: list[Any] = []
        self.connection = Connection(
            self.incoming.get, self._send, browser="b" * 20, exports=Exports(), runs=runs or RunPool()
        )

    async def _send(self, sent: Any) -> None:
        self.sent.append(sent)

    def say(self, data: bytes) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "bytes": data})

    async def read(self) -> None:
        """Read all that was said."""
        reading = asyncio.create_task(self.connection.read())
        while not self.incoming.empty():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()


def test_a_message_that_empties_the_caches_never_arrives() -> None:
    async def scene() -> Any:
        wire = Wire()
        wire.say(message(clear_cache=True))
        wire.say(operation("install_skills"))
        wire.say(operation("deferred_file", file_id="0" * 32))  # of another page
        wire.say(message(app_heartbeat=True))
        await wire.read()
        return await wire.connection.next()

    assert BackMsg.FromString(asyncio.run(scene())["bytes"]).WhichOneof("type") == "app_heartbeat"


def test_who_has_too_much_waiting_is_hung_up_on_and_streamlit_sees_it_leave() -> None:
    async def scene() -> tuple[Any, Any]:
        wire = Wire()
        for _ in range(MOST_WAITING + 1):
            wire.say(message(rerun_script=ClientState()))
        await wire.read()
        return await wire.connection.next(), wire.sent

    end, sent = asyncio.run(scene())
    assert end["type"] == "websocket.disconnect"
    assert [(one["type"], one["code"]) for one in sent] == [("websocket.close", TRY_LATER)]


def test_a_refresh_that_waits_already_is_asked_once() -> None:
    async def scene() -> int:
        wire = Wire()
        for _ in range(3 * MOST_WAITING):
            wire.say(message(rerun_script=ClientState(fragment_id="f", is_auto_rerun=True)))
        wire.say(message(app_heartbeat=True))
        await wire.read()
        count = 0
        while BackMsg.FromString((await wire.connection.next())["bytes"]).WhichOneof("type") == "rerun_script":
            count += 1
        return count

    assert asyncio.run(scene()) == 1


def test_a_page_that_comes_from_another_process_is_sent_all_that_it_offers() -> None:
    async def scene() -> Any:
        wire = Wire()
        wire.say(message(rerun_script=ClientState(page_name="release", cached_message_hashes=["a", "b"])))
        await wire.read()
        return BackMsg.FromString((await wire.connection.next())["bytes"]).rerun_script

    asked = asyncio.run(scene())
    assert (asked.page_name, list(asked.cached_message_hashes)) == ("release", [])


def test_who_leaves_is_noticed_while_its_messages_wait() -> None:
    async def scene() -> Any:
        wire = Wire(RunPool(most=0))  # there is never room
        wire.say(message(rerun_script=ClientState()))
        reading = asyncio.create_task(wire.connection.read())
        waiting = asyncio.create_task(wire.connection.next())
        await asyncio.sleep(0)
        wire.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        found = await asyncio.wait_for(waiting, 10)
        await reading
        return found

    assert asyncio.run(scene())["code"] == 1001


def test_runs_are_counted_by_the_threads_that_there_are() -> None:
    go_on = threading.Event()
    threads = [threading.Thread(target=go_on.wait, name="ScriptRunner.scriptThread") for _ in range(3)]
    for thread, session in zip(threads, ("a", "a", "b"), strict=True):
        thread.start()
        thread.streamlit_script_run_ctx = SimpleNamespace(session_id=session)  # type: ignore[attr-defined]
    try:
        assert (running(), running("a"), running("b"), running("c")) == (3, 2, 1, 0)

        async def asks(pool: RunPool, session: str) -> bool:
            try:
                await asyncio.wait_for(pool.room_for(session, is_gone=lambda: False), 0.2)
            except TimeoutError:
                return False
            return True

        assert asyncio.run(asks(RunPool(most=4), "a"))
        assert not asyncio.run(asks(RunPool(most=3), "a"))
        assert not asyncio.run(asks(RunPool(most=9, most_of_one=2), "a"))
        assert asyncio.run(asks(RunPool(most=9, most_of_one=2), "b"))
    finally:
        go_on.set()
        for thread in threads:
            thread.join()
