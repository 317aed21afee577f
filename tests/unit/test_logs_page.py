"""The page Logs in its states: with lines, without, cut, and with a source that does not answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dashboard.decide import new_kinds
from dashboard.decide.content import is_content, is_content_event
from dashboard.decide.patterns import patterns
from dashboard.model.incident import Change
from dashboard.model.log import LogEntry, LogPage, Patterns
from dashboard.model.reading import Reading, Source, State, fresh, missing
from dashboard.model.view import View
from dashboard.model.words import LogLevel
from dashboard.queries.log_page import LogsAnswer
from dashboard.queries.new_kinds import NewKinds, last_release
from dashboard.ui.log_histogram import bars, html, words, zone_of
from dashboard.ui.log_kinds import ordered
from dashboard.ui.log_lead import answer_in_words
from dashboard.ui.log_lines import FOLDED, rows, whole
from dashboard.ui.log_search import applied, as_csv, as_ndjson, as_toml, of_view
from dashboard.ui.log_tail import Following, in_words, stepped
from tests.unit.fake_logs import NOW

VIEW = View(env="local", ns="agents", range="1h")
START = NOW - timedelta(hours=1)


def entry(message: str = "hello", *, level: LogLevel | None = None, seconds_ago: float = 1, **more: object) -> LogEntry:
    return LogEntry(
        at=NOW - timedelta(seconds=seconds_ago),
        severity=level or "",
        message=message,
        service="checkout",
        track="green",
        pod="checkout-1",
        trace_id="",
        span_id="",
        attributes={},
        id=f"{len(message)}-{seconds_ago}",
        index="i",
        level=level,
        **more,  # type: ignore[arg-type]
    )


def read(value: LogPage, state: State = State.FRESH, reason: str = "") -> Reading[LogPage]:
    return Reading(value=value, source=Source.ELASTICSEARCH, state=state, as_of=NOW, reason=reason)


def page_of(total: int, errors: int = 0, infos: int = 0) -> LogPage:
    moments = [START + timedelta(minutes=n) for n in range(60)]

    def course(count: int) -> tuple[tuple[object, int], ...]:
        return tuple((at, count if n == 30 else 0) for n, at in enumerate(moments))

    return LogPage(
        entries=(entry(),),
        total=total,
        histogram=course(total),  # type: ignore[arg-type]
        levels={LogLevel.ERROR: course(errors), LogLevel.INFO: course(infos)},  # type: ignore[dict-item]
    )


def answer(**more: object) -> LogsAnswer:
    return LogsAnswer(start=START, end=NOW, **more)  # type: ignore[arg-type]


def known(*messages: str) -> Patterns:
    found = patterns([entry(message, seconds_ago=n) for n, message in enumerate(messages)])
    return Patterns(patterns=found, sampled=len(messages), total=len(messages), total_is_lower_bound=False)


RELEASE = Change(at=NOW - timedelta(minutes=30), what="green 1.8.0 deployed", service="checkout", track="green")


def test_the_sentence_counts_lines_and_errors_and_names_the_release_that_kinds_are_new_since() -> None:
    kinds = NewKinds(patterns=fresh(known("a b"), source=Source.ELASTICSEARCH, as_of=NOW), release=RELEASE)
    kinds = replace(kinds, new=known("cache lost", "disk full").patterns)
    counts = read(page_of(1204, errors=37, infos=1167))
    sentence, tone, _ = answer_in_words(answer(lines=counts, counts=counts, kinds=kinds), VIEW)
    assert sentence == "1,204 lines, 37 errors in the last 1 h; 2 kinds new since green 1&#46;8&#46;0"
    assert tone == "warn"


def test_lines_that_state_no_level_are_not_told_as_no_error() -> None:
    counts = read(page_of(12))
    sentence, _, _ = answer_in_words(answer(lines=counts, counts=counts), VIEW)
    assert "none of which states its level" in sentence
    assert "no error" not in sentence


def test_a_cut_answer_is_at_least() -> None:
    counts = read(page_of(12, infos=12), State.PARTIAL, "1 of 2 shards failed")
    assert answer_in_words(answer(lines=counts, counts=counts), VIEW)[0].startswith("At least 12 lines")


@pytest.mark.parametrize(
    ("told", "says"),
    [
        pytest.param({"mistake": "*x begins with *"}, "not asked", id="a mistake"),
        pytest.param({"lines": missing("refused", source=Source.ELASTICSEARCH)}, "cannot be read", id="down"),
        pytest.param(
            {"lines": read(LogPage(entries=(), total=0)), "anything": read(LogPage(entries=(), total=0))},
            "Nothing in agents logged a line",
            id="nothing was logged",
        ),
        pytest.param(
            {"lines": read(LogPage(entries=(), total=0)), "anything": read(page_of(3))}, "No line fits", id="filtered"
        ),
        pytest.param(
            {"lines": read(LogPage(entries=(), total=0)), "unknown_fields": ("agnet",)}, "a field", id="no such field"
        ),
        pytest.param(
            {
                "lines": read(LogPage(entries=(), total=0), State.PARTIAL, "a shard failed"),
                "anything": read(page_of(3)),
            },
            "not everything was read",
            id="cut",
        ),
        pytest.param(
            {
                "lines": read(LogPage(entries=(), total=0)),
                "anything": missing("no answer within 5 s", source=Source.ELASTICSEARCH),
            },
            "No line was found",
            id="half an answer",
        ),
    ],
)
def test_without_lines_the_sentence_says_why_and_never_that_all_is_well(told: dict[str, object], says: str) -> None:
    sentence, tone, _ = answer_in_words(answer(**told), VIEW)
    assert says in sentence
    assert tone != "well"


def test_a_tap_on_bars_shows_their_time_alone_and_never_less_than_a_minute() -> None:
    found = bars(page_of(600, errors=6, infos=500), START, NOW)
    links: list[tuple[object, object]] = []
    drawn = html(found, "UTC", lambda start, end: links.append((start, end)) or "logs?x")  # type: ignore[func-returns-value]
    assert len(links) == 12
    assert links[0] == (START, START + timedelta(minutes=5))
    assert "6 errors" in drawn
    assert "94 without a level" in drawn
    assert "Most lines at 11:30:00 UTC: 600" in words(found, "UTC")
    minute = (NOW - timedelta(minutes=1), NOW)
    assert zone_of(bars(page_of(1), *minute)[:1], minute) is None


def test_what_a_line_says_is_shown_as_text_whatever_it_holds() -> None:
    evil = '<script>alert(1)</script>\x00\u202eabc "><img src=x onerror=y>' + "x" * 1_000_000
    line = entry(evil, fields={"body.text": evil, "<b>": "\u2066v"})
    drawn = rows([line], VIEW) + whole(line, VIEW)
    assert "<script" not in drawn
    assert "<img" not in drawn
    assert "\u202e" not in drawn
    assert "\x00" not in drawn
    assert len(drawn) < 40_000


def test_contents_of_conversations_are_folded_away_and_not_exported() -> None:
    fields = {"event_name": "gen_ai.user.message", "body.text": "my secret", "attributes.gen_ai.prompt": "my secret"}
    line = entry("my secret", fields=fields)
    assert FOLDED in rows([line], VIEW)
    assert "my secret" not in rows([line], VIEW)
    assert "<details><summary>Contents of a conversation" in whole(line, VIEW)
    assert b"my secret" not in as_csv([line], "") + as_ndjson([line], "")


@pytest.mark.parametrize(
    "name",
    [
        "attributes.gen_ai.input.messages",
        "attributes.gen_ai.prompt.0.content",
        "attributes.gen_ai.tool.call.arguments",
        "labels.gen_ai.completion",
        "attributes.input.value",
        "attributes.traceloop.entity.output",
        "body.structured.messages",
    ],
)
def test_fields_that_hold_prompts_and_results_are_known_by_their_names(name: str) -> None:
    assert is_content(name)


@pytest.mark.parametrize(
    "name", ["message", "body.text", "attributes.gen_ai.usage.input_tokens", "attributes.gen_ai.tool.name"]
)
def test_other_fields_are_not_taken_for_content(name: str) -> None:
    assert not is_content(name)
    assert not is_content_event({name: "gen_ai.user.message"})


def test_an_export_that_lacks_lines_says_so_within_the_file() -> None:
    assert b"incomplete: the source died" in as_csv([entry()], "the source died")
    assert as_ndjson([entry()], "the source died").endswith(b'{"tealdeck.incomplete": "the source died"}\n')


def test_a_saved_search_is_the_filters_of_its_link_and_cannot_lead_elsewhere() -> None:
    view = replace(VIEW, q='a "b"', level="error", pod="p")
    assert applied(VIEW, of_view(view)) == view
    assert applied(VIEW, "env=moon&ns=x&q=y&range=9y") == replace(VIEW, q="y")
    assert "[environments.local.searches]\nmine = " in as_toml(view, {"mine": of_view(view)})


def test_a_kind_is_new_only_where_it_was_looked_for_before_the_release_and_not_found() -> None:
    (pattern,) = known("cache entry 7 was lost").patterns
    there = read(LogPage(entries=(), total=3))
    nothing = read(LogPage(entries=(), total=0))
    assert new_kinds.is_new(pattern, nothing, there) is True
    assert new_kinds.is_new(pattern, read(LogPage(entries=(entry("cache entry 9 was lost"),), total=1)), there) is False
    assert new_kinds.is_new(pattern, nothing, nothing) is None, "its words cannot be searched here"
    assert new_kinds.is_new(pattern, missing("down", source=Source.ELASTICSEARCH), there) is None
    assert new_kinds.is_new(pattern, read(LogPage(entries=(entry("other"),), total=90)), there) is None, (
        "90 were not read"
    )
    assert new_kinds.is_new(pattern, read(LogPage(entries=(), total=0), State.PARTIAL, "cut"), there) is None


def test_kinds_of_before_the_release_are_no_candidates_and_errors_come_first() -> None:
    error = replace(entry("disk is full", seconds_ago=9), level=LogLevel.ERROR)
    after = Patterns(
        patterns=patterns([entry("cache lost"), entry("cache lost", seconds_ago=2), error, entry("hello you")]),
        sampled=4,
        total=4,
        total_is_lower_bound=False,
    )
    found = new_kinds.candidates(after, known("hello you"))
    assert [one.template for one in found] == ["disk is full", "cache lost"]
    assert new_kinds.words_of(found[0]) == '"disk" "is" "full"'
    assert new_kinds.words_of(known("x9-12").patterns[0]) == ""


def test_the_last_release_is_the_newest_deployment_of_a_track_within_the_period() -> None:
    later = replace(RELEASE, at=NOW + timedelta(hours=1))
    other = replace(RELEASE, at=NOW - timedelta(minutes=1), track="", service="database")
    assert last_release((later, other, RELEASE), service="", end=NOW) == RELEASE
    assert last_release((RELEASE,), service="another", end=NOW) is None


def test_each_kind_is_listed_once_the_new_ones_first() -> None:
    shown = known("a b", "a b", "c d")
    kinds = NewKinds(patterns=fresh(shown, source=Source.ELASTICSEARCH, as_of=NOW), new=known("c d").patterns)
    assert [one.template for one in ordered(kinds)] == ["c d", "a b"]


def followed(lines: tuple[LogEntry, ...]) -> Reading[LogPage]:
    return read(LogPage(entries=lines, total=len(lines)))


def test_following_tells_new_lines_once_and_how_late_they_are() -> None:
    first = stepped(Following(view=VIEW, began=NOW), followed((entry("old", seconds_ago=60),)), NOW)
    assert (first.count, first.late) == (0, timedelta(0))
    later = NOW + timedelta(seconds=2)
    second = stepped(first, followed((entry("new", seconds_ago=38), entry("old", seconds_ago=60))), later)
    assert (second.count, [line.message for line in second.shown]) == (1, ["new", "old"])
    _, said = in_words(second, followed(()), later)
    assert "1 new line" in said
    assert "arrive up to 40 s after" in said


def test_following_says_that_it_has_stopped_and_does_not_take_old_answers_for_new() -> None:
    known_so_far = stepped(Following(view=VIEW, began=NOW), followed(()), NOW)
    for state in (State.STALE, State.MISSING):
        reading = Reading(
            value=None if state is State.MISSING else LogPage(entries=(entry(),), total=1),
            source=Source.ELASTICSEARCH,
            state=state,
            as_of=NOW,
            reason="connection refused",
        )
        assert stepped(known_so_far, reading, NOW) == known_so_far
        _, said = in_words(known_so_far, reading, NOW + timedelta(seconds=9))
        assert "has stopped" in said
        assert "connection refused" in said
        assert "9 s ago" in said
