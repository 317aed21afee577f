"""The law of every page as it is drawn: an input that existed and is lost makes the screen claim nothing new.

Each answer to each question of a page is lost in each way, as in `test_lost_inputs.py`, and the page is drawn. What it
then says for the first time is no "none", no "well", no 0 and no GO, unless the same sentence says what is not known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.model.reading import Reading, Source, State, fresh
from dashboard.model.view import View
from dashboard.queries.agents import agents
from dashboard.queries.alerts import AlertsAnswer, alerts
from dashboard.queries.ask import AlertGroups, Request, Routes, Silences
from dashboard.queries.business import business
from dashboard.queries.contracts import contracts
from dashboard.queries.log_page import log_lines
from dashboard.queries.release import ReleaseAnswer, release
from dashboard.queries.resources import resources
from dashboard.queries.triage import Triage
from dashboard.settings import Settings
from dashboard.ui import alerts as alert_pieces
from dashboard.ui import business as business_pieces
from dashboard.ui import gates as gate_pieces
from dashboard.ui import release as release_pieces
from dashboard.ui import session
from dashboard.ui import silences as silence_pieces
from dashboard.ui import triage as triage_pieces
from pages import agents as agents_page
from pages import contracts as contracts_page
from pages import logs as logs_page
from pages import resources as resources_page
from tests.unit.release_stage import HEALTHY
from tests.unit.screen import said
from tests.unit.test_answering import NOON, ROOT, a_mute, an_alert, groups
from tests.unit.test_lost_inputs import HOW, NOW, VIEW, Full
from tests.unit.test_triage import NOW as NIGHT
from tests.unit.test_triage import ask_triage
from tests.unit.test_triage_signs import WORLDS as FAULTS
from tests.unit.test_triage_signs import World

SETTINGS = Settings.model_validate({"environments": {"local": {"namespace": "agents"}}})
# What claims something: that there is none, that all is well, or a figure of 0.
CLAIM = re.compile(
    r"\bnone\b|\bno (?!data)|\bnobody\b|\bnothing\b|\bnever\b|\bwell\b|\bhealthy\b|\bquiet\b|\bin order\b|\bwithin\b"
    r"|\broom left\b|\bevery\b|\ball\b|[✔✓]|check_circle|\bGO\b|: \$?0(?! of)\b(?!\.)",
    re.IGNORECASE,
)
DOUBT = re.compile(
    r"lost|spoiled|not known|unknown|no data|not measured|cannot|whether|partial|stale|is known yet|is measured",
    re.IGNORECASE,
)
# An answer that holds nothing, while others show that there could have been some, does say that there was none.
SHOWN_BY_OTHERS = re.compile(
    r"in this period|since the release began|none on the other track|no workload is listed|[Nn]o denial was counted"
)
# What is lacking, so that a gate holds or a line is not drawn; and the headline of a card, which tells of harm.
LACKING = re.compile(
    r"reports no |was reported|is recorded: no |nothing to judge by|reported no |metrics come from 0 of|need an answer"
    r"|no line can be drawn|^##### "
)


def claims(whole: Sequence[str], now: Sequence[str], how: str) -> list[str]:
    """What is said for the first time and claims something that it does not put in doubt."""
    anew = Counter(now) - Counter(whole)
    return [one for one in anew if CLAIM.search(_unsaid(one, whole)) and not _is_excused(one, how)]


def _is_excused(one: str, how: str) -> bool:
    return bool(DOUBT.search(one) or LACKING.search(one) or (how == "empty" and SHOWN_BY_OTHERS.search(one)))


def _unsaid(one: str, whole: Sequence[str]) -> str:
    """The parts of a sentence that no sentence had before."""
    before = "\n".join(whole)
    return "; ".join(part for part in re.split(r"[;,] | but ", one) if part not in before)


@pytest.fixture(autouse=True)
def _without_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "settings", lambda: SETTINGS)
    monkeypatch.setattr(session, "now", lambda: NOW)
    monkeypatch.setattr(session, "ask_for", lambda view: Full(NOW))  # drawing asks it for limits alone
    monkeypatch.setattr("dashboard.ui.page.link", lambda *args, **more: None)


def _release(found: ReleaseAnswer, view: View) -> None:
    release_pieces.verdict_card(found.after or found.before, found.service.value, NOW)
    release_pieces.tracks(found, NOW)
    gate_pieces.gates(found.after or found.before, view, NOW)
    release_pieces.charts(found, (), view)


class Watched(Full):
    """The same system with an alert that waits, one that is silenced, and somebody to tell."""

    def _whole(self, request: Request) -> Reading[Any]:
        loud = an_alert("Loud", state="suppressed")
        mute = a_mute(loud)
        found: Mapping[type, Any] = {
            AlertGroups: (groups(an_alert("Sick"), replace(loud, silenced_by=(mute.id,))),),
            Silences: (mute,),
            Routes: ROOT,
        }
        if type(request) not in found:
            return super()._whole(request)
        return fresh(found[type(request)], source=Source.ALERTMANAGER, as_of=NOON)


def _alerts(found: AlertsAnswer, view: View) -> None:
    board = found.board.value
    alert_pieces.headline(found.board, NOON)
    alert_pieces.groups(found.board, found.active, view, NOON)
    silence_pieces.muted(found.board, view, NOON)
    alert_pieces.informing(found.board, view)
    silence_pieces.silences(found.mutes, board.matched if board else {}, view, NOON)
    silence_pieces.times(found.times, view)
    silence_pieces.receivers(found.deliveries, found.routes)


def _business(found: Any, view: View) -> None:
    business_pieces.top(found)
    business_pieces.budget(found)
    business_pieces.figures(found)
    business_pieces.breakdowns(found, view)


PAGES: Mapping[str, tuple[Callable[..., Any], Callable[[Any, View], None]]] = {
    "release": (release, _release),
    "agents": (agents, agents_page._draw),
    "contracts": (contracts, contracts_page._draw),
    "resources": (resources, resources_page._draw),
    "business": (business, _business),
    "logs": (log_lines, logs_page._draw),
    "alerts": (lambda ask, view, now: alerts(ask, view, NOON), _alerts),
}
WORLDS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "healthy": HEALTHY,
    "failing": {**HEALTHY, "release_failed_runs": (18.0, 200.0), "release_bad_share_5m": (0.003, 0.3)},
    "no traffic": {**{name: (blue, 0.0) for name, (blue, _) in HEALTHY.items()}, "release_scraped_pods": (2.0, 2.0)},
}


def drawn(name: str, world: str, spoiled: tuple[str, str] = ("", "")) -> tuple[Full, tuple[str, ...]]:
    ask = Watched(NOW, table=WORLDS[world], spoiled=spoiled)
    query, draw = PAGES[name]
    found = query(ask, VIEW, NOW)
    return ask, said(lambda: draw(found, VIEW))


@cache
def whole(name: str, world: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of a page's answers, and what it says with all of them."""
    ask, words = drawn(name, world)
    return tuple(sorted(ask.known)), words


