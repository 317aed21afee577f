"""Text from outside is shown as it is: neither Markdown, nor HTML, nor a link, nor what only Streamlit or plotly read.

What a browser makes of it is tried in tests/browser/test_outside_text.py.
"""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.ui.text import SPLIT, encodable, in_chart, in_html, one_line, plain

# What Streamlit's Markdown looks for once entities are decoded (remark-gfm's addresses, its own names and arrows).
FOUND_AFTER_DECODING = (
    re.compile(r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)", re.IGNORECASE),
    re.compile(r"(?<!\w)([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)"),
    re.compile(r":[\w+/-]+:"),
    re.compile(r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)"),
)
OUTSIDE = [
    "https://evil.example/x",
    "HTTP://evil.example",
    "see www.evil.example now",
    "WWW.evil.example",
    "write to root@evil.example today",
    "a -> b <- c <-> d -- e >= f <= g ~= h",
    ":fire: :material/lock: :streamlit:",
    "[click](https://evil.example) <b>bold</b> **bold** `code` $x$",
    ":red[down] :blue-badge[new]",
]
_pieces = st.sampled_from(
    ["http", "https", "://", "www", ".", "@", "evil", "example", ":", "fire", "->", "--", "<->", "~=", " ", "<b>",
     "[a](b)", "`", "\u2060", SPLIT]
)  # fmt: skip
_texts = st.one_of(st.text(max_size=60), st.lists(_pieces, max_size=12).map("".join))


def text_nodes(text: str) -> list[str]:
    """What Streamlit's Markdown makes of it: pieces of text, between which an empty element draws nothing."""
    return [html.unescape(part) for part in plain(text).split(SPLIT)]


@pytest.mark.parametrize("text", OUTSIDE)
def test_no_sign_that_markdown_reads_is_left(text: str) -> None:
    assert not re.search(r"[\\`*_{}\[\]()#+.!|~<>$:@/=^\"'-]", re.sub(r"&#\d+;", "", plain(text).replace(SPLIT, "")))


@given(_texts)
def test_nothing_is_found_after_entities_are_decoded_either(text: str) -> None:
    assert not [
        (pattern, node) for pattern in FOUND_AFTER_DECODING for node in text_nodes(text) if pattern.search(node)
    ]


@given(_texts)
@example("instance:node_cpu:rate5m")
@example("job:slo_errors_per_request:ratio_rate1h")
@example("https://www.example.org/a--b")
def test_what_is_read_and_copied_is_what_was_written(text: str) -> None:
    assert "".join(text_nodes(text)) == one_line(text)


@pytest.mark.parametrize("sign", ["\x00", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u061c", "\ufeff", "\ud800"])
def test_no_sign_that_breaks_lines_turns_text_or_cannot_be_sent_reaches_a_page(sign: str) -> None:
    for shown in (plain(f"a{sign}b"), in_html(f"a{sign}b"), in_chart(f"a{sign}b")):
        assert shown == "a b"


@given(st.text(st.characters(), max_size=30))
def test_whatever_is_shown_can_be_sent(text: str) -> None:
    for shown in (plain(text), in_html(text), in_chart(text), encodable(text)):
        shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;", id="bold"),
        pytest.param('<a href="https://evil.example">x', '&lt;a href="https://evil.example"&gt;x', id="a link"),
        pytest.param("a<br>b", "a&lt;br&gt;b", id="a line break"),
        pytest.param("&lt;b&gt;", "&amp;lt;b&amp;gt;", id="entities"),
        pytest.param("$x^2$", "&#36;x^2&#36;", id="TeX"),
    ],
)
def test_plotly_reads_no_markup_in_outside_text(text: str, shown: str) -> None:
    assert in_chart(text) == shown
