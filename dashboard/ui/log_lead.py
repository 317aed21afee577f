"""The page Logs in one sentence: how many lines, how many errors, what is new. Or why nothing can be said. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

from dashboard.model.log import LogPage
from dashboard.model.reading import Reading, State
from dashboard.model.view import RANGES, View
from dashboard.model.words import LogLevel
from dashboard.queries.line_query import names
from dashboard.queries.log_page import LogsAnswer, level_totals, total
from dashboard.queries.new_kinds import NewKinds
from dashboard.ui.format import span
from dashboard.ui.lead import Tone
from dashboard.ui.text import plain

_MOST_NAMED: Final = 3
Lead = tuple[str, Tone, str]


def answer_in_words(answer: LogsAnswer, view: View) -> Lead:
    """The sentence, its tone, and what belongs to it; Markdown, with outside text escaped."""
    if answer.mistake:
        return "The query was not asked", "warn", plain(answer.mistake, limit=400)
    counts, lines = answer.counts, answer.lines
    if lines is not None and lines.value is None and (counts is None or counts.value is None):
        return _nothing_read(lines)
    if counts is not None and counts.value is not None and total(counts.value):
        return _counted(counts, answer, view)
    if lines is not None and lines.value is not None and lines.value.entries:
        why = counts.reason if counts is not None else ""
        return "The newest lines are below; how many there are is not known", "quiet", f"{plain(why, limit=400)}."
    return _none(answer, view)


def period_words(view: View) -> str:
    """The period as a sentence ends with it."""
    return f"in the last {span(RANGES[view.range])}" if view.range else "in this period"


def counted(number: int, one: str, several: str = "") -> str:
    """A count with its noun."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _counted(counts: Reading[LogPage], answer: LogsAnswer, view: View) -> Lead:
    assert counts.value is not None  # noqa: S101 - the caller has just looked
    found, levels = total(counts.value), level_totals(counts.value)
    least = "at least " if counts.state is State.PARTIAL else ""
    errors = levels.get(LogLevel.ERROR, 0)
    unsaid = max(0, found - sum(levels.values()))
    is_whole = counts.state is State.FRESH and not unsaid
    sentence = f"{least}{counted(found, 'line')}, {_errors(found, levels, is_whole=is_whole)} {period_words(view)}"
    news, details = _news(answer.kinds)
    if unsaid and unsaid < found:
        details.append(f"{counted(unsaid, 'line states', 'lines state')} no level that is understood.")
    is_bad = bool(errors) or (answer.kinds is not None and bool(answer.kinds.new))
    return (
        f"{sentence[0].upper()}{sentence[1:]}{news}",
        "warn" if is_bad else "well" if is_whole else "quiet",
        " ".join(details),
    )


def _errors(found: int, levels: Mapping[LogLevel, int], *, is_whole: bool) -> str:
    if not sum(levels.values()):
        return "none of which states its level," if found > 1 else "which states no level,"
    if levels.get(LogLevel.ERROR):
        return counted(levels[LogLevel.ERROR], "error")
    return "no error among them" if is_whole else "no error among those whose level could be read,"


def _news(kinds: NewKinds | None) -> tuple[str, list[str]]:
    if kinds is None:
        return "", []
    if kinds.why_not or kinds.release is None:
        return "", [f"New kinds of lines are not known: {plain(kinds.why_not)}."]
    since = f"since {release_name(kinds)}"
    unsure = counted(len(kinds.unsure), "more kind may be new", "more kinds may be new") if kinds.unsure else ""
    details = [f"{unsure}: not everything before the release could be read."] if unsure else []
    if kinds.new:
        return f"; {counted(len(kinds.new), 'kind')} new {since}", details
    return ("", details) if unsure else (f"; no new kind {since}", details)


def release_name(kinds: NewKinds) -> str:
    """The release that kinds are compared with: `green 1.8.0`. Escaped."""
    what = kinds.release.what if kinds.release is not None else ""
    return plain(what.removesuffix(" deployed again").removesuffix(" deployed"))


def _nothing_read(lines: Reading[LogPage]) -> Lead:
    why = plain(lines.reason, limit=400)
    match lines.state:
        case State.UNMEASURED:
            return "Log lines are not read here", "quiet", f"{why}."
        case State.EMPTY:
            return "No log line can be found here", "quiet", f"{why}. See Sources for the settings that name it."
        case _:
            return "The log lines cannot be read at present", "warn", f"{why}."


def _none(answer: LogsAnswer, view: View) -> Lead:
    when = period_words(view)
    if answer.unknown_fields:
        named = ", ".join(f"“{plain(name)}”" for name in answer.unknown_fields[:_MOST_NAMED])
        return f"No line fits: none {when} has a field {named}", "quiet", _meant(answer.unknown_fields)
    anything = answer.anything
    if anything is None or anything.value is None:
        why = f" {plain(anything.reason)}." if anything is not None else ""
        return f"No line was found {when}", "quiet", f"Whether anything was logged at all is not known.{why}"
    lines = answer.lines
    if lines is not None and lines.state is not State.FRESH:
        return f"No line was found {when}, but not everything was read", "quiet", f"{plain(lines.reason, limit=400)}."
    if anything.value.entries:
        return f"No line fits {when}", "quiet", "Other lines were logged: loosen the query or the filters."
    said = f"Nothing in {plain(view.ns)} logged a line {when}"
    return said, "quiet", "So the lack of errors proves nothing. Choose a longer period, or look at Sources."


def _meant(unknown: tuple[str, ...]) -> str:
    known = names("logs")
    close = [match for name in unknown for match in difflib.get_close_matches(name, known, n=1)]
    hint = f"Did you mean {', '.join(dict.fromkeys(close))}? " if close else ""
    return f"{hint}Names that are known: {', '.join(known)}; or a field's full name."
