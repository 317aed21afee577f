"""Escapes for Markdown stand in Markdown only: inputs, choices and code show or read out text as it is.

What a browser makes of it is tried in tests/browser/test_outside_text.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*(ROOT / "dashboard" / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py")])
# Their label is the accessible name as well, word for word.
INPUTS = {
    "checkbox", "date_input", "datetime_input", "multiselect", "number_input", "pills", "radio", "segmented_control",
    "selectbox", "slider", "text_area", "text_input", "time_input", "toggle",
}  # fmt: skip
# What shows text as it is, whichever argument it comes in.
AS_IT_IS = {"code", "text", "json", "dataframe", "choose", "in_html", "in_chart", "one_line"}


def escaped_where_nothing_decodes(source: str) -> list[str]:
    return [
        f"line {call.lineno}: {name}"
        for call, name in _calls(ast.parse(source))
        if name in INPUTS | AS_IT_IS and _escapes(call, name)
    ] + [
        f"line {text.lineno}: within backticks"
        for text in ast.walk(ast.parse(source))
        if isinstance(text, ast.JoinedStr) and _escapes_code(text)
    ]


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            yield call, getattr(call.func, "attr", getattr(call.func, "id", ""))


def _escapes(call: ast.Call, name: str) -> bool:
    # A tooltip is Markdown, of an input too.
    given = [*call.args, *(word.value for word in call.keywords if word.arg != "help")]
    return any(inner == "plain" for part in given for _, inner in _calls(part))


def _escapes_code(text: ast.JoinedStr) -> bool:
    is_code = False
    for part in text.values:
        if isinstance(part, ast.Constant):
            is_code ^= str(part.value).count("`") % 2 == 1
        elif is_code and any(inner == "plain" for _, inner in _calls(part)):
            return True
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_entity_can_be_seen_or_read_out(file: Path) -> None:
    assert escaped_where_nothing_decodes(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'st.checkbox(f"I accept {plain(title)}")',
        'st.selectbox("Pod", names, format_func=lambda name: plain(name))',
        'choose(view, nothing=f"{plain(default)}, the default one")',
        'st.markdown(f"name it in `{plain(VARIABLE)}`")',
        "st.code(plain(query))",
    ],
)
def test_the_check_finds_each_kind(source: str) -> None:
    assert escaped_where_nothing_decodes(source)


@pytest.mark.parametrize(
    "source",
    [
        "st.button(plain(label), help=plain(words))",
        'st.toggle("On", help=plain(words))',
        'st.caption(f"`x` {plain(y)}")',
    ],
)
def test_the_check_leaves_markdown_alone(source: str) -> None:
    assert not escaped_where_nothing_decodes(source)
