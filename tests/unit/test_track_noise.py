"""A track's own slow noise: measured over time with its uncertainty, and what it makes of counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.decide import track_noise
from dashboard.decide.factor import Array
from dashboard.decide.track_noise import between, divisor, over_time, variance

KINDS = ("share",)
ONE = np.ones(1)
NOBODY = between(*[np.zeros((2, 1))] * 4)


def wander(dice: np.random.Generator, length: int, deviation: float, memory: float) -> Array:
    """A minute's step of noise that forgets itself within `memory` seconds."""
    keep = np.exp(-60.0 / memory)
    found = dice.standard_normal(length) * deviation
    for at in range(1, length):
        found[at] = keep * found[at - 1] + np.sqrt(1 - keep**2) * found[at]
    return found


def counts(dice: np.random.Generator, logs: Array, per_minute: float = 3000.0) -> tuple[Array, Array]:
    total = np.full((len(logs), 1), per_minute)
    return total, dice.poisson(per_minute * 0.02 * np.exp(logs))[:, None].astype(float)


def measured(deviation: float, minutes: int, seed: int) -> tuple[float, float]:
    dice = np.random.default_rng(seed)
    alone = over_time(*counts(dice, wander(dice, minutes, deviation, 120.0)))
    nobody = np.zeros((minutes, 1))
    beside = between(nobody, nobody, nobody, nobody)
    return (
        float(variance(alone, beside, slope=ONE, kinds=KINDS)[0]),
        float(variance(alone, beside, slope=ONE, kinds=KINDS, errors_added=-1.0)[0]),
    )


def test_a_day_of_past_tells_noise_of_20_percent_from_none() -> None:
    noisy = np.mean([measured(0.2, 1440, seed)[0] for seed in range(8)])
    quiet = np.mean([measured(0.0, 1440, seed)[0] for seed in range(8)])
    assert quiet < 0.004
    assert noisy > 0.012


@pytest.mark.parametrize("deviation", [0.0, 0.2])
def test_less_past_means_more_caution(deviation: float) -> None:
    def caution(minutes: int) -> float:
        """What the uncertainty adds, the mean of many."""
        dice = np.random.default_rng(minutes)
        pasts = [over_time(*counts(dice, wander(dice, minutes, deviation, 120.0))) for _ in range(40)]
        return float(np.mean([variance(p, NOBODY, slope=ONE, kinds=KINDS) for p in pasts])) - float(
            np.mean([variance(p, NOBODY, slope=ONE, kinds=KINDS, errors_added=0.0) for p in pasts])
        )

    assert caution(12) > caution(60) > caution(1440) >= 0.0


def test_without_any_past_20_percent_is_assumed_and_nothing_is_shown() -> None:
    with_uncertainty, shown = measured(0.0, 0, 1)
    assert (with_uncertainty, shown) == (pytest.approx(0.04), pytest.approx(0.0))


def test_where_both_tracks_had_traffic_drift_in_common_is_no_noise() -> None:
    dice = np.random.default_rng(3)
    drift = wander(dice, 1440, 0.6, 600.0)
    ours, theirs = counts(dice, drift), counts(dice, drift)
    alone, beside = over_time(*theirs), between(*ours, *theirs)
    nobody = np.zeros((1440, 1))
    unknown = between(nobody, nobody, nobody, nobody)
    assert float(variance(alone, unknown, slope=ONE, kinds=KINDS)[0]) > 0.03
    assert float(variance(alone, beside, slope=ONE, kinds=KINDS)[0]) < 0.01


def test_noise_of_tracks_side_by_side_is_found_by_their_ratio() -> None:
    dice = np.random.default_rng(4)
    ours, theirs = (counts(dice, wander(dice, 1440, 0.2, 120.0)) for _ in range(2))
    assert float(between(*ours, *theirs).mean[0]) == pytest.approx(0.2**2 * (1 - np.exp(-0.5)), rel=0.35)


def test_windows_that_are_left_out_say_nothing() -> None:
    dice = np.random.default_rng(5)
    total, bad = counts(dice, np.zeros(120))
    holes = np.arange(120) % 2 == 0
    total[holes], bad[holes] = 0.0, 0.0
    assert not np.isfinite(over_time(total, bad).error[0])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 500), min_size=2, max_size=60),
    st.floats(0, 1),
    st.integers(1, 12),
    st.integers(1, 59),
)
def test_in_steps_or_at_once_the_divisor_is_the_same_and_never_below_1(
    told: list[float], noise: float, memory: int, cut: int
) -> None:
    rows, before = np.array(told)[:, None], np.zeros((memory + 1, 1))
    whole, _ = divisor(rows, before, np.array([noise]))
    first, state = divisor(rows[:cut], before, np.array([noise]))
    second, _ = divisor(rows[cut:], state, np.array([noise])) if cut < len(rows) else (rows[:0], state)
    assert np.array_equal(whole, np.concatenate([first, second]))
    assert np.all(whole >= 1.0)


def test_counts_beyond_what_noise_lets_be_known_tell_no_more() -> None:
    memory = track_noise.intervals_of_memory(10.0)
    told = np.full((memory, 1), 1000.0)
    kept = told / divisor(told, np.zeros((memory + 1, 1)), np.array([0.04]))[0]
    assert float(kept.sum()) == pytest.approx(25.0, rel=0.05)


def test_failures_in_clumps_are_no_noise_of_the_track_once_divided_by_their_dispersion() -> None:
    dice = np.random.default_rng(6)
    total = np.full((1440, 1), 3000.0)
    bad = 3.0 * dice.poisson(20.0, total.shape)
    raw, divided = over_time(total, bad), over_time(total / 3.0, bad / 3.0)
    assert raw.mean[0] > 4 * abs(divided.mean[0])
