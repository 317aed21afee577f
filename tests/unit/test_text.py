"""Text from outside is shown as it is: neither Markdown, nor HTML, nor a link, nor what only Streamlit or plotly read.

What a browser makes of it is tried in tests/browser/test_outside_text.py.
"""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.ui.text import encodable, in_chart, in_html, one_line, plain

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
    ["http", "https", "://", "www", ".", "@", "evil", "example", ":", "fire", "->", "--", " ", "<b>", "[a](b)", "`",
     "\u2060"]
)  # fmt: skip
_texts = st.one_of(st.text(max_size=60), st.lists(_pieces, max_size=12).map("".join))


def read_by_markdown(text: str) -> str:
    return html.unescape(plain(text))


@pytest.mark.parametrize("text", OUTSIDE)
def test_no_sign_that_markdown_reads_is_left(text: str) -> None:
    assert not re.search(r"[\\`*_{}\[\]()#+.!|~<>$:@/=^\"'-]", re.sub(r"&#\d+;", "", plain(text)))


@given(_texts)
def test_nothing_is_found_after_entities_are_decoded_either(text: str) -> None:
    shown = read_by_markdown(text)
    assert not [pattern.pattern for pattern in FOUND_AFTER_DECODING if pattern.search(shown)]


@given(_texts)
def test_a_person_reads_what_was_written(text: str) -> None:
    assert read_by_markdown(text).replace("\u2060", "") == one_line(text).replace("\u2060", "")


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
