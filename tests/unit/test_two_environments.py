"""Two environments in one process: nothing of one is ever shown or shipped as the other's.

They share the log store's and the cluster's addresses; namespaces, indices and audit files are their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st

from connectors.clock import SourceClock
from connectors.elasticsearch import Found, Hit
from dashboard import connections
from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk, build_desk
from dashboard.model.action import ActionKind, ActionRequest, Actor
from dashboard.model.log import Cursor, DocumentId
from dashboard.model.reading import State
from dashboard.model.release import Track
from dashboard.queries.ask import Ask, Instant, Objects, PodLog
from dashboard.queries.request import LogContext, LogDocument, LogPatterns, LogRequest, Logs, MoreLogs
from dashboard.queries.source_calls import Sources
from dashboard.queries.tail import newest
from dashboard.settings import Settings
from dashboard.ui.url import parse
from tests.act.fakes import a_verdict, blue_green
from tests.unit.asking import UP, Clock, FakeAlertmanager, FakeCluster, FakePrometheus
from tests.unit.fake_logs import NAMESPACE, NOW, FakeLogs, line
from tests.waiting import eventually

FINGERPRINTS = {"staging": "aa" * 32, "production": "bb" * 32}
SERVICE = "agent-runtime"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "environments": {
                name: {
                    "namespaces": namespaces,
                    "elasticsearch": {
                        "url": "https://logs.example.org",
                        "logs": f"logs-{name}-*",
                        "traces": f"traces-{name}-*",
                        "ca_fingerprint": FINGERPRINTS[name],
                    },
                    "audit": {"file": str(tmp_path / f"{name}.jsonl")},
                }
                for name, namespaces in (("staging", ["agents-staging"]), ("production", ["agents", "agents-two"]))
            }
        }
    )


class OneStore(FakeLogs):
    """A log store that keeps the queries it was asked, and looks only into the indices that are named."""

    def __init__(self, lines: list[Hit]) -> None:
        super().__init__(lines)
        self.queries: list[Mapping[str, Any]] = []

    def search(self, index: str, **asked: Any) -> Found:
        self.queries.append(asked["query"])
        with self._looking_into(index):
            return super().search(index, **asked)

    def open_point_in_time(self, index: str, **asked: Any) -> str:
        with self._looking_into(index):
            return super().open_point_in_time(index, **asked)

    @contextmanager
    def _looking_into(self, index: str) -> Iterator[None]:
        everything = self.lines
        self.lines = [hit for hit in everything if any(fnmatchcase(hit.index, name) for name in index.split(","))]
        try:
            yield
        finally:
            self.lines = everything


def a_line(identity: str, environment: str, namespace: str, stream: str = "logs") -> Hit:
    return line(identity, 5, index=f"{stream}-{environment}-1", message=identity, **{NAMESPACE: namespace})


@pytest.fixture
def store() -> OneStore:
    return OneStore(
        [
            a_line("staging", "staging", "agents-staging"),
            a_line("one", "production", "agents"),
            a_line("two", "production", "agents-two"),
            # Somebody's shipper writes into the other environment's index.
            a_line("astray", "staging", "agents"),
            a_line("stray", "production", "agents-staging"),
            a_line("span one", "production", "agents", "traces"),
            a_line("span staging", "staging", "agents-staging", "traces"),
        ]
    )


@pytest.fixture
def asks(settings: Settings, store: OneStore) -> Iterator[dict[str, Ask]]:
    clock, made = Clock(), {}
    for name, environment in settings.environments.items():
        sources = Sources(
            prometheus=cast(Any, FakePrometheus()),
            alertmanager=cast(Any, FakeAlertmanager()),
            elasticsearch=cast(Any, store),
            kubernetes=cast(Any, FakeCluster()),
        )
        made[name] = Ask(environment, sources, clock=clock.now, seconds=clock.seconds)
    yield made
    for ask in made.values():
        ask.close()


def logs(namespace: str, **more: Any) -> Logs:
    window = {"start": NOW - timedelta(hours=1), "end": NOW + timedelta(seconds=30)}
    return Logs(**{"stream": "logs", "namespace": namespace, **window, **more})


def shown(ask: Ask, request: LogRequest) -> list[str]:
    page = ask.gather({"x": request}).logs("x").value
    return [entry.id for entry in page.entries] if page else []


@pytest.mark.parametrize(
    ("environment", "namespace", "stream", "messages"),
    [
        ("staging", "agents-staging", "logs", ["staging"]),
        ("production", "agents", "logs", ["one"]),
        ("production", "agents-two", "logs", ["two"]),
        ("staging", "agents-staging", "traces", ["span staging"]),
        ("production", "agents", "traces", ["span one"]),
    ],
)
def test_logs_and_spans_are_of_the_environment_and_the_namespace(
    asks: dict[str, Ask], environment: str, namespace: str, stream: str, messages: list[str]
) -> None:
    ask = asks[environment]
    assert shown(ask, logs(namespace, stream=stream)) == messages
    patterns = ask.gather({"x": LogPatterns(logs(namespace, stream=stream))}).patterns("x").value
    assert patterns is not None
    assert patterns.sampled == len(messages)
    tail = newest(cast(Any, stream), namespace, NOW, filters={})
    assert shown(ask, tail) == messages


def test_namespaces_of_one_environment_share_no_answer(asks: dict[str, Ask]) -> None:
    ask = asks["production"]
    answers = ask.gather({"one": logs("agents"), "two": logs("agents-two")})
    found = {name: answers.logs(name).value for name in ("one", "two")}
    assert {name: page and [entry.message for entry in page.entries] for name, page in found.items()} == {
        "one": ["one"],
        "two": ["two"],
    }


@pytest.mark.parametrize(
    ("environment", "namespace", "document"),
    [
        pytest.param("production", "agents", DocumentId("logs-staging-1", "staging"), id="of the other environment"),
        pytest.param("production", "agents", DocumentId("logs-production-1", "two"), id="of another namespace"),
        pytest.param("production", "agents", DocumentId("logs-production-1", "stray"), id="astray in this index"),
        pytest.param("staging", "agents-staging", DocumentId("logs-staging-1", "astray"), id="astray in that index"),
    ],
)
def test_a_link_leads_into_no_other_environment_and_namespace(
    asks: dict[str, Ask], environment: str, namespace: str, document: DocumentId
) -> None:
    where: dict[str, Any] = {"stream": "logs", "namespace": namespace, "document": document}
    answers = asks[environment].gather({"one": LogDocument(**where), "around": LogContext(**where)})
    assert answers.entry("one").state is State.EMPTY
    assert answers.surroundings("around").state is State.EMPTY


def test_a_document_that_was_shown_in_its_namespace_is_not_shared_with_another(asks: dict[str, Ask]) -> None:
    ask, document = asks["production"], DocumentId("logs-production-1", "one")
    ours = ask.gather({"x": LogDocument(stream="logs", namespace="agents", document=document)}).entry("x")
    theirs = ask.gather({"x": LogDocument(stream="logs", namespace="agents-two", document=document)}).entry("x")
    assert (ours.state, theirs.state) == (State.FRESH, State.EMPTY)


def test_what_lies_around_a_document_is_of_its_namespace(asks: dict[str, Ask], store: OneStore) -> None:
    context = LogContext(stream="logs", namespace="agents", document=DocumentId("logs-production-1", "one"))
    around = asks["production"].gather({"x": context}).surroundings("x").value
    assert around is not None
    assert (around.before, around.after) == ((), ())


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(logs("agents"), id="a page"),
        pytest.param(logs("agents", widening=True, histogram_buckets=4, terms=("service",)), id="a widening page"),
        pytest.param(MoreLogs(logs("agents"), Cursor(shown=())), id="the next page"),
        pytest.param(LogPatterns(logs("agents", text="one")), id="patterns"),
        pytest.param(
            LogDocument(stream="traces", namespace="agents", document=DocumentId("traces-production-1", "span one")),
            id="a document",
        ),
        pytest.param(
            LogContext(stream="logs", namespace="agents", document=DocumentId("logs-production-1", "one")), id="around"
        ),
        pytest.param(newest("logs", "agents", NOW, filters={}), id="the tail"),
    ],
)
def test_every_search_carries_the_namespace(asks: dict[str, Ask], store: OneStore, request_: LogRequest) -> None:
    asks["production"].gather({"x": request_})
    assert store.queries
    assert all({"term": {NAMESPACE: "agents"}} in query["bool"]["filter"] for query in store.queries)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(Objects("pods", "kube-system"), id="a watch"),
        pytest.param(Objects("pods", "agents-staging"), id="a watch of the other environment"),
        pytest.param(PodLog("kube-system", "p", "c"), id="the log of a pod"),
        pytest.param(Instant(UP, {"service": "a", "namespace": "agents-staging"}), id="a metric"),
        pytest.param(logs("agents-staging"), id="logs"),
    ],
)
def test_nothing_is_asked_about_a_namespace_that_the_settings_do_not_list(asks: dict[str, Ask], request_: Any) -> None:
    with pytest.raises(ValueError, match="production do not list the namespace"):
        asks["production"].gather({"x": request_})
    assert asks["production"]._copies._informers == {}


@given(st.dictionaries(st.sampled_from(["env", "ns"]), st.text(max_size=300)))
def test_no_link_leads_beyond_the_settings_so_that_watches_are_bounded(found: dict[str, str]) -> None:
    namespaces = {"staging": ("agents-staging",), "production": ("agents", "agents-two")}
    view = parse(found, namespaces=namespaces, default="production", now=NOW)
    assert view.ns in namespaces[view.env]
    assert all(len(note) < 700 for note in view.notes)


@dataclass
class Shipped:
    """What arrived at the log store: by data stream, with the fingerprint of the client that brought it."""

    documents: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    fingerprints: dict[str, set[str]] = field(default_factory=dict)


class OneCluster:
    """The cluster of `blue_green` with what an Ask looks at when it is made."""

    def __init__(self) -> None:
        self._cluster = blue_green()
        self.clock = SourceClock()

    def version(self) -> str:
        return "v1.31.0"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> Shipped:
    arrived = Shipped()

    class Client:
        def __init__(self, url: str, *, ca_fingerprint: str, **_: Any) -> None:
            self._fingerprint = ca_fingerprint
            self.clock = SourceClock()
            self.version = lambda: "9.0.0"

        def create(self, stream: str, document_id: str, document: Mapping[str, Any]) -> None:
            arrived.documents.setdefault(stream, []).append(document)
            arrived.fingerprints.setdefault(stream, set()).add(self._fingerprint)

    monkeypatch.setattr(connections, "Elasticsearch", Client)
    monkeypatch.setattr(connections, "Kubernetes", lambda *_: OneCluster())
    return arrived


@pytest.fixture
def desks(settings: Settings, shipped: Shipped) -> Iterator[dict[str, Desk]]:
    def judge(namespace: str, service: str, action: Any) -> Any:
        from dashboard.act.desk import utc_now

        return a_verdict(utc_now())

    made = {name: build_desk(environment, judge) for name, environment in settings.environments.items()}
    yield made
    for desk in made.values():
        stop(desk)


def stop(desk: Desk) -> None:
    assert desk._outbox is not None
    desk._outbox.stop()


def act(desk: Desk, namespace: str) -> None:
    request = ActionRequest(
        kind=ActionKind.SWITCH,
        namespace=namespace,
        service=SERVICE,
        source=Track.BLUE,
        target=Track.GREEN,
        actor=Actor(name=f"somebody in {namespace}", origin="test"),
        typed_version="another one",
    )
    desk.wait(desk.submit(request), 30)


def test_records_stay_in_their_file_and_are_shipped_to_their_stream_with_their_fingerprint(
    settings: Settings, desks: dict[str, Desk], shipped: Shipped
) -> None:
    act(desks["staging"], "agents-staging")
    act(desks["production"], "agents")
    act(desks["production"], "agents-two")
    for name, count in (("staging", 1), ("production", 2)):
        records = list(AuditFile(Path(settings.environments[name].audit.file)).records())
        stream = f"logs-agentgov.audit-{name}"
        eventually(lambda s=stream, n=count: len(shipped.documents.get(s, ())) == n, "the records are shipped")  # type: ignore[misc]
        assert {record["service"]["environment"] for record in records} == {name}
        assert list(shipped.documents[stream]) == records
        assert shipped.fingerprints[stream] == {FINGERPRINTS[name]}
    assert len(shipped.documents) == 2


def test_history_and_actions_are_of_the_environment_and_the_namespace(desks: dict[str, Desk]) -> None:
    act(desks["staging"], "agents-staging")
    act(desks["production"], "agents")
    act(desks["production"], "agents-two")
    for name, desk in desks.items():
        for namespace in ("agents-staging", "agents", "agents-two"):
            is_here = (name == "staging") == (namespace == "agents-staging")
            actors = [entry.actor for entry in desk.history(namespace, SERVICE)]
            assert actors == ([f"somebody in {namespace}"] if is_here else [])
            assert (desk.current(namespace, SERVICE) is not None) == is_here


def test_records_that_an_earlier_process_left_are_shipped_when_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shipped: Shipped
) -> None:
    from dashboard import asgi
    from dashboard.ui import session

    tables = []
    for name in ("staging", "production"):
        file = tmp_path / f"{name}.jsonl"
        AuditFile(file, name).append({"message": name, "agentgov": {"audit": {"phase": "finished"}}})
        tables.append(f'[environments.{name}.elasticsearch]\nurl = "http://logs"\n')
        tables.append(f'[environments.{name}.audit]\nfile = "{file}"\n')
    (tmp_path / "tealdeck.toml").write_text("".join(tables))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
    monkeypatch.setattr(session, "_desks", [])
    streamlit.cache_resource.clear()

    asgi._warm_up()

    def arrived() -> dict[str, list[str]]:
        return {stream: [one["message"] for one in several] for stream, several in shipped.documents.items()}

    wanted = {"logs-agentgov.audit-staging": ["staging"], "logs-agentgov.audit-production": ["production"]}
    eventually(lambda: arrived() == wanted, "each record is in the stream of its environment")
    for desk in session._desks:
        stop(desk)
    streamlit.cache_resource.clear()


def test_a_server_without_usable_settings_starts_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.ui import session

    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "none.toml"))
    monkeypatch.setattr(session, "_desks", [])
    streamlit.cache_resource.clear()
    session.open_desks()
    assert session._desks == []
