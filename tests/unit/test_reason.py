"""A reason is what a reader of the audit can see: bounded, on one line, in characters that every encoding carries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.reason import LONGEST_REASON, SHORTEST_REASON, problem, tidy, visible_length

# Hypothesis leaves surrogates out unless asked.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=2 * LONGEST_REASON)


@pytest.mark.parametrize(
    "filler",
    [
        pytest.param("\u200b", id="zero-width space"),
        pytest.param("\u200d", id="zero-width joiner"),
        pytest.param("\ufeff", id="byte order mark"),
        pytest.param("\u2800", id="blank Braille cell"),
        pytest.param("\u3164", id="Hangul filler"),
        pytest.param("\u0301", id="combining accent"),
        pytest.param("\ufe0f", id="variation selector"),
        pytest.param("\U000e0041", id="tag character"),
        pytest.param("\u202e", id="right-to-left override"),
        pytest.param("\u00a0", id="no-break space"),
        pytest.param("\ue000", id="private use"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("\u2028", id="line separator"),
    ],
)
def test_what_nobody_can_see_is_no_reason(filler: str) -> None:
    assert "visible" in problem("why" + filler * 100)


@pytest.mark.parametrize(
    "text", ["the rollback is stuck", "Grüße aus Köln", "因為新版本遺失了資料", "потому что теряет"]
)
def test_a_reason_in_any_script_counts(text: str) -> None:
    assert problem(text) == ""
    assert tidy(text) == text


def test_a_reason_has_a_longest_size() -> None:
    assert problem("x" * LONGEST_REASON) == ""
    assert "at most" in problem("x" * (LONGEST_REASON + 1))


@given(ANY_TEXT)
def test_tidied_text_is_one_bounded_line_that_can_be_encoded(text: str) -> None:
    found = tidy(text)
    assert len(found) <= LONGEST_REASON
    assert len(found.splitlines()) <= 1
    assert found.encode().decode() == found
    assert tidy(found) == found


@given(ANY_TEXT)
def test_tidying_takes_nothing_visible_from_a_short_text(text: str) -> None:
    short = text[:SHORTEST_REASON]
    lost = visible_length(short) - visible_length(tidy(short))
    assert lost <= 0
