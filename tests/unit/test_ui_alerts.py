"""What the Alerts page says: of who has to answer, of a source that is down, and of nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.decide.answering import AlertBoard, board
from dashboard.model.reading import Reading, Source, State, fresh, missing
from dashboard.ui import session
from dashboard.ui.alerts import answer, bars, told
from tests.unit.test_answering import NOON, ROOT, an_alert, groups

SETTINGS = """
[environments.local]
namespace = "agents"
[environments.local.alertmanager]
url = "{url}"
[environments.local.kubernetes]
kubeconfig = "{folder}/none"
[environments.local.audit]
file = "{folder}/audit.jsonl"
"""


def of(found: AlertBoard, state: State = State.FRESH) -> Reading[AlertBoard]:
    if state is State.FRESH:
        return fresh(found, source=Source.ALERTMANAGER, as_of=NOON)
    return Reading(value=found, source=Source.ALERTMANAGER, state=state, as_of=NOON, reason="no answer within 2 s")


def test_the_sentence_counts_who_needs_a_person_and_how_long_the_oldest_has_waited() -> None:
    found = board(
        [groups(an_alert("A", minutes=2), an_alert("B", minutes=1), an_alert("C", severity="info"))], (), ROOT
    )
    sentence, tone, besides = answer(of(found), NOON)
    assert sentence == "2 alerts need a person; the oldest has waited 2 min of 5 min"
    assert (tone, besides) == ("warn", "Besides: 1 for information.")


def test_beyond_the_target_it_is_told_as_late() -> None:
    sentence, tone, _ = answer(of(board([groups(an_alert(minutes=12.4))], (), ROOT)), NOON)
    assert sentence == "1 alert needs a person; it has waited 12 min, longer than the 5 min it should"
    assert tone == "sick"


def test_no_answer_is_never_no_alert() -> None:
    sentence, tone, _ = answer(missing("alertmanager: connection refused", source=Source.ALERTMANAGER), NOON)
    assert sentence.startswith("Not known who has to answer")
    assert tone == "sick"


@pytest.mark.parametrize("state", [State.STALE, State.PARTIAL])
def test_an_old_answer_or_a_part_of_one_is_no_good_news(state: State) -> None:
    sentence, tone, besides = answer(of(AlertBoard(), state), NOON + timedelta(minutes=1))
    assert "as far as is known" in sentence
    assert tone == "quiet"
    assert "no answer within 2 s" in besides


def test_the_ladder_says_whose_turn_it_was_and_whose_it_is_next() -> None:
    (group,) = board([groups(an_alert())], (), ROOT).waiting
    assert told(group.tiers, group.since, NOON) == (
        "Due to be told by now: first. Next: second in 3 min, unless somebody acknowledges."
    )
    assert "Nobody else is told" in told(group.tiers, group.since, NOON + timedelta(hours=1))
    assert "not known" in told((), group.since, NOON)


def test_a_bar_has_its_words_and_no_markup_from_outside() -> None:
    (group,) = board([groups(an_alert("<img src=x onerror=alert(1)>"))], (), ROOT).waiting
    drawn = bars([group], NOON)
    assert "<img" not in drawn
    assert 'aria-label="&lt;img' in drawn
    assert "answer within 3 min" in drawn


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[AppTest]:
    (tmp_path / "tealdeck.toml").write_text(SETTINGS.format(folder=tmp_path, url=request.param))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
    session.close()
    yield AppTest.from_string("from pages.alerts import page\npage()", default_timeout=60).run()
    session.close()


def words(drawn: AppTest) -> str:
    said = [piece.proto.body for piece in drawn.get("html")]
    return " ".join([*said, *(one.value for one in drawn.markdown), *(one.value for one in drawn.caption)])


@pytest.mark.parametrize("page", ["http://127.0.0.1:9", ""], indirect=True)
def test_without_alertmanager_the_page_says_so_and_offers_nothing(page: AppTest) -> None:
    assert not page.exception
    assert "Not known who has to answer" in words(page)
    assert "No alert needs a person" not in words(page)
    assert not [one for one in page.button if (one.key or "").startswith("alerts.")]
