"""What one viewer's page works out is shown to all who look at the same, and to nobody else or for longer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.ui.sharing import Shared


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_an_answer_is_worked_out_once_within_its_seconds_and_anew_after_them() -> None:
    clock, made = Clock(), iter(range(10))
    shared = Shared(clock)
    first = [shared.get("a", 5.0, lambda: next(made)) for _ in range(3)]
    clock.seconds = 4.9
    later = shared.get("a", 5.0, lambda: next(made))
    clock.seconds = 5.0
    assert (first, later, shared.get("a", 5.0, lambda: next(made))) == ([0, 0, 0], 0, 1)


def test_another_view_has_an_answer_of_its_own() -> None:
    shared = Shared()
    assert [shared.get(key, 60.0, lambda key=key: f"of {key}") for key in "aba"] == ["of a", "of b", "of a"]


def test_those_who_come_meanwhile_wait_for_the_first() -> None:
    shared, begun, may_end, made = Shared(), threading.Event(), threading.Event(), []

    def make() -> int:
        begun.set()
        assert may_end.wait(10)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(shared.get, "a", 60.0, make)
        assert begun.wait(10)
        others = [pool.submit(shared.get, "a", 60.0, make) for _ in range(4)]
        may_end.set()
        assert [one.result(10) for one in (first, *others)] == [1] * 5


def test_what_fails_is_not_kept() -> None:
    shared = Shared()
    with pytest.raises(ZeroDivisionError):
        shared.get("a", 60.0, lambda: 1 // 0)
    assert shared.get("a", 60.0, lambda: 2) == 2


def test_the_number_of_answers_is_bounded_and_the_oldest_go_first() -> None:
    shared, made = Shared(), []
    for key in range(200):
        shared.get(key, 60.0, lambda key=key: made.append(key))
    shared.get(199, 60.0, lambda: made.append("again"))
    assert "again" not in made
    shared.get(0, 60.0, lambda: made.append("again"))
    assert made[-1] == "again"
