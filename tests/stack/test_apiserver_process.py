"""The API server as a process: what survives restarts and crashes, and how it says what is wrong."""

import json
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests
from apiserver_process import MERGE, REPO, Server, config_map, reason

from tests.waiting import eventually

pytest_plugins = ("apiserver_process",)
pytestmark = pytest.mark.stack


def test_a_restart_keeps_objects_versions_and_credentials(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    made = own_server.call("POST", path, json=config_map("c", a="1")).json()["metadata"]
    token = own_server.http.headers["Authorization"]
    assert own_server.stop() == 0
    own_server.start()
    assert own_server.http.headers["Authorization"] == token
    kept = own_server.call("GET", f"{path}/c").json()
    assert (kept["data"], kept["metadata"]["uid"]) == ({"a": "1"}, made["uid"])
    newer = own_server.call("POST", path, json=config_map("d")).json()["metadata"]
    assert int(newer["resourceVersion"]) > int(made["resourceVersion"])


def test_kill_nine_loses_no_acknowledged_write(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    acknowledged: list[str] = []

    def write() -> None:
        for count in range(10_000):
            try:
                answer = own_server.http.post(own_server.url + path, json=config_map(f"c{count}"), timeout=5)
            except requests.RequestException:
                return
            if answer.status_code == 201:
                acknowledged.append(f"c{count}")

    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: len(acknowledged) > 50, "writes are acknowledged")
    own_server.process.kill()
    writer.join(10)
    own_server.stop(signal.SIGKILL)
    with (own_server.folder / "state/journal.jsonl").open("ab") as journal:
        journal.write(b'[999999,"configmaps",false,{"half')  # what a crash in the middle of a write leaves
    own_server.start()
    kept = {item["metadata"]["name"] for item in own_server.call("GET", path).json()["items"]}
    assert set(acknowledged) <= kept


def test_a_disk_that_takes_no_more_refuses_writes_and_keeps_what_it_has(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    own_server.call("POST", path, json=config_map("before"))
    size = (own_server.folder / "state/journal.jsonl").stat().st_size
    _, ceiling = resource.prlimit(own_server.process.pid, resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
    assert reason(own_server.call("POST", path, json=config_map("during"))) == (500, "InternalError")
    resource.prlimit(own_server.process.pid, resource.RLIMIT_FSIZE, (ceiling, ceiling))
    own_server.call("POST", path, json=config_map("after")).raise_for_status()
    own_server.stop(signal.SIGKILL)
    own_server.start()
    names = {item["metadata"]["name"] for item in own_server.call("GET", path).json()["items"]}
    assert names == {"before", "after"}


def test_a_long_journal_is_folded_into_a_snapshot(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    own_server.call("POST", path, json=config_map("kept", a="1"))
    for letter in "abcdefghijkl":
        body = json.dumps({"data": {"n": letter * 1_500_000}})
        own_server.call("PATCH", f"{path}/kept", data=body, headers=MERGE).raise_for_status()
    own_server.call("PATCH", f"{path}/kept", data=json.dumps({"data": {"n": "small"}}), headers=MERGE)
    state = own_server.folder / "state"
    assert (state / "journal.jsonl").stat().st_size < 16 * 1024 * 1024
    own_server.stop(signal.SIGKILL)
    own_server.start()
    assert own_server.call("GET", f"{path}/kept").json()["data"] == {"a": "1", "n": "small"}


def test_it_stops_at_once_with_open_watches(own_server: Server) -> None:
    stream = own_server.call("GET", "/api/v1/pods?watch=1", stream=True)
    started = time.monotonic()
    assert own_server.stop() == 0
    assert time.monotonic() - started < 2
    stream.close()


def test_a_taken_port_and_an_unusable_folder_are_said_in_one_line(own_server: Server, tmp_path: Path) -> None:
    taken = own_server.url.removeprefix("https://")
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    for command, named in (
        (own_server.command(state=tmp_path / "other", listen=taken), taken),
        (own_server.command(state=blocked), str(blocked)),
        (own_server.command(), "another server uses it"),
    ):
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert named in done.stderr


def test_secrets_are_readable_by_their_owner_alone(server: Server) -> None:
    for path in (server.kubeconfig, server.folder / "state/pki/token", server.folder / "state/pki/server.key"):
        assert path.stat().st_mode & 0o777 == 0o600
