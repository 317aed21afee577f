"""What is shown in place of a part of a page that failed by a fault of the deck's own."""

from __future__ import annotations

import logging

import streamlit as st

_log = logging.getLogger("tealdeck.ui")


def broken(error: Exception) -> bool:
    """Say that a part of the page failed, in place of Streamlit's own words; the log has the details.

    Returns True, by which Streamlit knows that the error was shown.
    """
    _log.error("page_failed error=%s", type(error).__name__, exc_info=error)
    st.error(
        "**This part of the page failed.** It is a fault of the deck, not of what it watches, and nothing is shown "
        "rather than something wrong. The deck's log has the details.",
        icon=":material/bug_report:",
    )
    return True
