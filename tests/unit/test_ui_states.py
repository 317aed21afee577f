"""Pieces draw every state of a reading: missing is a dash with words and never a 0, outside text is never markup."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.ui.session import pace_seconds
from dashboard.ui.tables import Column, to_csv
from dashboard.ui.text import SPLIT, in_html, one_line, plain


def tile_in_state(state: str) -> None:
    from datetime import UTC, datetime

    from dashboard.model.reading import VALUELESS, Reading, Source, State, Unit
    from dashboard.ui.tiles import Tile, tiles

    known = State(state)
    reading = Reading(
        value=None if known in VALUELESS else 0.083,
        source=Source.PROMETHEUS,
        state=known,
        as_of=datetime(2026, 3, 1, tzinfo=UTC),
        reason="" if known is State.FRESH else "the source *said* so",
        query="sum(rate(runs[30s]))",
    )
    tiles([Tile(name="Failed runs", value=reading, unit=Unit.RATIO, key="errors", limit=0.05, good="down")], key="t")


def draw(state: str) -> AppTest:
    app = AppTest.from_function(tile_in_state, args=(state,)).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("state", ["fresh", "stale", "partial"])
def test_a_known_value_is_drawn_with_its_unit(state: str) -> None:
    assert draw(state).metric[0].value == "8.3 %"


@pytest.mark.parametrize(
    ("state", "figure", "word"),
    [("empty", "no data", "the source"), ("not measured", "n/a", "not measured here"), ("missing", "—", "missing")],
)
def test_each_way_of_having_no_value_has_its_own_look_and_none_looks_like_zero(
    state: str, figure: str, word: str
) -> None:
    app = draw(state)
    assert app.metric[0].value == figure
    said = words_of(app)
    assert word in said
    assert "the source" in said


@pytest.mark.parametrize(("state", "word"), [("stale", "stale"), ("partial", "partial")])
def test_a_value_that_is_not_fresh_says_so(state: str, word: str) -> None:
    assert word in words_of(draw(state))


def test_a_fresh_value_needs_no_badge_but_its_limit() -> None:
    said = words_of(draw("fresh"))
    assert "stale" not in said
    assert "above the limit of 5 %" in said


def test_the_query_behind_is_there_on_demand() -> None:
    assert "sum(rate(runs[30s]))" in draw("fresh").metric[0].help


def sources_down() -> None:
    from datetime import UTC, datetime, timedelta

    from dashboard.model.health import SourceHealth
    from dashboard.model.reading import Source
    from dashboard.ui import states

    now = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
    down = SourceHealth(
        source=Source.PROMETHEUS, reachable=False, since=now - timedelta(seconds=90), reason="connection refused"
    )
    unknown = SourceHealth(source=Source.ELASTICSEARCH, reachable=None, reason="not in the settings")
    states.sources([down, unknown], now)


def test_a_source_that_is_down_is_named_with_the_time_and_one_never_asked_is_not() -> None:
    app = AppTest.from_function(sources_down).run()
    (said,) = [warning.value for warning in app.warning]
    assert "Prometheus" in said
    assert "since 03:10:30 UTC (1 min ago)" in said
    assert "connection refused" in said.replace("&#45;", "-")


def source_with_another_clock() -> None:
    from datetime import UTC, datetime

    from dashboard.model.health import SourceHealth
    from dashboard.model.reading import Source
    from dashboard.ui import states

    at = datetime(2026, 3, 1, tzinfo=UTC)
    for source, ahead in ((Source.PROMETHEUS, -3600.0), (Source.ALERTMANAGER, 2.0)):
        states.sources([SourceHealth(source=source, reachable=True, since=at, clock_ahead_seconds=ahead)], at)


def test_a_source_with_another_clock_is_named_and_one_that_is_off_by_a_moment_is_not() -> None:
    app = AppTest.from_function(source_with_another_clock).run()
    (said,) = [warning.value for warning in app.warning]
    assert "Prometheus" in said
    assert "its clock is 1 h behind the deck's" in said


@pytest.mark.parametrize(
    ("calm", "is_well", "pace"), [(15, True, 15), (15, False, 4), (2, False, 2)], ids=["well", "unwell", "quick anyway"]
)
def test_a_page_asks_more_often_while_a_source_is_down(calm: int, is_well: bool, pace: int) -> None:
    assert pace_seconds(calm, is_well=is_well) == pace


def old_log() -> None:
    from datetime import UTC, datetime

    from dashboard.model.reading import Reading, Source, State
    from dashboard.model.view import View
    from dashboard.ui.resources import log

    reading = Reading(
        value="a line\n",
        source=Source.KUBERNETES,
        state=State.STALE,
        as_of=datetime(2026, 3, 1, tzinfo=UTC),
        reason="kubernetes: no answer within 5 s",
    )
    log(View(env="local", ns="agents", pod="a"), lambda **how: reading)


def test_a_pods_log_of_before_an_outage_is_shown_as_stale() -> None:
    app = AppTest.from_function(old_log).run()
    assert app.code[0].value == "a line"
    assert "stale" in " ".join(element.value for element in app.markdown)


def empty_table() -> None:
    from datetime import UTC, datetime

    from dashboard.model.reading import Source, empty, missing
    from dashboard.ui.tables import Column, table

    columns = [Column(name="Agent", cell=str)]
    table(missing("timed out", source=Source.PROMETHEUS), columns, key="a", csv_name="a")
    nothing = empty("no traffic", source=Source.PROMETHEUS, as_of=datetime(2026, 3, 1, tzinfo=UTC))
    table(nothing, columns, key="b", csv_name="b")
    table((), columns, key="c", csv_name="c", caption="Agents")


def test_a_table_without_rows_says_why() -> None:
    app = AppTest.from_function(empty_table).run()
    assert not app.exception
    assert not app.dataframe
    missing, nothing, none = (caption.value for caption in app.caption)
    assert "timed out" in missing
    assert "no traffic" in nothing
    assert none == "Agents: none."


def long_table() -> None:
    from dashboard.ui.tables import Column, table

    columns = [
        Column(name="pod", cell=str),
        Column(name="trouble", cell=lambda row: "OOMKilled" if row == "p1" else ""),
    ]
    table([f"p{number}" for number in range(6)], columns, key="a", csv_name="a", most_cards=4)


def test_a_phone_gets_the_first_rows_as_cards_without_empty_lines_and_is_told_of_the_rest() -> None:
    app = AppTest.from_function(long_table).run()
    assert not app.exception
    (drawn,) = (html.proto.body for html in app.get("html"))
    assert drawn.count("<tr>") == 1 + 4  # with the head
    assert drawn.count('<tr class="td-rest">') == 2
    assert drawn.count('data-label="trouble"></td>') == 5  # what is empty has no line of its own: td:empty
    assert "2 more in the CSV file." in drawn
    assert not app.dataframe


def longer_table() -> None:
    from dashboard.ui.tables import MOST_HTML_ROWS, Column, table

    table(range(MOST_HTML_ROWS + 1), [Column(name="pod", cell=str)], key="a", csv_name="a")


def test_only_a_long_table_takes_the_grid() -> None:
    app = AppTest.from_function(longer_table).run()
    assert not app.exception
    assert len(app.dataframe) == 1


def linked_table() -> None:
    from dashboard.ui.tables import Column, table

    evil = '"><script>alert(1)</script>'
    columns = [Column(name="agent", cell=str), Column(name="runs", cell=len)]
    table(
        ["a", "b", evil], columns, key="a", csv_name="a", link=lambda row: "" if row == "b" else f"agents?agent={row}"
    )


def test_a_row_leads_on_where_it_has_somewhere_to_lead_and_holds_no_markup() -> None:
    app = AppTest.from_function(linked_table).run()
    assert not app.exception
    (drawn,) = (html.proto.body for html in app.get("html"))
    assert '<a href="agents?agent=a" target="_self">a</a>' in drawn
    assert drawn.count("<a ") == 2
    assert "<script" not in drawn


@pytest.mark.parametrize(
    "evil",
    [
        pytest.param("=HYPERLINK(1)", id="a formula"),
        pytest.param("+1", id="a plus"),
        pytest.param("@SUM(A1)", id="an at sign"),
        pytest.param("  =1", id="behind spaces"),
        pytest.param("\t=1", id="behind a tab"),
        pytest.param("\n=1", id="behind a line break"),
    ],
)
def test_no_cell_of_a_csv_file_is_run_by_a_spreadsheet(evil: str) -> None:
    columns = [Column[str](name="Message", cell=str)]
    (_, (cell,)) = csv.reader(io.StringIO(to_csv([evil], columns).decode("utf-8-sig"), newline=""))
    assert cell.startswith("'")


def test_numbers_stay_numbers_in_a_csv_file() -> None:
    columns = [Column[float](name="Change", cell=lambda value: value)]
    assert to_csv([-1.5], columns).decode("utf-8-sig").splitlines() == ["Change", "-1.5"]


@given(st.text())
def test_outside_text_holds_no_sign_that_markdown_or_html_reads(text: str) -> None:
    assert not set(plain(text).replace(SPLIT, "").replace("&#", "")) & set("`*_[]<>$:~|\\\"'")
    assert not set(in_html(text)) & set("<>\"'")
    assert "\n" not in one_line(text)


def test_a_line_that_turns_its_direction_is_put_straight() -> None:
    assert one_line("run \u202egnp.exe\u202c ok") == "run  gnp.exe  ok"


def words_of(app: AppTest) -> str:
    """All that the piece says, in one string."""
    texts = [element.value for element in app.markdown] + [element.value for element in app.caption]
    texts += [element.proto.body for element in app.get("html")]
    return " ".join(texts).replace("</b>", "").replace("<b>", "")
