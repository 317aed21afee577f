"""A bounded number of script runs at a time. Streamlit starts a thread for each, without any bound.

A run that is ended for another one lives on until it next draws something, so what counts is the threads that there
are. Who has to wait is served in the order of asking.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from streamlit.runtime.scriptrunner_utils.script_run_context_attr import SCRIPT_RUN_CONTEXT_ATTR_NAME

# Threads share one interpreter: with more of them the event loop, and with it /healthz, would wait for its turn.
MOST_RUNS = 24
# A click interrupts what is being drawn, and the next click that; a third one waits.
MOST_OF_ONE_VISITOR = 3
_LOOK_AGAIN_SECONDS = 0.05
_THREAD_NAME = "ScriptRunner.scriptThread"


class RunPool:
    """Lets runs begin as long as there is room. For one event loop."""

    def __init__(self, *, most: int = MOST_RUNS, most_of_one: int = MOST_OF_ONE_VISITOR) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._turn = asyncio.Lock()

    async def room_for(self, session: str, *, is_gone: Callable[[], bool]) -> None:
        """Wait until one more run of this session may begin, or its visitor has gone.

        Whoever comes next is asked only when the caller has begun its run: it must do so before it awaits anything.
        """
        while session and running(session) >= self._most_of_one and not is_gone():
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        async with self._turn:
            while running() >= self._most and not is_gone():
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def running(session: str = "") -> int:
    """How many threads run scripts now, those of one session or all."""
    threads = [thread for thread in threading.enumerate() if thread.name == _THREAD_NAME]
    if not session:
        return len(threads)
    contexts = (getattr(thread, SCRIPT_RUN_CONTEXT_ATTR_NAME, None) for thread in threads)
    return sum(getattr(context, "session_id", "") == session for context in contexts)
