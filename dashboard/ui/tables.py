"""Tables: dense on a desktop, cards with the essential columns on a phone, and everything as a CSV file.

Both forms are sent and the style sheet shows one, since a server cannot know the width of a screen.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard.model.reading import Reading, Unit
from dashboard.ui import session, states
from dashboard.ui.format import DASH, number, stamp
from dashboard.ui.text import encodable, in_html, plain

Row = TypeVar("Row")
Cell = str | float | datetime | None
_MOST_CARDS = 25
_DANGEROUS = ("=", "+", "-", "@")


@dataclass(frozen=True, kw_only=True)  # no slots: with them `Column[Row](...)` fails on Python 3.11
class Column(Generic[Row]):
    """One column: `cell` takes a row to its value. A phone shows the essential ones, the first as a card's title."""

    name: str
    cell: Callable[[Row], Cell]
    unit: Unit | None = None
    essential: bool = False


def table(
    rows: Reading[tuple[Row, ...]] | Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    key: str,
    caption: str = "",
    csv_name: str,
    tz: str = "UTC",
    most_cards: int = _MOST_CARDS,
) -> None:
    """Draw rows; say in words when there are none and why. A phone shows the first `most_cards` rows."""
    if isinstance(rows, Reading):
        if rows.value is None:
            states.note(rows, caption)
            return
        states.badge(rows, session.now())
        found: Sequence[Row] = rows.value
    else:
        found = rows
    if not found:
        st.caption(f"{plain(caption) + ': ' if caption else ''}nothing to list.")
        return
    if caption:
        st.caption(plain(caption))
    with st.container(key=f"table-{key.replace('.', '-')}", gap="xxsmall"):
        _draw(found, columns, key=key, caption=caption, csv_name=csv_name, tz=tz, most_cards=most_cards)


def _draw(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    key: str,
    caption: str,
    csv_name: str,
    tz: str,
    most_cards: int,
) -> None:
    with st.container(key=f"wide-{key.replace('.', '-')}"):
        st.dataframe(
            _frame(rows, columns, tz),
            hide_index=True,
            key=f"{key}.frame",
            row_height=30,
            placeholder=DASH,
            alt=f"{caption or csv_name}: {len(rows)} rows",
            column_config={column.name: _config(column) for column in columns},
        )
    st.html(_cards(rows, columns, tz, most_cards))
    st.download_button(
        "CSV",
        data=lambda: to_csv(rows, columns),
        file_name=f"{csv_name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"{key}.csv",
        type="tertiary",
        on_click="ignore",
    )


def to_csv(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> bytes:
    """The rows as a file for spreadsheets: numbers in base units, UTC times, no text that a spreadsheet would run."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_safe(f"{c.name} [{c.unit}]" if c.unit else c.name) for c in columns])
    for row in rows:
        writer.writerow([_csv_cell(column.cell(row)) for column in columns])
    return out.getvalue().encode("utf-8-sig", "replace")


def _csv_cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return _safe(value) if isinstance(value, str) else str(value)


def _safe(text: str) -> str:
    """A leading apostrophe where a spreadsheet would take the text for a formula."""
    return f"'{text}" if text.lstrip().startswith(_DANGEROUS) else text


def _shown(column: Column[Row], row: Row, tz: str) -> str:
    value = column.cell(row)
    if value is None:
        return DASH
    if isinstance(value, datetime):
        return stamp(value, tz)
    if isinstance(value, str):
        return value
    return number(value, column.unit or Unit.COUNT)


# What a column of figures is multiplied with, its header's word and its form, so that the grid still sorts by number.
_GRID = {
    Unit.RATIO: (100.0, "%", "%.2f"),
    Unit.SECONDS: (1.0, "s", "%.3f"),
    Unit.PER_SECOND: (1.0, "/s", "%.3f"),
    Unit.BYTES: (1 / 1024**2, "MiB", "%.1f"),
    Unit.CORES: (1.0, "cores", "%.3f"),
    Unit.USD: (1.0, "$", "%.4f"),
    Unit.TOKENS: (1.0, "tokens", "%.0f"),
    Unit.TIMES: (1.0, "×", "%.2f"),
    Unit.COUNT: (1.0, "", "localized"),
}


def _frame(rows: Sequence[Row], columns: Sequence[Column[Row]], tz: str) -> pd.DataFrame:
    def cell(column: Column[Row], row: Row) -> str | float | None:
        value = column.cell(row)
        if isinstance(value, datetime):
            return stamp(value, tz)
        if value is None or isinstance(value, str):
            return value and encodable(value)
        return value * _GRID[column.unit or Unit.COUNT][0]

    return pd.DataFrame({column.name: [cell(column, row) for row in rows] for column in columns})


def _config(column: Column[Row]) -> ColumnConfig:
    if column.unit is None:
        return st.column_config.Column(column.name)
    _, word, form = _GRID[column.unit]
    # "runs/s" needs no second "/s".
    header = column.name if word in column.name else f"{column.name}, {word}"
    return st.column_config.NumberColumn(header, format=form)


def _cards(rows: Sequence[Row], columns: Sequence[Column[Row]], tz: str, most: int) -> str:
    """The essential columns as cards; escaped, since rows hold names and messages from outside."""
    essential = [column for column in columns if column.essential] or list(columns[:3])
    title, rest = essential[0], essential[1:]
    cards = []
    for row in rows[:most]:
        told = [(column.name, shown) for column in rest if (shown := _shown(column, row, tz))]
        pairs = "".join(f"<dt>{in_html(name)}</dt><dd>{in_html(shown)}</dd>" for name, shown in told)
        cards.append(f'<div class="td-card"><h4>{in_html(_shown(title, row, tz))}</h4><dl>{pairs}</dl></div>')
    more = len(rows) - most
    note = f'<div class="td-note">{more} more in the CSV file.</div>' if more > 0 else ""
    return f'<div class="td-cards">{"".join(cards)}{note}</div>'
