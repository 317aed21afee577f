"""Label selectors mean here what they mean to the API server."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.queries.selector import matcher


def _labelled(**labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "p", "labels": labels}}


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        ("", True),
        ("a=1", True),
        ("a==1,b=2", True),
        ("a!=1", False),
        ("c!=1", True),
        ("b", True),
        ("!b", False),
        ("c", False),
    ],
)
def test_a_selector_chooses_by_labels(selector: str, holds: bool):
    assert matcher(selector)(_labelled(a="1", b="2")) is holds


@pytest.mark.parametrize("selector", ["a in (b)", "a=b=c", "a=b,"])
def test_a_selector_of_another_kind_is_refused(selector: str):
    with pytest.raises(ValueError, match="not a simple label selector"):
        matcher(selector)


def test_an_object_without_labels_has_none():
    assert not matcher("a=1")({"metadata": {"name": "p"}})
