"""Lists, pages, selectors and watches, by the official Python client and bare HTTP."""

import contextlib
import json
import threading

import pytest
import requests
from kubernetes import client, watch

from tests.stack.apiserver_process import Server, config_map, pod, reason

pytestmark = pytest.mark.stack


def test_a_request_with_another_token_is_refused(server: Server) -> None:
    other = {"Authorization": "Bearer other"}
    answer = requests.get(server.url + "/api/v1/pods", headers=other, verify=server.http.verify, timeout=5)
    assert reason(answer) == (401, "Unauthorized")
    assert requests.get(server.url + "/readyz", verify=server.http.verify, timeout=5).text == "ok"


def test_pages_show_the_state_of_the_first_page(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in "abcd":
        server.call("POST", path, json=config_map(name))
    first = server.call("GET", f"{path}?limit=2").json()
    assert first["metadata"]["remainingItemCount"] == 2
    server.call("DELETE", f"{path}/c")
    rest = server.call("GET", path, params={"limit": 5, "continue": first["metadata"]["continue"]}).json()
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == list("abcd")
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=front", ["a"]),
        ("tier!=front", ["b", "c"]),
        ("tier in (front, back)", ["a", "b"]),
        ("tier notin (front),tier", ["b"]),
        ("!tier", ["c"]),
        ("tier,env=live", ["a"]),
    ],
)
def test_labels_select(server: Server, request: pytest.FixtureRequest, selector: str, expected: list[str]) -> None:
    name = "t-labels"
    if server.call("POST", "/api/v1/namespaces", json={"metadata": {"name": name}}).status_code == 201:
        for pod_name, labels in {"a": {"tier": "front", "env": "live"}, "b": {"tier": "back"}, "c": {}}.items():
            server.call("POST", f"/api/v1/namespaces/{name}/pods", json=pod(pod_name, labels=labels))
    found = client.CoreV1Api(server.api).list_namespaced_pod(name, label_selector=selector).items
    assert [item.metadata.name for item in found] == expected


def test_fields_select_and_an_unknown_field_is_refused(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    for name in ("a", "b"):
        server.call("POST", path, json=pod(name))
    items = server.call("GET", f"{path}?fieldSelector=metadata.name=b,status.phase=Pending").json()["items"]
    assert [item["metadata"]["name"] for item in items] == ["b"]
    assert len(server.call("GET", f"{path}?fieldSelector=spec.hostNetwork=false").json()["items"]) == 2
    assert reason(server.call("GET", f"{path}?fieldSelector=spec.colour=red")) == (400, "BadRequest")


def test_a_watch_tells_when_an_object_enters_and_leaves_the_selection(server: Server, namespace: str) -> None:
    core = client.CoreV1Api(server.api)
    heard: list[tuple[str, str]] = []
    version = core.list_namespaced_pod(namespace).metadata.resource_version

    def listen() -> None:
        stream = watch.Watch()
        options = {"label_selector": "tier=front", "resource_version": version, "timeout_seconds": 10}
        for event in stream.stream(core.list_namespaced_pod, namespace, **options):
            heard.append((event["type"], event["object"].metadata.name))
            if len(heard) == 3:
                stream.stop()

    listener = threading.Thread(target=listen)
    listener.start()
    core.create_namespaced_pod(namespace, pod("p", labels={"tier": "back"}))
    core.patch_namespaced_pod("p", namespace, {"metadata": {"labels": {"tier": "front"}}})
    core.patch_namespaced_pod("p", namespace, {"metadata": {"annotations": {"seen": "yes"}}})
    core.patch_namespaced_pod("p", namespace, {"metadata": {"labels": {"tier": "back"}}})
    listener.join(10)
    assert heard == [("ADDED", "p"), ("MODIFIED", "p"), ("DELETED", "p")]


def test_a_watch_starts_with_what_is_there_and_marks_its_end(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.call("POST", path, json=config_map("a"))
    options = (
        "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1"
    )
    with server.call("GET", f"{path}?{options}", stream=True) as stream:
        events = [json.loads(line) for line in stream.iter_lines()]
    assert [event["type"] for event in events[:2]] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_fifty_watches_all_hear_of_one_change(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = server.call("GET", path).json()["metadata"]["resourceVersion"]
    with contextlib.ExitStack() as open_streams:
        streams = [
            open_streams.enter_context(
                server.call("GET", f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=20", stream=True)
            )
            for _ in range(50)
        ]
        server.call("POST", path, json=config_map("news"))
        heard = [json.loads(next(stream.iter_lines(chunk_size=1))) for stream in streams]
    assert {(event["type"], event["object"]["metadata"]["name"]) for event in heard} == {("ADDED", "news")}


def test_a_watch_of_a_forgotten_version_ends_with_410(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/events"
    event = {
        "metadata": {"name": "e", "namespace": namespace},
        "involvedObject": {"kind": "Pod", "namespace": namespace},
    }
    server.call("POST", path, json=event).raise_for_status()
    start = server.call("GET", path).json()["metadata"]["resourceVersion"]
    server.forget(f"{path}/e")
    with server.call("GET", f"{path}?watch=1&resourceVersion={start}", stream=True) as stream:
        refusal = json.loads(next(stream.iter_lines()))
    assert (refusal["type"], refusal["object"]["code"], refusal["object"]["reason"]) == ("ERROR", 410, "Expired")