def check(name: str, world: str, key: str, how: str) -> None:
    _, before = whole(name, world)
    _, after = drawn(name, world, (key, how))
    assert not claims(before, after, how), f"{how} {key}"


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", PAGES)
@settings(max_examples=16, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_lost_input_makes_a_page_claim_what_it_did_not(name: str, world: str, data: st.DataObject) -> None:
    keys, _ = whole(name, world)
    check(name, world, data.draw(st.sampled_from(keys)), data.draw(st.sampled_from(HOW)))


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", PAGES)
def test_none_of_all_lost_inputs_makes_a_page_claim_what_it_did_not(name: str, world: str) -> None:
    for key in whole(name, world)[0]:
        for how in HOW:
            check(name, world, key, how)


def _triage(found: Triage) -> None:
    triage_pieces.cards(found, VIEW, NIGHT)
    triage_pieces.headline(found, VIEW, NIGHT)
    triage_pieces.looked_at(found)
    triage_pieces.services(found, VIEW)
    triage_pieces.pods(found, VIEW)
    triage_pieces.budgets(found, VIEW)


NIGHTS: Mapping[str, Callable[[], World]] = {"quiet": World, **{name: fault[0] for name, fault in FAULTS.items()}}


def told(name: str, spoiled: Mapping[str, State]) -> tuple[World, Triage, tuple[str, ...]]:
    world = NIGHTS[name]()
    world.spoiled = spoiled
    found = ask_triage(world)
    return world, found, said(lambda: _triage(found))


@cache
def night(name: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """The keys of Triage's answers, what it says with all of them, and how many cards it has."""
    world, found, words = told(name, {})
    return tuple(sorted({key for asked in world.asked for key in asked})), words, len(found.incidents)


@pytest.mark.parametrize("name", NIGHTS)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_lost_input_makes_triage_claim_what_it_did_not(name: str, data: st.DataObject) -> None:
    keys, before, cards = night(name)
    key, state = (
        data.draw(st.sampled_from(keys)),
        data.draw(st.sampled_from([s for s in State if s is not State.FRESH])),
    )
    _, found, after = told(name, {key: state})

    new = [one for one in claims(before, after, state) if "No problem found in" not in one]
    assert not new, f"{state} {key}"
    if len(found.incidents) < cards or any("No problem found in" in one for one in set(after) - set(before)):
        # What was lost is no part of what was looked at, and the page says so.
        assert any(re.search("Not known|Without data now|Not measured here", one) for one in after), f"{state} {key}"
