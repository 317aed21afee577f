"""From raw counters of pods to counts per interval, on bad days too: nothing is smeared, doubled or made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.model.reading import Reading, Source, empty, fresh, missing
from dashboard.model.release import Track
from dashboard.model.series import Sample, Series
from dashboard.model.trial import Trial
from dashboard.queries.ask import Instant, Range, Readings, Request
from dashboard.queries.evidence import trial
from dashboard.queries.grid import Grid
from dashboard.queries.trial_clock import Beginning
from tests.unit.release_stage import ENVIRONMENT

START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NOW = START + timedelta(seconds=60 + 300 + 5)  # after the warm-up, 30 intervals of 10 s
# The history of an hour, then the trial.
HISTORY = 360
PODS = ("blue-a", "blue-b", "green-x-1", "green-x-2")
PER_STEP = {
    "release_run_counter": 100,
    "release_failed_counter": 1,
    "release_within_counter": 90,
    "release_evaluation_counter": 400,
    "release_violation_counter": 0,
    "release_tool_counter": 300,
    "release_failed_tool_counter": 3,
    "release_decision_counter": 300,
    "release_denial_counter": 6,
}


@dataclass
class Counters:
    """Answers with counters that grow evenly; `change` bends the values of a pod, by expression."""

    change: Any = field(default=lambda name, pod, values: values)
    bounds: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"blue": ("0.5", "1.0", "+Inf"), "green": ("0.5", "1.0", "+Inf")}
    )
    environment: Any = ENVIRONMENT
    signals: Mapping[str, Any] = field(default_factory=dict)
    # Of 10,000 runs, the share within each bound at a moment.
    shares: Any = field(default=lambda _at: {"0.5": 0.5, "0.7": 0.6, "1.0": 0.9, "5.0": 0.99, "+Inf": 1.0})

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        return Readings(requests, {key: self._answer(request) for key, request in requests.items()})

    def _answer(self, request: Request) -> Reading[Any]:
        if isinstance(request, Instant):
            return fresh(self._buckets(request.at), source=Source.PROMETHEUS, as_of=NOW)
        assert isinstance(request, Range)
        times = Grid.of(request.start, request.end, request.step_seconds).times
        name = request.expression.name
        lines = []
        if name in self.signals:
            return fresh(
                tuple(
                    Series(labels=labels, times=times, values=tuple(map(value, times)))
                    for labels, value in self.signals[name]
                ),
                source=Source.PROMETHEUS,
                as_of=NOW,
            )
        if name not in PER_STEP:
            return empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
        scale = request.step_seconds / 10
        for pod in PODS:
            values = self.change(name, pod, [float(PER_STEP[name] * scale * place) for place in range(len(times))])
            if values is not None:
                labels = {"track": pod.split("-")[0], "pod": pod}
                bounds = ({"le": "0.5"}, {"le": "1.0"}, {"le": "5"}) if name == "release_within_counter" else ({},)
                lines += [Series(labels=labels | le, times=times, values=tuple(values)) for le in bounds]
        if not lines:
            return empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
        return fresh(tuple(lines), source=Source.PROMETHEUS, as_of=NOW)

    def _buckets(self, at: datetime | None) -> tuple[Sample, ...]:
        shares = self.shares(at or NOW)
        return tuple(
            Sample(labels={"track": track, "le": bound}, value=10_000 * shares[bound])
            for track, bounds in self.bounds.items()
            for bound in bounds
        )


def ask(ask_of: Counters) -> Trial:
    beginning = Beginning(namespace="agents", service="agent-runtime", candidate=Track.GREEN, at=START, pods="green-x-")
    found = trial(ask_of, beginning, NOW)  # type: ignore[arg-type]  # the part of Ask that it uses
    assert found.value is not None, found.reason
    return found.value


def bent(pod: str, at: int, how: Any, only: str = "") -> Counters:
    """Counters of one pod of which `how` changes the list from interval `at` of the trial."""

    def change(name: str, known: str, values: list[Any]) -> list[Any]:
        return how(values, HISTORY + at) if known == pod and only in ("", name) else values

    return Counters(change)


def test_counts_are_whole_and_both_tracks_are_summed_over_their_pods() -> None:
    found = ask(Counters())
    assert (found.intervals, found.history, found.interval_seconds) == (30, HISTORY, 10)
    assert set(found.total_events["runs"].candidate[HISTORY:]) == {200}
    assert (set(found.total_events["runs"].first), set(found.total_events["runs"].second)) == ({100}, {100})
    assert sum(found.total_events["runs"].candidate[:HISTORY]) == 0
    assert set(found.bad_events["errors"].candidate[HISTORY:]) == {2}
    assert [bound.seconds for bound in found.bounds] == [0.5, 1.0]
    assert set(found.bad_events["slow_1"].candidate[HISTORY:]) == {20}
    assert (found.left_out, found.problems) == ({Track.BLUE: 0.0, Track.GREEN: 0.0}, {})


def test_a_missed_scrape_leaves_out_what_it_hides_and_smears_nothing() -> None:
    def miss(values: list[Any], at: int) -> list[Any]:
        return [*values[:at], None, *values[at + 1 :]]

    rows = ask(bent("green-x-1", 10, miss)).total_events["runs"].candidate[HISTORY:]
    assert rows[8:12] == (200, 100, 100, 200)
    assert ask(bent("green-x-1", 10, miss)).left_out[Track.GREEN] == pytest.approx(2 / 60, abs=1e-3)


def test_a_restart_loses_its_interval_and_the_warm_up_after_it() -> None:
    def reset(values: list[Any], at: int) -> list[Any]:
        return [*values[:at], *(value - values[at] + 5 for value in values[at:])]

    rows = ask(bent("green-x-1", 10, reset)).total_events["runs"].candidate[HISTORY:]
    assert rows[:9] == (200,) * 9
    assert rows[9:16] == (100,) * 7
    assert rows[16:] == (200,) * 14


def test_a_pod_that_appears_counts_after_its_warm_up_and_one_that_vanishes_until_then() -> None:
    appears = bent("green-x-2", 5, lambda values, at: [None] * at + values[at:])
    assert ask(appears).total_events["runs"].candidate[HISTORY:][4:12] == (100,) * 7 + (200,)
    vanishes = bent("green-x-2", 5, lambda values, at: values[:at] + [None] * (len(values) - at))
    rows = ask(vanishes).total_events["runs"].candidate[HISTORY:]
    assert (rows[:4], set(rows[5:])) == ((200,) * 4, {100})


def test_a_failure_that_never_happened_is_0_and_the_first_of_its_kind_is_counted() -> None:
    first = bent("green-x-1", 10, lambda values, at: [None] * at + [1.0] * (len(values) - at), "release_failed_counter")
    rows = ask(first).bad_events["errors"].candidate[HISTORY:]
    assert sum(rows) == 30 * 1 + 1
    assert rows[9] == 2


def test_pods_of_an_older_rollout_are_not_the_candidate() -> None:
    beginning = Beginning(namespace="agents", service="s", candidate=Track.GREEN, at=START, pods="green-y-")
    found = trial(Counters(), beginning, NOW)  # type: ignore[arg-type]
    assert found.value is not None
    assert sum(found.value.total_events["runs"].candidate) == 0


def test_buckets_that_differ_are_compared_by_what_they_share() -> None:
    found = ask(Counters(bounds={"blue": ("0.5", "0.7", "1.0", "+Inf"), "green": ("0.5", "+Inf")}))
    assert [bound.seconds for bound in found.bounds] == [0.5]


def test_buckets_without_a_common_bound_are_a_problem_that_is_named() -> None:
    found = ask(Counters(bounds={"blue": ("0.5", "1.0", "+Inf"), "green": ("0.7", "+Inf")}))
    assert found.bounds == ()
    assert "without a common bound" in found.problems["latency"]


def test_a_name_that_exists_on_one_track_only_is_a_problem_that_is_named() -> None:
    def silent(name: str, pod: str, values: list[Any]) -> list[Any] | None:
        return None if name == "release_tool_counter" and pod.startswith("green") else values

    assert ask(Counters(silent)).problems == {"tools": "green reported no tool calls since the release began"}


def test_more_bad_ones_than_tries_are_no_counts() -> None:
    odd = bent(
        "green-x-1", 0, lambda values, at: [1000.0 * place for place in range(len(values))], "release_failed_counter"
    )
    assert set(ask(odd).total_events["runs"].candidate[HISTORY:]) == {100}


def test_asking_again_later_gives_the_same_intervals_again() -> None:
    beginning = Beginning(namespace="agents", service="s", candidate=Track.GREEN, at=START, pods="green-x-")
    earlier, later = (
        trial(Counters(), beginning, at).value  # type: ignore[arg-type]
        for at in (NOW, NOW + timedelta(seconds=100))
    )
    assert earlier is not None
    assert later is not None
    length = len(earlier.total_events["runs"].candidate)
    assert later.total_events["runs"].candidate[:length] == earlier.total_events["runs"].candidate
    assert later.bounds == earlier.bounds


def test_a_source_that_does_not_answer_is_missing() -> None:
    class Down(Counters):
        def _answer(self, request: Request) -> Reading[Any]:
            return missing("prometheus: connection refused", source=Source.PROMETHEUS)

    beginning = Beginning(namespace="agents", service="s", candidate=Track.GREEN, at=START)
    found = trial(Down(), beginning, NOW)  # type: ignore[arg-type]
    assert (found.value, found.reason) == (None, "prometheus: connection refused")


def seconds_before(at: float, begins: int, ends: int) -> bool:
    """Whether a moment lies so many seconds before the start of the trial."""
    begin = START.timestamp() + 60
    return begin - begins <= at <= begin - ends


def test_time_under_a_kill_switch_is_left_out_on_both_tracks_and_said() -> None:
    engaged: dict[str, Any] = {"release_stopped": [({}, lambda at: float(seconds_before(at, 1200, 600)))]}
    found = ask(Counters(signals=engaged))
    assert found.set_aside == {"the kill switch": 600.0 + 10 + 10 + 60}
    rows = found.total_events["runs"].first[:HISTORY]
    assert rows[HISTORY - 90] == 0
    assert rows[HISTORY - 10] > 0
    assert sum(value == 0 for value in found.past.total_events["runs"].baseline) >= 10


def test_a_queue_that_stands_still_is_left_out_and_one_that_is_long_is_not() -> None:
    begin = START.timestamp() + 60
    grows: dict[str, Any] = {
        "release_queue_age": [({"track": "blue"}, lambda at: max(0.0, at - begin + 900) * (at < begin - 300))]
    }
    assert ask(Counters(signals=grows)).set_aside["a frozen queue"] >= 500
    long: dict[str, Any] = {"release_queue_age": [({"track": "blue"}, lambda _at: 90.0)]}
    assert ask(Counters(signals=long)).set_aside == {}
    theirs: dict[str, Any] = {"release_queue_age": [({"track": "green"}, grows["release_queue_age"][0][1])]}
    assert ask(Counters(signals=theirs)).set_aside == {}, "what stands still on the candidate is its own harm"


def test_bounds_of_latency_are_frozen_by_ordinary_runs_alone() -> None:
    # Until 10 min ago a kill switch cut all runs short; of the 10,000 since then half take over half a second.
    def shares(at: datetime) -> dict[str, float]:
        short = {"0.1": 9.0, "0.5": 9.0, "1.0": 9.0, "+Inf": 9.0}
        usual = {"0.1": 0.0, "0.5": 0.5, "1.0": 0.9, "+Inf": 1.0}
        return {le: count + usual[le] * (not seconds_before(at.timestamp(), 10**6, 530)) for le, count in short.items()}

    bounds = dict.fromkeys(("blue", "green"), ("0.1", "0.5", "1.0", "+Inf"))
    engaged: dict[str, Any] = {"release_stopped": [({}, lambda at: float(seconds_before(at, 3000, 600)))]}
    found = ask(Counters(signals=engaged, shares=shares, bounds=bounds))
    assert [bound.seconds for bound in found.bounds] == [0.5, 1.0]


def test_without_enough_ordinary_runs_the_gate_says_why() -> None:
    def shares(at: datetime) -> dict[str, float]:
        # All but 100 runs of the baseline's life were under the kill switch.
        is_over = at.timestamp() >= START.timestamp()
        return {
            le: (5.0 if is_over else 0.0) + within for le, within in (("0.5", 0.005), ("1.0", 0.009), ("+Inf", 0.01))
        }

    engaged: dict[str, Any] = {"release_stopped": [({}, lambda at: float(seconds_before(at, 10**6, 60)))]}
    found = ask(Counters(signals=engaged, shares=shares))
    assert found.bounds == ()
    assert "not counting time without ordinary traffic" in found.problems["latency"]


def test_minutes_in_which_the_baseline_itself_failed_are_no_measure_of_what_is_usual() -> None:
    def fails(name: str, pod: str, values: list[Any]) -> list[Any]:
        if name != "release_failed_counter" or not pod.startswith("blue") or len(values) > 1000:
            return values
        return [value + 40.0 * min(max(place - 100, 0), 30) for place, value in enumerate(values)]

    found = ask(Counters(fails))
    assert found.set_aside["a fault of the baseline"] >= 300
    assert max(found.bad_events["errors"].first[:HISTORY]) < 5


def test_runs_over_the_limit_of_p95_and_their_cost_are_counted() -> None:
    found = ask(Counters(bounds=dict.fromkeys(("blue", "green"), ("0.5", "1.0", "5.0", "+Inf"))))
    assert found.over_seconds == 5.0
    assert "over_limit" in found.bad_events
    assert ask(Counters()).over_seconds is None


def test_the_day_before_is_counted_by_the_minute_on_both_tracks() -> None:
    past = ask(Counters()).past
    assert (past.window_seconds, len(past.total_events["runs"].baseline)) == (60, 24 * 60)
    assert set(past.total_events["runs"].baseline) == {1200}
    assert set(past.total_events["runs"].candidate) == {1200}


def test_the_past_is_counted_whatever_second_the_release_began_at() -> None:
    beginning = Beginning(namespace="agents", service="s", candidate=Track.GREEN, at=START + timedelta(seconds=17))
    found = trial(Counters(), beginning, NOW).value  # type: ignore[arg-type]
    assert found is not None
    assert len(found.past.total_events["runs"].baseline) == 24 * 60


def test_counting_begins_when_nearly_all_runs_that_began_with_the_release_have_ended() -> None:
    # One run in a hundred takes 600 s.
    slow = {"60": 0.5, "600": 0.99, "1200": 1.0, "+Inf": 1.0}
    found = ask(Counters(shares=lambda _at: slow, bounds=dict.fromkeys(("blue", "green"), tuple(slow))))
    assert found.warm_up_seconds == 600
    assert (found.started_at, found.intervals) == (START + timedelta(seconds=600), 0)
    brief = ask(Counters())
    assert (brief.warm_up_seconds, brief.started_at) == (60, START + timedelta(seconds=60))


def test_a_pod_warms_up_from_its_first_run_on() -> None:
    def idle(values: list[Any], at: int) -> list[Any]:
        return [None] * (at - 4) + [0.0] * 4 + [value - values[at - 1] for value in values[at:]]

    rows = ask(bent("green-x-2", 10, idle)).total_events["runs"].candidate[HISTORY:]
    assert (set(rows[:15]), set(rows[15:])) == ({100}, {200})


def late_green(*, from_seconds: float) -> Counters:
    """Green's histogram has no series before its first run."""

    class Late(Counters):
        def _buckets(self, at: datetime | None) -> tuple[Sample, ...]:
            known = super()._buckets(at)
            is_there = (at or NOW).timestamp() >= START.timestamp() + 60 + from_seconds
            return tuple(sample for sample in known if is_there or sample.labels["track"] == "blue")

    return Late()


