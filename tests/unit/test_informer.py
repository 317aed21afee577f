"""The informer: follows the cluster, is fresh while its watch stands, and says since when it does not.

The fake cluster serves one script of lists and watches; a watch ends when its script does.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Gone, NotFound, NotServed, RateLimited, Rejected, SourceError, Unreachable
from connectors.kubernetes import ListResult, WatchEvent
from dashboard.model.reading import State
from dashboard.queries import informer as module
from dashboard.queries.informer import IDLE_SECONDS, LONGEST_WAIT_SECONDS, Informer, wait_seconds

BROKEN = Unreachable("kubernetes", "the connection broke")
END = object()


class FakeCluster:
    """What is put into `lists` and `changes` happens in turn: objects, errors, events, END of a watch."""

    def __init__(self) -> None:
        self.lists: queue.Queue[ListResult | Exception] = queue.Queue()
        self.changes: queue.Queue[WatchEvent | SourceError | object] = queue.Queue()
        self.watched_from: list[str] = []
        self.refuse_watches: SourceError | None = None

    def list(self, kind: str, namespace: str | None) -> ListResult:
        return _raised(self.lists.get(timeout=10))

    def version(self) -> str:
        if self.refuse_watches is not None:
            raise self.refuse_watches
        return "v1.31.0"

    def watch(self, kind: str, namespace: str | None, *, resource_version: str) -> Iterator[WatchEvent]:
        self.watched_from.append(resource_version)
        if self.refuse_watches is not None:
            raise self.refuse_watches
        return self._follow()

    def _follow(self) -> Iterator[WatchEvent]:
        while (change := _raised(self.changes.get(timeout=10))) is not END:
            yield change


def _raised(found: Any) -> Any:
    if isinstance(found, Exception):
        raise found
    return found


def _pod(name: str, version: int, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "agents", "resourceVersion": str(version), "labels": labels}
    return {"metadata": metadata | {"managedFields": ["long"]}}


def _listed(*pods: dict[str, Any], version: int = 1) -> ListResult:
    return ListResult(items=pods, resource_version=str(version))


@pytest.fixture
def cluster(monkeypatch) -> FakeCluster:
    monkeypatch.setattr(module, "_FIRST_WAIT_SECONDS", 0.01)
    return FakeCluster()


@pytest.fixture
def informer(cluster: FakeCluster) -> Iterator[Informer]:
    made = Informer(cast(Any, cluster), "pods", "agents")
    yield made
    made.close()
    cluster.changes.put(END)


def _names(informer: Informer) -> list[str]:
    return [item["metadata"]["name"] for item in informer.reading(patience_seconds=5).value or ()]


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came to hold")


def test_the_first_question_waits_for_the_list(cluster: FakeCluster, informer: Informer):
    threading.Timer(0.02, cluster.lists.put, (_listed(_pod("a", 1)),)).start()

    reading = informer.reading(patience_seconds=5)

    assert reading.state is State.FRESH
    assert reading.query == "list and watch pods in agents"
    assert _names(informer) == ["a"]


def test_no_objects_are_a_fresh_answer(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed())

    assert (informer.reading(patience_seconds=5).state, _names(informer)) == (State.FRESH, [])


def test_a_list_that_does_not_come_is_missing(informer: Informer, cluster: FakeCluster):
    reading = informer.reading(patience_seconds=0.01)

    assert (reading.state, reading.reason) == (State.MISSING, "kubernetes has not listed its pods yet")
    cluster.lists.put(_listed())


def test_changes_are_followed(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed(_pod("a", 1), _pod("b", 1)))
    cluster.changes.put(WatchEvent(type="ADDED", object=_pod("c", 2)))
    cluster.changes.put(WatchEvent(type="DELETED", object=_pod("a", 3)))
    cluster.changes.put(WatchEvent(type="MODIFIED", object=_pod("b", 4, new="label")))

    _until(lambda: _names(informer) == ["b", "c"])
    _until(lambda: informer.reading(patience_seconds=0).value[0]["metadata"]["labels"] == {"new": "label"})


def test_a_watch_that_ends_is_taken_up_where_a_bookmark_left_it(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed(version=1))
    cluster.changes.put(WatchEvent(type="BOOKMARK", object={"metadata": {"resourceVersion": "9"}}))
    cluster.changes.put(END)

    _until(lambda: cluster.watched_from == ["1", "9"])
    assert informer.reading(patience_seconds=0).state is State.FRESH


def test_a_forgotten_place_is_listed_again(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed(_pod("a", 1), version=1))
    cluster.changes.put(Gone("kubernetes", "too old"))
    cluster.lists.put(_listed(_pod("b", 20), version=20))

    _until(lambda: _names(informer) == ["b"])
    _until(lambda: cluster.watched_from == ["1", "20"])


def test_a_broken_watch_is_stale_with_what_it_had_and_recovers(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed(_pod("a", 1)))
    assert _names(informer) == ["a"]

    cluster.refuse_watches = BROKEN
    cluster.changes.put(BROKEN)
    _until(lambda: informer.reading(patience_seconds=0).state is State.STALE)
    assert "kubernetes does not answer since" in informer.reading(patience_seconds=0).reason
    assert _names(informer) == ["a"]

    cluster.refuse_watches = None
    _until(lambda: informer.reading(patience_seconds=0).state is State.FRESH)


def test_a_watch_that_breaks_and_can_be_taken_up_is_nobodys_business(cluster: FakeCluster):
    heard: list[SourceError | None] = []
    informer = Informer(cast(Any, cluster), "pods", "agents", heard=heard.append)
    cluster.lists.put(_listed(_pod("a", 1)))
    cluster.changes.put(BROKEN)
    _until(lambda: len(cluster.watched_from) == 2)

    assert informer.reading(patience_seconds=5).state is State.FRESH
    assert BROKEN not in heard
    informer.close()
    cluster.changes.put(END)


def test_an_object_of_another_shape_is_stale_and_does_not_end_the_watch(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed(_pod("a", 1)))
    cluster.changes.put(WatchEvent(type="ADDED", object={"metadata": {}}))
    _until(lambda: len(cluster.watched_from) == 2)
    cluster.changes.put(WatchEvent(type="ADDED", object=_pod("b", 2)))

    _until(lambda: _names(informer) == ["a", "b"])


def test_a_closed_informer_does_not_pass_its_copy_for_the_present(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed(_pod("a", 1)))
    assert informer.reading(patience_seconds=5).state is State.FRESH
    informer.close()
    cluster.changes.put(END)

    _until(lambda: informer.reading(patience_seconds=0).state is State.STALE)


def test_a_list_that_is_refused_is_missing_at_once_with_the_reason(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(Rejected("kubernetes", "HTTP 403: pods is forbidden"))

    reading = informer.reading(patience_seconds=5)

    assert reading.state is State.MISSING
    assert "pods is forbidden" in reading.reason
    cluster.lists.put(_listed())


def test_a_kind_that_is_not_served_is_an_answer_with_nothing_and_is_looked_for_again(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_NOT_SERVED_WAIT_SECONDS", 0.01)
    heard: list[SourceError | None] = []
    informer = Informer(cast(Any, cluster), "rollouts", "agents", heard=heard.append)
    cluster.lists.put(NotServed("kubernetes", "the cluster serves no rollouts"))

    reading = informer.reading(patience_seconds=5)

    assert (reading.state, reading.reason) == (State.EMPTY, "the cluster serves no rollouts")
    assert heard == [None]
    cluster.lists.put(_listed(_pod("a", 1)))
    _until(lambda: informer.reading(patience_seconds=0).state is State.FRESH)
    informer.close()
    cluster.changes.put(END)


def test_a_kind_that_is_taken_away_while_it_is_watched_is_listed_again(
    cluster: FakeCluster, informer: Informer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_NOT_SERVED_WAIT_SECONDS", 0.01)
    cluster.lists.put(_listed(_pod("a", 1)))
    assert informer.reading(patience_seconds=5).state is State.FRESH
    cluster.changes.put(NotFound("kubernetes", "HTTP 404"))
    cluster.lists.put(NotServed("kubernetes", "the cluster serves no rollouts"))

    _until(lambda: informer.reading(patience_seconds=0).state is State.EMPTY)
    cluster.lists.put(_listed())


def test_what_we_may_not_list_is_asked_for_seldom(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(Rejected("kubernetes", "HTTP 403: jobs is forbidden"))
    cluster.lists.put(_listed())
    assert informer.reading(patience_seconds=5).state is State.MISSING

    assert not threading.Event().wait(0.1)
    assert cluster.lists.qsize() == 1


def test_while_the_cluster_is_known_not_to_answer_no_watch_asks_it(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
):
    """Fifteen watches that ask one by one would be a storm: a probe asks for all of them."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    why: list[str | None] = [None]
    informer = Informer(cast(Any, cluster), "pods", "agents", refusal=lambda: why[0])
    why[0] = "kubernetes does not answer"
    cluster.lists.put(BROKEN)
    cluster.lists.put(_listed(_pod("a", 1)))
    assert informer.reading(patience_seconds=5).state is State.MISSING

    assert not threading.Event().wait(0.2)
    assert cluster.lists.qsize() == 1
    why[0] = None
    _until(lambda: informer.reading(patience_seconds=0).state is State.FRESH)
    informer.close()
    cluster.changes.put(END)


