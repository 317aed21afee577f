"""One huge string in a JSON text costs itself alone: it is cut, the text stays JSON, and the rest stays as it is."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.long_strings import StringCutter

_signs = st.sampled_from(["a", '"', "\\", "é", "😀", "\n", "\x1b", "{", "…", "x" * 30])
_texts = st.lists(_signs, max_size=40).map("".join)
_documents = st.dictionaries(
    st.sampled_from(["message", "log", "stack"]), st.one_of(_texts, st.lists(_texts, max_size=3))
)


def _cut(text: bytes, *, longest: int = 16 * 1024, piece: int = 2**16) -> bytes:
    cutter = StringCutter(longest)
    return b"".join(cutter.feed(text[at : at + piece]) for at in range(0, len(text), piece)) + cutter.rest()


@given(_documents, st.integers(8, 120), st.integers(1, 50), st.booleans())
def test_what_is_cut_stays_json_and_begins_as_it_was(document: dict, longest: int, piece: int, is_ascii: bool):
    found = json.loads(_cut(json.dumps(document, ensure_ascii=is_ascii).encode(), longest=longest, piece=piece))

    assert found.keys() == document.keys()
    for key, value in document.items():
        for old, new in zip(*([one] if isinstance(one, str) else one for one in (value, found[key])), strict=True):
            new.encode()  # no half of a surrogate pair is left
            assert new == old or old.startswith(new[: new.rindex("… (")])


@given(_documents, st.integers(1, 50))
def test_what_has_no_long_string_is_left_alone(document: dict, piece: int):
    text = json.dumps(document).encode()

    assert _cut(text, piece=piece) == text


def test_a_cut_string_says_how_much_is_left_out():
    [line] = json.loads(_cut(json.dumps(["x" * 1_000_000]).encode()))

    assert line.endswith("… (983,616 bytes left out)")


@pytest.mark.parametrize("value", ["x" * 1_000_000, "\\" * 500_000, '"' * 500_000, "é" * 300_000], ids=lambda v: v[0])
def test_cutting_takes_linear_time(value: str):
    text = json.dumps([value] * 8).encode()

    began = time.process_time()
    _cut(text)

    assert time.process_time() - began < 3
