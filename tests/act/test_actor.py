"""Who acts: a name that people can see, and words on where it comes from."""

from __future__ import annotations

import getpass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.act.actor import VARIABLE, local_actor
from dashboard.model.reason import LONGEST_NAME, visible_length

UNSEEN = ["", " ", "\t\n", "\u200b" * 10, "\u200d", "\u2060\ufeff", "\u0301", "\u3164", "\x00\x1b", "\u202e \u202c"]


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "deck")


def test_the_variable_names_who_acts() -> None:
    actor = local_actor({VARIABLE: " Ada\u202e  Lovelace\n"})
    assert (actor.name, actor.origin) == ("Ada Lovelace", f"environment variable {VARIABLE}")


@pytest.mark.parametrize("given", UNSEEN, ids=ascii)
def test_a_name_that_nobody_can_see_is_none_and_that_is_said(given: str) -> None:
    actor = local_actor({VARIABLE: given})
    assert actor.name == "deck"
    assert ("no visible character" in actor.origin) == bool(given)


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_a_user_that_nobody_can_see_is_a_local_user(monkeypatch: pytest.MonkeyPatch, unseen: str) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: unseen)
    assert local_actor({}).name == "local user"


def test_a_user_id_without_a_name_is_a_local_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert local_actor({}).name == "local user"


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_variable_gives_a_name_that_can_be_seen(given_name: str) -> None:
    actor = local_actor({VARIABLE: given_name})
    assert visible_length(actor.name)
    assert len(actor.name) <= LONGEST_NAME
    assert "\n" not in actor.name
