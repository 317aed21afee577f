"""No error line of a track whose lines do not arrive is no good news, and no proof that an error is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from dashboard.decide import condition_gates
from dashboard.decide.policy import Limits
from dashboard.model.log import LogPage
from dashboard.model.reading import Reading, Source, State, fresh, missing
from dashboard.model.release import Track
from dashboard.model.verdict import GateAnswer, Result
from dashboard.queries.release_conditions import error_lines
from tests.unit.fake_logs import NOW
from tests.unit.release_evidence import evidence
from tests.unit.test_log_documents import logged

BEGAN = NOW - timedelta(hours=1)
NONE, LINE, OLD = LogPage(entries=(), total=0), LogPage(entries=(logged(),), total=1), NOW - timedelta(hours=2)
ERRORS = LogPage(entries=(logged(message="disk on fire"),) * 40, total=40)
WELL: dict[str, LogPage] = {
    "errors.blue": NONE, "errors.green": NONE, "newest.blue": LINE, "newest.green": LINE,
}  # fmt: skip


class Pages:
    """The answers of a log store."""

    def __init__(self, pages: Mapping[str, LogPage], odd: Mapping[str, Reading[Any]]) -> None:
        self._pages, self._odd = pages, odd

    def logs(self, key: str) -> Reading[LogPage]:
        return self._odd.get(key) or fresh(self._pages[key], source=Source.ELASTICSEARCH, as_of=NOW)


def gate(odd: Mapping[str, Reading[Any]] | None = None, **pages: LogPage) -> GateAnswer:
    given = {**WELL, **{key.replace("_", "."): page for key, page in pages.items()}}
    found = error_lines(cast(Any, Pages(given, odd or {})), Track.GREEN, BEGAN)
    return condition_gates.patterns(evidence(error_lines=found), Limits())


def test_a_track_that_logs_and_has_no_errors_passes() -> None:
    assert (gate().result, gate().reason) == (Result.PASS, "no error line")
    assert gate(newest_blue=NONE).result is Result.PASS


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        ({"newest_green": NONE}, "green has logged no line of any level since its release began"),
        ({"newest_green": LogPage(entries=(logged(OLD),), total=9)}, "since its release began"),
        ({"errors_green": LogPage(entries=(logged(OLD),), total=1), "newest_green": NONE}, "since its release began"),
        ({"errors_green": LogPage(entries=(), total=0, lacking=("track",))}, "no document here carries track"),
        ({"errors_green": ERRORS, "newest_blue": NONE}, "blue has logged no line of any level within 6 h"),
        ({"errors_green": ERRORS, "errors_blue": replace(NONE, lacking=("track",))}, "carries track"),
    ],
)
def test_lines_that_do_not_arrive_prove_nothing(pages: dict[str, LogPage], says: str) -> None:
    found = gate(**pages)

    assert found.result is Result.UNKNOWN
    assert says in found.reason


@pytest.mark.parametrize("key", ["errors.blue", "errors.green", "newest.green"])
def test_silence_in_an_answer_that_leaves_something_out_says_so_first(key: str) -> None:
    part = replace(fresh(NONE, source=Source.ELASTICSEARCH, as_of=NOW), state=State.PARTIAL, reason="a shard is away")

    found = gate({key: part}, newest_green=NONE) if key != "newest.green" else gate({key: part})
    assert found.result is Result.UNKNOWN
    assert found.reason.startswith("a shard is away; green has logged no line")


def test_an_error_is_new_only_where_the_other_track_was_read_in_full() -> None:
    part = replace(fresh(NONE, source=Source.ELASTICSEARCH, as_of=NOW), state=State.PARTIAL, reason="a shard is away")

    assert gate(errors_green=ERRORS).result is Result.FAIL
    assert gate({"errors.blue": part}, errors_green=ERRORS).result is Result.UNKNOWN


def test_an_unanswered_look_at_the_lines_is_told() -> None:
    found = gate({"newest.green": missing("no answer within 4 s", source=Source.ELASTICSEARCH)})

    assert (found.result, found.reason) == (Result.UNKNOWN, "no answer within 4 s")
