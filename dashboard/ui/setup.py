"""Stands in for every page while the settings cannot be used: what is wrong, where, and how to mend it."""

from __future__ import annotations

import logging

import streamlit as st

from dashboard.settings import VARIABLE, SettingsError
from dashboard.ui import theme
from dashboard.ui.text import plain

EXAMPLE = """default_environment = "production"

[environments.production]
namespace = "agents"

[environments.production.prometheus]
url = "https://prometheus.example.org"

[environments.production.alertmanager]
url = "https://alertmanager.example.org"

[environments.production.elasticsearch]
url = "https://elasticsearch.example.org"
api_key_file = "/run/secrets/elasticsearch"

[environments.production.kubernetes]
kubeconfig = ""   # empty: the service account of the deck's own pod
"""


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


def show(error: SettingsError) -> None:
    """Say which file and key, what was found and what is allowed; then show a file that works."""
    theme.style()
    st.markdown("#### Tealdeck is not set up yet")
    st.error("The settings cannot be used, so nothing is shown rather than something wrong.", icon=":material/build:")
    st.markdown("**Where**")
    st.text(f"{error.file}: {error.key}" if error.key else error.file)
    st.markdown("**Found**")
    st.text(error.found)
    if error.allowed:
        st.markdown("**Allowed**")
        st.text(error.allowed)
    st.markdown(
        f"**Mend it**: correct the file (or name another one in `{plain(VARIABLE)}`), then reload this page. "
        "A file that works looks like this:"
    )
    st.code(EXAMPLE, language="toml")
