"""Ends Streamlit's sessions whose pages did not come back, with their threads and file handles."""

from __future__ import annotations

import asyncio
import gc

from streamlit import runtime

# Sessions that end together, as after a flood, cost one collection.
COLLECT_AFTER_SECONDS = 2.0


class Sessions:
    """Closes sessions. For one event loop."""

    def __init__(self) -> None:
        self._is_due = False

    def forget(self, session_id: str) -> None:
        """Close a session unless its page is connected. Streamlit would keep it until the next visitor leaves.

        "" is one whose page left before it was told its session's id: nothing was ever drawn in it.
        """
        streamlit = runtime.get_instance()
        for found in (session_id,) if session_id else _never_drawn():
            if not streamlit.is_active_session(found):
                streamlit.close_session(found)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(COLLECT_AFTER_SECONDS, self._collect)

    def _collect(self) -> None:
        """A session and its handles are held in a circle; without runs the interpreter never looks for circles."""
        self._is_due = False
        asyncio.get_running_loop().run_in_executor(None, gc.collect)


def _never_drawn() -> tuple[str, ...]:
    """The sessions in which no run came to its end. There is no public way; a test watches that this one works."""
    known = runtime.get_instance()._session_mgr.list_sessions()
    return tuple(found.session.id for found in known if not found.script_run_count)
