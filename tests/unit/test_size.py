"""The size of a value: near to what it takes, and quick on long lines."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import UTC, datetime

import pytest

from dashboard.model.reading import Source, fresh
from dashboard.model.series import Series
from dashboard.queries.size import size_bytes


def _series(lines: int, points: int) -> object:
    times = tuple(float(at) for at in range(points))
    return tuple(
        Series(labels={"pod": f"pod-{line}"}, times=times, values=tuple(float(at) + line / 7 for at in range(points)))
        for line in range(lines)
    )


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: _series(12, 720), id="lines of a chart"),
        pytest.param(lambda: tuple({"name": f"pod-{n}", "at": n * 1.5} for n in range(2000)), id="objects"),
        pytest.param(lambda: "x" * 500_000, id="text"),
        pytest.param(lambda: fresh(_series(3, 100), source=Source.PROMETHEUS, as_of=datetime.now(UTC)), id="a reading"),
    ],
)
def test_it_is_near_to_what_the_value_takes(make) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        value = make()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 0.6 * taken < size_bytes(value) < 1.6 * taken


def test_what_is_held_twice_counts_once() -> None:
    text = "x" * 10_000
    assert size_bytes((text, text)) < 11_000


def test_a_value_that_holds_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert size_bytes(loop) > 0
