"""Outside text made harmless: what came from a log, a label or a person is shown as it is and never as markup."""

from __future__ import annotations

import html
import re

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&@/=^\"'])")
_CONTROL = re.compile(
    # Control and direction characters, line and paragraph separators, and lone surrogates, which cannot be encoded.
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)
# Streamlit looks for emoji and icon names, bare addresses and arrows after entities are decoded, one text node at a
# time. An empty directive makes two nodes of one. It draws nothing, and a copy is exactly what was written.
SPLIT = ":small[]"
_SPLIT_AFTER = re.compile(
    r":(?=[\w+/-]+:)"  # :fire:, :material/lock:
    r"|https?:(?=//)|www(?=\.)|@(?=[-\w])"  # addresses without any markup
    r"|[<>~-](?=[->=])",  # arrows: also where a split beside them has made them stand alone
    re.IGNORECASE,
)


def one_line(text: str, *, limit: int = 300) -> str:
    """On one line, without control and direction characters, cut with an ellipsis at `limit` characters."""
    flat = _CONTROL.sub(" ", text).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def encodable(text: str) -> str:
    """For pieces that show text as it is: a lone surrogate, which cannot be encoded, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def plain(text: str, *, limit: int = 300) -> str:
    """For what Streamlit draws as Markdown: texts, captions, badges, tooltips, and the words on buttons and links.

    Not for the label of an input, a choice in a list, or within backticks: these show or read out text as it is, so
    that `&#45;` would be seen. Give inputs a label of our own words, and show outside text beside them.
    """
    parts = _SPLIT_AFTER.sub(r"\g<0>\n", one_line(text, limit=limit)).split("\n")
    return SPLIT.join(_MARKS.sub(lambda sign: f"&#{ord(sign[0])};", part) for part in parts)


def in_chart(text: str, *, limit: int = 60) -> str:
    """For names, notes and hover texts of plotly, which reads `<b>`, `<a href>` and the like, entities, and TeX."""
    shown = html.escape(one_line(text, limit=limit), quote=False)
    return shown.replace("$", "&#36;")


def in_html(text: str, *, limit: int = 300) -> str:
    """For pieces that are drawn as HTML."""
    return html.escape(one_line(text, limit=limit), quote=True)
