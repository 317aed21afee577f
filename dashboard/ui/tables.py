"""Tables: dense on a desktop, cards with the essential columns on a phone, and everything as a CSV file.

Some dozens of rows are an HTML table, which the style sheet turns into cards on a narrow screen. Only a long one takes
the grid, whose scripts are half as large as all others of the deck together; a phone gets cards beside it.
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

from dashboard.model.reading import Reading, State, Unit
from dashboard.ui import session, states
from dashboard.ui.format import DASH, number, stamp
from dashboard.ui.text import encodable, in_html, plain

Row = TypeVar("Row")
Cell = str | float | datetime | None
_MOST_CARDS = 25
MOST_HTML_ROWS = 60
_MOST_CHARACTERS = 500  # of a cell; the CSV file has all
_SHORT = 12  # characters that stay on one line
_RESTS = ' class="td-rest"'
_DANGEROUS = ("=", "+", "-", "@")


@dataclass(frozen=True, kw_only=True)  # no slots: with them `Column[Row](...)` fails on Python 3.11
class Column(Generic[Row]):
    """One column: `cell` takes a row to its value. A phone shows the essential ones, the first as a card's title.

    `link` is where the cell leads, as a path of the deck with its query; "" where it leads nowhere.
    """

    name: str
    cell: Callable[[Row], Cell]
    unit: Unit | None = None
    essential: bool = False
    link: Callable[[Row], str] | None = None


def table(
    rows: Reading[tuple[Row, ...]] | Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    key: str,
    caption: str = "",
    csv_name: str,
    tz: str = "UTC",
    most_cards: int = _MOST_CARDS,
    link: Callable[[Row], str] | None = None,
) -> None:
    """Draw rows; say in words when there are none and why. A phone shows the first `most_cards` rows.

    `link` is where a row leads, as a path of the deck with its query; empty where it leads nowhere.
    """
    if isinstance(rows, Reading):
        if rows.value is None:
            states.note(rows, caption)
            return
        states.badge(rows, session.now())
        found: Sequence[Row] = rows.value
    else:
        found = rows
    if not found:
        if isinstance(rows, Reading) and rows.state is not State.FRESH:
            states.note(rows, caption)  # a part or an old answer does not show that there is none
        else:
            st.caption(f"{plain(caption) + ': ' if caption else ''}none.")
        return
    if caption:
        st.caption(plain(caption))
    with st.container(key=f"table-{key.replace('.', '-')}", gap="xxsmall"):
        _draw(found, columns, key=key, caption=caption, csv_name=csv_name, tz=tz, most_cards=most_cards, link=link)


def _draw(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    key: str,
    caption: str,
    csv_name: str,
    tz: str,
    most_cards: int,
    link: Callable[[Row], str] | None,
) -> None:
    if len(rows) <= MOST_HTML_ROWS:
        st.html(as_html(rows, columns, tz=tz, most_cards=most_cards, link=link))
    else:
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


def as_html(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    tz: str,
    most_cards: int,
    link: Callable[[Row], str] | None = None,
) -> str:
    """The rows as one table; a phone shows its essential columns as cards, and the first `most_cards` of them. Pure.

    A column that is blank in all rows is left out.
    """
    essential = [column.name for column in columns if column.essential] or [column.name for column in columns[:3]]
    columns = [column for column in columns if column.name == essential[0] or _says_anything(column, rows)]
    kinds = [_kind(column, essential) for column in columns]
    heads = "".join(
        f'<th scope="col"{kind}>{in_html(column.name)}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    body = []
    for place, row in enumerate(rows):
        cells = []
        for column, kind in zip(columns, kinds, strict=True):
            text = _shown(column, row, tz)
            shown = in_html(text, limit=_MOST_CHARACTERS)
            if to := _address(column, row, link if column.name == essential[0] else None):
                shown = f'<a href="{in_html(to, limit=2000)}" target="_self">{shown}</a>'
            if 0 < len(text) <= _SHORT:
                shown = f'<span class="td-short">{shown}</span>'
            cells.append(f'<td{kind} data-label="{in_html(column.name)}">{shown}</td>')
        body.append(f"<tr{_RESTS if place >= most_cards else ''}>{''.join(cells)}</tr>")
    more = len(rows) - most_cards
    note = f'<div class="td-note td-on-phone">{more} more in the CSV file.</div>' if more > 0 else ""
    return (
        f'<div class="td-wide" tabindex="0" role="group" aria-label="table"><table class="td-table">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>{note}"
    )


def _address(column: Column[Row], row: Row, of_row: Callable[[Row], str] | None) -> str:
    """Where a cell leads: by its column, else where the row leads, which its first essential cell tells."""
    own = column.link(row) if column.link else ""
    return own or (of_row(row) if of_row else "")


def _says_anything(column: Column[Row], rows: Sequence[Row]) -> bool:
    """Whether any row has something in the column; a dash for what is missing is something."""
    return any(column.cell(row) != "" for row in rows)


def _kind(column: Column[Row], essential: Sequence[str]) -> str:
    """The classes of a column's cells: figures are aligned, a phone leaves out what is not essential."""
    found = ["td-number"] if column.unit is not None else []
    if column.name not in essential:
        found.append("td-more")
    elif column.name == essential[0]:
        found.append("td-first")
    return f' class="{" ".join(found)}"' if found else ""


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
    Unit.LEFT: (100.0, "%, below 0 is overspent", "%.1f"),
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
        cards.append(f'<div class="td-card"><h3>{in_html(_shown(title, row, tz))}</h3><dl>{pairs}</dl></div>')
    more = len(rows) - most
    note = f'<div class="td-note">{more} more in the CSV file.</div>' if more > 0 else ""
    return f'<div class="td-cards">{"".join(cards)}{note}</div>'
