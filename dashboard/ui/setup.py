"""In place of every page until the settings can be used: what is wrong, where, how to fix it; then the sources."""

from __future__ import annotations

import streamlit as st

from dashboard.settings import Settings, SettingsError
from dashboard.settings.loading import VARIABLE
from dashboard.ui import session, states, theme
from dashboard.ui.text import plain

EXAMPLE = """default_environment = "production"

[environments.production]
namespaces = ["agents"]

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

_LOOK_SECONDS = 3.0


def show() -> None:
    """Say what is wrong with the settings until they can be used, then whether each source in them answers.

    The file is read again every few seconds, so that whoever fixes it sees the effect at once. Only the file counts:
    this page takes no addresses from a visitor, who could make the deck call anyone.
    """
    theme.style()
    st.markdown("#### Tealdeck is not set up yet")
    st.fragment(_part, run_every=_LOOK_SECONDS)()


def _part() -> None:
    try:
        settings = session.settings()
    except SettingsError as error:
        _explain(error)
    else:
        _check(settings)


def _check(settings: Settings) -> None:
    """The settings can be used: what each source that they name says."""
    st.markdown(":material/check_circle: The settings can be used. What their sources say now:")
    for name in settings.environments:
        st.markdown(f"**{plain(name)}**")
        health = session.ask_of(name).health()
        states.source_badges(health, session.now(), key=f"sources-{name}")
        for source in health:
            if source.reachable is False:
                st.text(f"{states.SOURCES[source.source]}: {source.reason}")
    if st.button("Open the deck", type="primary", icon=":material/arrow_forward:", key="setup.open"):
        st.rerun(scope="app")


def _explain(error: SettingsError) -> None:
    """Say which file and key, what was found and what is allowed; then show a file that works."""
    st.error("The settings cannot be used, so nothing is shown rather than something wrong.", icon=":material/build:")
    st.markdown("**Where**")
    st.text(f"{error.file}: {error.key}" if error.key else error.file)
    st.markdown("**Found**")
    st.text(error.found)
    if error.allowed:
        st.markdown("**Allowed**")
        st.text(error.allowed)
    st.markdown(
        f"**Fix it**: correct the file, or name another one in `{VARIABLE}` and start the deck again. "
        "This page reads the file again every few seconds and then asks each source. A file that works looks like this:"
    )
    st.code(EXAMPLE, language="toml")
