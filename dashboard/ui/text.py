"""Outside text made harmless: what came from a log, a label or a person is shown as it is and never as markup."""

from __future__ import annotations

import html
import re

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&@/=^\"'])")
_SHORTCODE = re.compile(r":(?=[\w+/-]+:)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str, *, limit: int = 300) -> str:
    """Without line breaks, control and direction signs, and cut with an ellipsis."""
    flat = _CONTROL.sub(" ", text).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def plain(text: str, *, limit: int = 300) -> str:
    """For `st.markdown`, captions and labels: every sign that Markdown, HTML or Streamlit could read is escaped."""
    # Emoji and icon names (`:name:`) are looked for after entities are decoded: an invisible joiner breaks them.
    unnamed = _SHORTCODE.sub(":\u2060", one_line(text, limit=limit))
    return _MARKS.sub(lambda sign: f"&#{ord(sign.group())};", unnamed)


def in_html(text: str, *, limit: int = 300) -> str:
    """For pieces that are drawn as HTML."""
    return html.escape(one_line(text, limit=limit), quote=True)