def test_the_health_of_the_source_hears_of_answers_and_failures(cluster: FakeCluster):
    heard: list[SourceError | None] = []
    informer = Informer(cast(Any, cluster), "pods", None, heard=heard.append)
    cluster.lists.put(_listed())
    informer.reading(patience_seconds=5)
    cluster.refuse_watches = BROKEN
    cluster.changes.put(BROKEN)

    _until(lambda: BROKEN in heard)
    assert heard[0] is None
    informer.close()
    cluster.changes.put(END)


def test_a_list_without_a_watch_is_as_old_as_the_list(cluster: FakeCluster, informer: Informer):
    cluster.refuse_watches = Gone("kubernetes", "too old")
    for version in range(3):
        cluster.lists.put(_listed(_pod("a", version), version=version))
    _until(lambda: len(cluster.watched_from) == 3)

    first = informer.reading(patience_seconds=0)
    again = informer.reading(patience_seconds=0)

    assert (first.state, first.as_of) == (State.FRESH, again.as_of)
    cluster.refuse_watches = None
    cluster.lists.put(_listed())


@given(st.integers(1, 10_000))
def test_each_watch_that_fails_soon_waits_longer_up_to_a_limit_and_never_all_alike(total_events: int):
    waits = {wait_seconds(total_events) for _ in range(20)}
    longest = min(0.5 * 2 ** min(total_events - 1, 10), LONGEST_WAIT_SECONDS)

    assert all(longest / 2 <= wait <= longest for wait in waits)
    assert len(waits) > 1


