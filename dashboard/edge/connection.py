"""One visitor's connection: its messages are looked at, counted, and wait where the deck has enough to do.

They are read as they come, so that a visitor who leaves is noticed at once, whatever of it still waits. One with too
much waiting is hung up on: an overload is felt by who causes it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

from starlette.types import Message, Receive, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.edge.exports import Exports, Promises
from dashboard.edge.messages import Kind, kind_of
from dashboard.edge.pace import Bucket
from dashboard.edge.runs import RunPool

# A page that refreshes itself asks once or twice a second; a person who drags a slider more often for a while.
RUNS_PER_SECOND = 4.0
BURST = 40
MOST_WAITING = 50
# Close codes of WebSockets.
PROTOCOL_ERROR, TOO_BIG, TRY_LATER = 1002, 1009, 1013
_log = logging.getLogger("tealdeck.gate")


class Connection:
    """What stands between one WebSocket and Streamlit."""

    def __init__(self, receive: Receive, send: Send, *, browser: str, exports: Exports, runs: RunPool) -> None:
        self._receive, self._send = receive, send
        self._browser, self._exports, self._runs = browser, exports, runs
        self.session = ""  # Streamlit's id, once it was told to the browser
        self._promises = Promises()
        self._bucket = Bucket(per_second=RUNS_PER_SECOND, burst=BURST)
        self._waiting: deque[tuple[Kind, Message]] = deque()
        self._refreshes: set[str] = set()
        self._arrived = asyncio.Event()
        self._end: Message | None = None

    async def read(self) -> None:
        """Read what comes until the connection ends."""
        while self._end is None:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._finish(message)
            elif message["type"] != "websocket.receive":
                self._keep(Kind.LET, message)
            else:
                await self._look_at(message)

    async def next(self) -> Message:
        """The next message that Streamlit may have, when there is room for what it asks for."""
        while True:
            while self._end is None and not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            if self._end is not None:
                return self._end
            kind, message = self._waiting[0]
            if kind in (Kind.RUN, Kind.EXPORT):
                await self._paced()
            if kind is Kind.RUN:
                await self._runs.room_for(self.session, is_gone=lambda: self._end is not None)
            if self._end is None:
                self._take()
                return message if self.session else _in_full(message)

    async def send(self, message: Message) -> None:
        """Send what Streamlit sends, and note the session's id and the files that the page offers."""
        if self._end is not None:
            return
        data = message.get("bytes")
        if message["type"] == "websocket.send" and data:
            if not self.session:
                self.session = ForwardMsg.FromString(data).new_session.initialize.session_id
            self._promises.note(data)
            self._exports.note(self._browser, data)
        await self._send(message)

    async def _look_at(self, message: Message) -> None:
        kind, asked = kind_of(message.get("bytes"))
        if kind in (Kind.TOO_LONG, Kind.UNREADABLE):
            await self._hang_up(TOO_BIG if kind is Kind.TOO_LONG else PROTOCOL_ERROR, f"the message is {kind}")
        elif kind is Kind.DROP or (kind is Kind.EXPORT and not self._may_export(asked)):
            _log.warning("message_dropped kind=%s", asked.WhichOneof("type"))
        elif len(self._waiting) >= MOST_WAITING:
            await self._hang_up(TRY_LATER, "this page asks too often")
        elif not self._waits_already(asked):
            self._keep(kind, message)

    def _may_export(self, asked: BackMsg) -> bool:
        return self._promises.has(asked.backend_operation_request.deferred_file.file_id)

    def _waits_already(self, asked: BackMsg) -> bool:
        """Whether this part of the page waits for its refresh: one of them is enough."""
        run = asked.rerun_script
        if not run.is_auto_rerun or not run.fragment_id:
            return False
        waits = run.fragment_id in self._refreshes
        self._refreshes.add(run.fragment_id)
        return waits

    def _keep(self, kind: Kind, message: Message) -> None:
        self._waiting.append((kind, message))
        self._arrived.set()

    def _take(self) -> None:
        kind, message = self._waiting.popleft()
        if kind is Kind.RUN:
            self._refreshes.discard(BackMsg.FromString(message["bytes"]).rerun_script.fragment_id)

    async def _paced(self) -> None:
        while self._end is None and (seconds := self._bucket.take(time.monotonic())) > 0:
            await asyncio.sleep(seconds)

    async def _hang_up(self, code: int, reason: str) -> None:
        """End the connection from our side; Streamlit is told that the browser has gone."""
        _log.warning("visitor_hung_up_on reason=%s", reason)
        self._finish({"type": "websocket.disconnect", "code": code})
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _finish(self, end: Message) -> None:
        self._end = end
        self._waiting.clear()
        self._arrived.set()


def _in_full(message: Message) -> Message:
    """A message of a page that is new to this process: it is sent all that it shows, so that its files are known."""
    asked = BackMsg.FromString(message.get("bytes") or b"")
    if not asked.rerun_script.cached_message_hashes:
        return message
    del asked.rerun_script.cached_message_hashes[:]
    return {**message, "bytes": asked.SerializeToString()}
