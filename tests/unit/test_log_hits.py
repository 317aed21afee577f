"""Which part of a document `_source` asks for: by names, patterns, objects, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.local.logstore.errors import StoreError
from deploy.local.logstore.hits import part_of

SOURCE = {"a": {"b": 1, "c": {"d": 2}}, "a.x": 3, "e": [4], "f": {}}


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        (True, SOURCE),
        (False, None),
        ([], {}),
        ("a.b", {"a": {"b": 1}}),
        (["a"], {"a": {"b": 1, "c": {"d": 2}}, "a.x": 3}),
        (["a.*"], {"a": {"b": 1, "c": {"d": 2}}, "a.x": 3}),
        (["*.d", "e"], {"a": {"c": {"d": 2}}, "e": [4]}),
        (["f"], {"f": {}}),
        ({"excludes": ["a*"]}, {"e": [4], "f": {}}),
        ({"includes": "a", "excludes": ["a.c"]}, {"a": {"b": 1}, "a.x": 3}),
        (["nothing"], {}),
    ],
    ids=str,
)
def test_a_part_is_what_its_names_and_patterns_say(wanted: Any, part: Any) -> None:
    take = part_of(wanted)
    assert take(SOURCE) == part
    assert take(SOURCE) == part, "a name decided once is decided the same again"


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(StoreError):
        part_of({"only": ["a"]})
