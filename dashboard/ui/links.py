"""Links in our own HTML open as the navigation does: without loading the deck anew.

Streamlit follows the address bar when a person goes back or forward, so a link is put there and announced alike.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

# Nothing from outside may ever be put in here: it is the only script of ours that a page runs.
_SCRIPT: Final = """<script>
if (!window.tdLinks) {
  window.tdLinks = true;
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".stHtml a[href]");
    const asks_for_more = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || asks_for_more || link.target === "_blank" || link.origin !== location.origin) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    dispatchEvent(new PopStateEvent("popstate"));
  });
}
</script>"""


def follow() -> None:
    """Let links of this page be followed without a reload; once a run."""
    with st.container(key="links"):
        st.html(_SCRIPT, unsafe_allow_javascript=True)
