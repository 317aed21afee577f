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
        """Close a session unless its page is connected. Streamlit would keep it until the next visitor leaves."""
        streamlit = runtime.get_instance()
        if streamlit.is_active_session(session_id):
            return
        streamlit.close_session(session_id)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(COLLECT_AFTER_SECONDS, self._collect)

    def _collect(self) -> None:
        """A session and its handles are held in a circle; without runs the interpreter never looks for circles."""
        self._is_due = False
        asyncio.get_running_loop().run_in_executor(None, gc.collect)
