"""Links in our own HTML: where they lead, and that they open without loading the deck anew.

Streamlit follows the address bar when a person goes back or forward, so a link is put there and announced alike.
The same script lets "Skip to main content" skip the navigation too, and it copies: a button with `data-copy` copies the
text of the next element that has the class td-copied.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import streamlit as st

from dashboard.model.view import View
from dashboard.ui import session, url

# Nothing from outside may ever be put in here: it is the only script of ours that a page runs.
_SCRIPT: Final = """<script>
if (!window.tdLinks) {
  window.tdLinks = true;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".stHtml [data-copy]");
    if (button) {
      const source = button.closest(".stHtml").querySelector(".td-copied");
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        button.textContent = document.execCommand("copy") ? "Copied" : "Selected: copy it by keyboard";
      }
      return;
    }
    if (event.target.closest?.('[data-testid="stSkipToContent"]')) {
      // Streamlit leads to all of the page, where the navigation comes first again.
      document.querySelector(".td-title")?.focus();
      return;
    }
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


def address(page: str, view: View) -> str:
    """Where a link to a page that shows `view` leads; "" while the deck has no such page."""
    return "?".join((page, urlencode(url.link(view)))) if page in session.pages() else ""