def test_a_watch_that_stood_is_taken_up_at_once():
    assert wait_seconds(0) == 0.0


def test_a_cluster_that_names_a_time_is_left_alone_until_then(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(RateLimited("kubernetes", "it is asked too often", retry_after_seconds=30.0))
    cluster.lists.put(_listed())
    assert informer.reading(patience_seconds=5).state is State.MISSING
    _until(lambda: cluster.lists.qsize() == 1)

    assert not threading.Event().wait(0.1)
    assert cluster.lists.qsize() == 1


def test_what_others_know_of_the_cluster_makes_a_silent_watch_stale(cluster: FakeCluster, informer: Informer):
    cluster.lists.put(_listed(_pod("a", 1)))
    _until(lambda: informer.reading(patience_seconds=5).state is State.FRESH)

    reading = informer.reading(patience_seconds=0, refusal="kubernetes does not answer")

    assert (reading.state, reading.reason) == (State.STALE, "kubernetes does not answer")


def test_an_informer_that_nobody_asked_for_long_is_idle(cluster: FakeCluster):
    passed = [0.0]
    informer = Informer(cast(Any, cluster), "pods", None, seconds=lambda: passed[0])
    cluster.lists.put(_listed())
    passed[0] = IDLE_SECONDS
    informer.reading(patience_seconds=5)
    passed[0] += IDLE_SECONDS
    assert not informer.is_idle
    passed[0] += 1

    assert informer.is_idle
    informer.close()
    cluster.changes.put(END)


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), AssertionError("no list yet")])
def test_an_error_that_nobody_expected_is_told_and_logged_once_and_the_watch_lives_on(
    cluster: FakeCluster, informer: Informer, caplog: pytest.LogCaptureFixture, error: Exception
):
    for _ in range(3):
        cluster.lists.put(error)
    reading = informer.reading(patience_seconds=5)
    assert reading.state is State.MISSING
    assert reading.reason == f"kubernetes: the deck cannot read its answer ({type(error).__name__})"

    cluster.lists.put(_listed(_pod("a", 1)))

    _until(lambda: _names(informer) == ["a"])
    assert informer.reading(patience_seconds=0).state is State.FRESH
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
