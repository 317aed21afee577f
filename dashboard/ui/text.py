"""Outside text made harmless: what came from a log, a label or a person is shown as it is and never as markup."""

from __future__ import annotations

import html
import re

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&@/=^\"'])")
_CONTROL = re.compile(
    # Control and direction characters, line and paragraph separators, and lone surrogates, which cannot be encoded.
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)
_JOINER = "\u2060"  # invisible, and no part of any pattern below
# What Streamlit's Markdown looks for after entities are decoded, so that only a joiner within keeps it from matching:
# emoji and icon names, addresses without any markup, and arrows.
_SHORTCODE = re.compile(r":(?=[\w+/-]+:)")
_ADDRESS = re.compile(r"https?:(?=//)|www(?=\.)|@(?=[-\w])", re.IGNORECASE)
_ARROW = re.compile(r"(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)")


def one_line(text: str, *, limit: int = 300) -> str:
    """On one line, without control and direction characters, cut with an ellipsis at `limit` characters."""
    flat = _CONTROL.sub(" ", text).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def encodable(text: str) -> str:
    """For pieces that show text as it is: a lone surrogate, which cannot be encoded, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def plain(text: str, *, limit: int = 300) -> str:
    """For `st.markdown`, captions and labels: escapes every character that Markdown, HTML or Streamlit could read."""
    shown = _SHORTCODE.sub(":" + _JOINER, one_line(text, limit=limit))
    shown = _ADDRESS.sub(lambda found: found.group() + _JOINER, shown)
    shown = _ARROW.sub(lambda found: found.group()[0] + _JOINER + found.group()[1:], shown)
    return _MARKS.sub(lambda sign: f"&#{ord(sign.group())};", shown)


def in_chart(text: str, *, limit: int = 60) -> str:
    """For names, notes and hover texts of plotly, which reads `<b>`, `<a href>` and the like, entities, and TeX."""
    shown = html.escape(one_line(text, limit=limit), quote=False)
    return shown.replace("$", "&#36;")


def in_html(text: str, *, limit: int = 300) -> str:
    """For pieces that are drawn as HTML."""
    return html.escape(one_line(text, limit=limit), quote=True)
