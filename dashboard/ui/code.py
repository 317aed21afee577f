"""Code to be read, without the syntax highlighter: that is 1.5 MB for a line of PromQL."""

from __future__ import annotations

import html

import streamlit as st

from dashboard.ui.text import encodable


def code(text: str) -> None:
    """Draw text as it is, line by line, whatever it holds."""
    st.html(f'<pre class="td-code"><code>{html.escape(encodable(text))}</code></pre>')
