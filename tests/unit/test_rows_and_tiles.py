"""Rows of tiles without holes, and tables without columns that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.reading import Unit
from dashboard.ui.tables import Column, as_html
from dashboard.ui.tiles import filled


@given(count=st.integers(min_value=1, max_value=60), most=st.integers(min_value=1, max_value=12))
def test_tiles_fill_their_rows_and_take_no_more_of_them_than_they_need(count: int, most: int) -> None:
    across, last = filled(count, most)
    rows = -(-count // most)
    assert 1 <= across <= most
    assert 1 <= last <= across
    assert count - 1 + last == across * rows


def test_a_row_without_tiles_still_has_a_column() -> None:
    assert filled(0, 5) == (1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    agent: str
    ended: str
    seconds: float | None = None


COLUMNS: list[Column[Run]] = [
    Column(name="agent", cell=lambda run: run.agent, essential=True),
    Column(name="ended", cell=lambda run: run.ended),
    Column(name="took", cell=lambda run: run.seconds, unit=Unit.SECONDS),
]


def drawn(*rows: Run) -> str:
    return as_html(rows, COLUMNS, tz="UTC", most_cards=5)


def test_a_column_that_is_blank_in_all_rows_is_left_out() -> None:
    assert ">ended<" not in drawn(Run(agent="scout", ended=""), Run(agent="clerk", ended=""))


def test_a_column_with_words_in_one_row_is_shown() -> None:
    assert ">ended<" in drawn(Run(agent="scout", ended=""), Run(agent="clerk", ended="✖ failed"))


def test_a_column_of_missing_figures_is_shown_with_dashes() -> None:
    assert drawn(Run(agent="scout", ended="")).count("—") == 1


def test_the_first_column_is_shown_even_if_it_is_blank() -> None:
    assert ">agent<" in drawn(Run(agent="", ended="✔ well"))


def test_short_words_stay_on_one_line_and_blank_cells_stay_empty() -> None:
    page = drawn(Run(agent="scout", ended="✔ well"), Run(agent="a-name-that-has-to-wrap", ended=""))
    assert '<span class="td-short">✔ well</span>' in page
    assert '">a-name-that-has-to-wrap</td>' in page
    assert '"></td>' in page
