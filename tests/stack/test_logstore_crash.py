"""The log store on bad days: killed, out of disk, damaged, started twice. Nothing acknowledged is ever lost."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tantivy
from elasticsearch import ApiError, Elasticsearch, TransportError
from logstore_process import REPO, LogStore, answers, ids, log, refusal

from deploy.local.formats import FORMATS
from tests.waiting import eventually

pytest_plugins = ("logstore_process",)
pytestmark = [pytest.mark.stack, pytest.mark.slow]

STREAM = "logs-crash.otel-test"


def bulk(es: Elasticsearch, names: list[str]) -> Any:
    operations = [part for one in names for part in ({"create": {"_id": one}}, log(0, f"line {one}"))]
    return es.bulk(index=STREAM, operations=operations)


def limit_files(store: LogStore, size: int) -> tuple[int, int]:
    """No file of the process may grow beyond this: what a full disk is to it. Returns the limits before."""
    before = resource.prlimit(store.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(store.process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    return before


def newest_translog(store: LogStore) -> Path:
    return max((store.folder / "data/translog").iterdir())


def everything(es: Elasticsearch, index: str = STREAM) -> set[str]:
    es.indices.refresh()
    return set(ids(es.search(index=index, size=10_000, sort=[{"@timestamp": "asc"}])))


def test_kill_nine_in_the_middle_of_bulks_loses_nothing_acknowledged(own_store: LogStore) -> None:
    acknowledged: set[str] = set()
    for turn in range(3):
        enough = threading.Event()

        def write(turn: int = turn, enough: threading.Event = enough) -> None:
            for count in range(10_000):
                names = [f"{turn}-{count}-{at}" for at in range(20)]
                try:
                    items = bulk(own_store.client, names)["items"]
                except (TransportError, ApiError):
                    return
                acknowledged.update(one["create"]["_id"] for one in items if one["create"]["status"] == 201)
                if count == 30:
                    enough.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(60)
        own_store.process.kill()
        writer.join(30)
        own_store.stop(signal.SIGKILL)
        own_store.start("--keep-days", "10000")
        assert acknowledged <= everything(own_store.client)
    conflicts = bulk(own_store.client, sorted(acknowledged)[:50])["items"]
    assert {one["create"]["status"] for one in conflicts} == {409}


def test_a_last_line_that_was_cut_off_is_left_out(own_store: LogStore) -> None:
    bulk(own_store.client, ["a", "b"])
    own_store.stop(signal.SIGKILL)
    with newest_translog(own_store).open("ab") as translog:
        translog.write(b'{"op":"create","seq":99,"stream":"logs-crash.otel-te')
    own_store.start("--keep-days", "10000")
    assert everything(own_store.client) == {"a", "b"}


def test_a_translog_that_is_damaged_stops_the_start_with_its_name(own_store: LogStore) -> None:
    bulk(own_store.client, ["a"])
    own_store.stop(signal.SIGKILL)
    translog = newest_translog(own_store)
    translog.write_bytes(b"{damaged\n" + translog.read_bytes())
    done = subprocess.run(own_store.command(), cwd=REPO, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert str(translog) in done.stderr
    assert "line 1" in done.stderr


def test_a_replacement_survives_a_crash(own_store: LogStore) -> None:
    es = own_store.client
    es.index(index="plain", id="a", document={"n": 1}, refresh=True)
    es.index(index="plain", id="a", document={"n": 2})
    own_store.stop(signal.SIGKILL)
    own_store.start("--keep-days", "10000")
    found = own_store.client.search(index="plain")["hits"]["hits"]
    assert [(hit["_id"], hit["_source"]) for hit in found] == [("a", {"n": 2})]


def test_a_restart_keeps_mappings_templates_and_versions(own_store: LogStore) -> None:
    es = own_store.client
    es.indices.put_index_template(name="kept", index_patterns=["kept-*"], data_stream={})
    es.index(index="plain", id="a", document={"n": 1, "text": "Some Words"})
    backing = bulk(es, ["a"])["items"][0]["create"]["_index"]
    assert own_store.stop() == 0
    own_store.start("--keep-days", "10000")
    es = own_store.client
    assert es.index(index="plain", id="a", document={"n": "2", "text": "words"}, refresh=True)["_version"] == 2
    assert es.count(index="plain", query={"term": {"n": 2}})["count"] == 1
    assert refusal(lambda: es.index(index="plain", id="b", document={"n": "two"}))[1] == "document_parsing_exception"
    assert bulk(es, ["b"])["items"][0]["create"]["_index"] == backing
    assert es.indices.exists_index_template(name="kept")
    assert es.create(index="kept-one", id="a", document={"@timestamp": 1})["_index"].startswith(".ds-kept-one-")


def test_a_disk_that_takes_no_more_refuses_writes_answers_reads_and_recovers(own_store: LogStore) -> None:
    es = own_store.client
    bulk(es, ["before"])
    es.indices.refresh()
    before = limit_files(own_store, newest_translog(own_store).stat().st_size + 50)
    for _ in range(3):
        status, kind, reason = refusal(lambda: bulk(es, ["during"]))
        assert (status, kind) == (429, "cluster_block_exception")
        assert "disk usage exceeded" in reason
    assert ids(es.search(index=STREAM)) == ["before"]
    resource.prlimit(own_store.process.pid, resource.RLIMIT_FSIZE, before)
    assert bulk(es, ["after"])["errors"] is False
    assert everything(es) == {"before", "after"}
    own_store.stop(signal.SIGKILL)
    own_store.start("--keep-days", "10000")
    assert everything(own_store.client) == {"before", "after"}


def test_a_commit_that_fails_on_a_full_disk_is_made_up_for(own_store: LogStore) -> None:
    es = own_store.client
    bulk(es, ["before"])
    es.indices.refresh()
    # A plain index has strings twice, by word and whole: the translog line fits, the file of the engine does not.
    noise = [" ".join(os.urandom(8).hex() for _ in range(6)) for _ in range(800)]
    before = limit_files(own_store, 100_000)
    assert es.create(index="plain", id="large", document={"text": noise})["result"] == "created"
    eventually(lambda: es.cluster.health()["status"] == "red", "the commit fails")
    assert es.create(index=STREAM, id="small", document=log(1))["result"] == "created"
    assert ids(es.search(index="*")) == ["before"]
    resource.prlimit(own_store.process.pid, resource.RLIMIT_FSIZE, before)
    eventually(lambda: es.cluster.health()["status"] == "green", "the commit is made up for")
    assert everything(es, "*") == {"before", "large", "small"}
    own_store.stop(signal.SIGKILL)
    own_store.start("--keep-days", "10000")
    assert everything(own_store.client, "*") == {"before", "large", "small"}


def test_a_second_store_on_the_folder_or_port_is_refused_in_one_line(own_store: LogStore, tmp_path: Path) -> None:
    other = LogStore(tmp_path / "other")
    for command, named in (
        (own_store.command(listen=other.listen), "used by another log store"),
        ([*other.command(listen=own_store.listen)], own_store.listen),
    ):
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert named in done.stderr
    assert answers(own_store.url)


def test_a_folder_of_another_version_is_said_in_one_line_with_its_mend(own_store: LogStore) -> None:
    own_store.stop()
    data = own_store.folder / "data"
    other = tantivy.SchemaBuilder().add_text_field("body").build()

    def said() -> str:
        done = subprocess.run(own_store.command(), cwd=REPO, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        return done.stderr

    shutil.rmtree(data / "engine")
    (data / "engine").mkdir()
    tantivy.Index(other, path=str(data / "engine"))
    assert f"move {data} away to begin without logs" in said()
    (data / "format").write_text("99\n")
    assert (
        f"{data} is state of another version of the logstore (format 99, this one has {FORMATS['logstore']})" in said()
    )


def test_documents_go_when_their_stream_has_kept_them_long_enough(own_store: LogStore) -> None:
    es = own_store.client
    es.indices.put_index_template(
        name="short", index_patterns=["logs-short-*"], priority=200, data_stream={},
        template={"lifecycle": {"data_retention": "1h"}},
    )  # fmt: skip
    now = datetime.now(UTC)
    ages = {"fresh": timedelta(minutes=5), "old": timedelta(hours=2), "older": timedelta(days=20)}
    for stream in ("logs-short-test", "logs-long-test"):
        for name, age in ages.items():
            es.create(index=stream, id=name, document={"@timestamp": (now - age).isoformat(), "n": 1})
    assert own_store.stop() == 0
    own_store.start("--keep-days", "14")
    es = own_store.client

    def left(stream: str) -> set[str]:
        return set(ids(es.search(index=stream)))

    eventually(lambda: left("logs-short-test") == {"fresh"}, "what is older than an hour goes")
    eventually(lambda: left("logs-long-test") == {"fresh", "old"}, "what is older than 14 days goes")