@pytest.mark.parametrize("from_seconds", [0, 61, 200, 500])
def test_bounds_are_frozen_as_soon_as_both_tracks_have_told_a_run(from_seconds: float) -> None:
    beginning = Beginning(namespace="agents", service="s", candidate=Track.GREEN, at=START, pods="green-x-")
    found = trial(late_green(from_seconds=from_seconds), beginning, START + timedelta(hours=1)).value  # type: ignore[arg-type]
    assert found is not None
    assert [bound.seconds for bound in found.bounds] == [0.5, 1.0]


def test_until_the_candidate_has_told_a_run_that_is_the_reason() -> None:
    found = ask(late_green(from_seconds=10**6))
    assert found.bounds == ()
    assert found.problems["latency"].startswith("no run of green has told its time yet")


def test_runs_under_way_are_summed_over_pods_and_lacking_ones_are_not_zero() -> None:
    level: dict[str, Any] = {
        "release_active_runs": [({"track": p.split("-")[0], "pod": p}, lambda _at: 7.0) for p in PODS]
    }
    active = ask(Counters(signals=level)).active
    assert active is not None
    assert (set(active.candidate[HISTORY:]), set(active.first), set(active.second)) == ({14}, {7}, {7})
    assert ask(Counters()).active is None
    level["release_active_runs"] = level["release_active_runs"][:2]
    assert ask(Counters(signals=level)).active is None, "one track alone tells nothing"
