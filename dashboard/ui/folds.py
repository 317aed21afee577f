"""Parts of a page that are opened when they are wanted: a line with a name and a count, and a table under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from dashboard.model.reading import Reading
from dashboard.ui import states
from dashboard.ui.tables import Column, table

Row = TypeVar("Row")


def folded_table(
    title: str,
    rows: Reading[tuple[Row, ...]],
    columns: Sequence[Column[Row]],
    *,
    key: str,
    is_open: bool = False,
    counts: bool = True,
    **shown: Any,
) -> None:
    """A table that a person opens; one line in words where there is no row, or nobody knows of any.

    Args:
        title: of the table, in our own words.
        is_open: whether it is open at first.
        counts: whether the line counts the rows; not where their number changes at every refresh, since Streamlit
            folds an expander again whose label changes.
        shown: everything else that `table` takes.
    """
    if not rows.value:
        states.note(rows, title)
        return
    label = f"{title}: {len(rows.value):,}" if counts else title
    with st.expander(label, expanded=is_open, key=f"fold-{key.replace('.', '-')}"):
        table(rows, columns, key=key, **shown)


def fold(title: str, draw: Callable[[], None], *, key: str) -> None:
    """Anything else that a person opens; `title` is in our own words."""
    with st.expander(title, key=f"fold-{key.replace('.', '-')}"):
        draw()
