"""The load generator: it counts every request that was due, keeps its rate, and refuses what could do harm."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from deploy.local.load import Summary, drive
from deploy.local.load.__main__ import main
from deploy.local.load.driver import LOOKS, RUNS, RefusedError
from deploy.local.load.targets import Targets, find_targets

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
ANSWER = {"outcome": "success", "track": "blue"}
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Third:
    """Answers two requests well and treats every third one in its own way."""

    def __init__(self, worst: Handler) -> None:
        self.requests = 0
        self._worst = worst

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        return await self._worst(request) if self.requests % 3 == 0 else web.json_response(ANSWER)


async def _fails(request: web.BaseRequest) -> web.StreamResponse:
    return web.json_response({"error": "no"}, status=503)


async def _resets(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _hangs(request: web.BaseRequest) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def _babbles(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=b"<html>")


@pytest.mark.parametrize(
    ("worst", "reason"),
    [
        pytest.param(_fails, "http_503", id="an error status"),
        pytest.param(_resets, "reset", id="a broken connection"),
        pytest.param(_hangs, "timeout", id="an answer that never comes"),
        pytest.param(_babbles, "bad_answer", id="an answer that is none"),
    ],
)
def test_every_lost_request_is_counted_with_its_reason(worst: Handler, reason: str) -> None:
    async def scenario() -> None:
        third = Third(worst)
        async with server(third) as url:
            summary = await drive(url, 100, 0.6, timeout_seconds=0.4)
        assert summary.sent == third.requests == 60
        assert (summary.ok, dict(summary.failed)) == (40, {reason: 20})

    asyncio.run(scenario())


def test_a_door_that_is_closed_is_counted_too() -> None:
    async def scenario() -> None:
        async with server(_fails) as url:
            pass
        summary = await drive(url, 50, 0.2)
        assert dict(summary.failed) == {"refused": 10}

    asyncio.run(scenario())


def test_a_stalled_system_still_gets_what_was_due() -> None:
    async def scenario() -> None:
        async def slow(request: web.BaseRequest) -> web.StreamResponse:
            await asyncio.sleep(0.5)
            return web.json_response(ANSWER)

        async with server(slow) as url:
            summary = await drive(url, 100, 0.5)
        assert (summary.sent, summary.ok) == (50, 50)
        assert 0.45 < (summary.latency_seconds(0.5) or 0) < 0.8

    asyncio.run(scenario())


def test_who_is_told_to_stop_still_waits_for_the_answers_that_are_due() -> None:
    async def scenario() -> None:
        async def slow(request: web.BaseRequest) -> web.StreamResponse:
            await asyncio.sleep(1.5)
            return web.json_response(ANSWER)

        stop = asyncio.Event()
        async with server(slow) as url, asyncio.timeout(5):
            asyncio.get_running_loop().call_later(0.3, stop.set)
            summary = await drive(url, 100, stop=stop, cut=asyncio.Event())
        assert summary.sent == summary.ok > 10

    asyncio.run(scenario())


def test_who_is_cut_off_does_not_wait_for_answers_that_never_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.load.driver._STOP_SECONDS", 0.1)

    async def scenario() -> None:
        third, stop, cut = Third(_hangs), asyncio.Event(), asyncio.Event()
        async with server(third) as url, asyncio.timeout(3):
            asyncio.get_running_loop().call_later(0.3, stop.set)
            asyncio.get_running_loop().call_later(0.4, cut.set)
            summary = await drive(url, 100, stop=stop, cut=cut)
        assert summary.sent == summary.ok + summary.failures
        assert dict(summary.failed) == {"cut_off": third.requests // 3}

    asyncio.run(scenario())


def test_synthetic_runs_are_marked_and_go_straight_to_the_runtime() -> None:
    seen: list[tuple[str, str | None, dict[str, str]]] = []

    async def look(request: web.BaseRequest) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        seen.append((request.path, request.headers.get("x-tealdeck-synthetic"), body))
        return web.json_response(ANSWER)

    async def scenario() -> None:
        async with server(look) as url:
            await drive(url, 50, 0.1, kind=RUNS)
            await drive(url, 50, 0.1)

    asyncio.run(scenario())
    assert {(path, mark, next(iter(body))) for path, mark, body in seen} == {
        ("/v1/runs", "true", "agent"),
        ("/v1/tasks", None, "task_type"),
    }


def test_a_look_is_a_get_that_orders_nothing() -> None:
    seen: list[tuple[str, str, bytes]] = []

    async def look(request: web.BaseRequest) -> web.StreamResponse:
        seen.append((request.method, request.path, await request.read()))
        return web.Response(text="ok\n", status=503 if len(seen) == 3 else 200)

    async def scenario() -> None:
        async with server(look) as url:
            summary = await drive(url, 50, 0.1, kind=LOOKS)
        assert (summary.sent, summary.ok, dict(summary.failed)) == (5, 4, {"http_503": 1})

    asyncio.run(scenario())
    assert set(seen) == {("GET", "/readyz", b"")}


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1:80", "http://example.org", "https://127.0.0.1:1", "http://127.0.0.1.example.org", "x"]
)
def test_load_goes_to_loopback_addresses_only(url: str) -> None:
    with pytest.raises(RefusedError, match="loopback address only"):
        asyncio.run(drive(url, 1, 0.1))


@pytest.mark.parametrize("rate", [0, -1, 501, float("nan")])
def test_a_rate_outside_the_bounds_is_refused(rate: float) -> None:
    with pytest.raises(RefusedError, match="is refused: it must be above 0"):
        asyncio.run(drive("http://127.0.0.1:1", rate, 0.1))


def test_percentiles_are_true_to_two_percent() -> None:
    summary = Summary()
    for milliseconds in range(1, 1001):
        summary.answered(milliseconds / 1000, "success", "blue")
    assert summary.latency_seconds(0.5) == pytest.approx(0.5, rel=0.025)
    assert summary.latency_seconds(0.99) == pytest.approx(0.99, rel=0.025)
    assert Summary().latency_seconds(0.5) is None


def test_the_command_sends_both_streams_and_ends_with_a_summary_on_sigterm() -> None:
    async def scenario() -> None:
        third = Third(_fails)
        async with server(third) as url:
            command = [sys.executable, "-m", "deploy.local.load", "--gateway", url, "--preview", url]
            process = await asyncio.create_subprocess_exec(
                *command, "--rate", "40", "--synthetic-rate", "20", cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
            async with asyncio.timeout(10):
                while third.requests < 12:
                    await asyncio.sleep(0.01)
                process.send_signal(signal.SIGTERM)
                output, _ = await process.communicate()
        summary = orjson.loads(output)
        assert process.returncode == 0
        assert summary["tasks"]["sent"] + summary["synthetic"]["sent"] == third.requests
        lost = sum(sum(stream["failed"].values()) for stream in summary.values())
        assert lost == third.requests // 3

    asyncio.run(scenario())


class Cluster:
    """Answers as an API server does: first without the Services, then with them, at last with ready endpoints."""

    def __init__(self) -> None:
        self.looks = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        kind, _, name = request.path.removeprefix("/api/v1/namespaces/agents/").partition("/")
        if kind == "services":
            self.looks += 1
            if self.looks <= 2:
                return web.json_response({"kind": "Status", "code": 404, "message": f"no {name}"}, status=404)
            last = {"gateway": 10, "agent-runtime-preview": 11, "agent-runtime": 12}[name]
            return web.json_response({"spec": {"clusterIP": f"10.9.255.{last}", "ports": [{"port": 8080}]}})
        ready = self.looks > 4
        endpoints = [{"addresses": ["10.9.1.2"], "conditions": {"ready": ready}}]
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [{"endpoints": endpoints}]})


def kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    one = {"cluster": {"server": url}, "user": {"token": "t"}, "context": {"cluster": "a", "user": "a"}}
    config = {f"{key}s": [{"name": "a", key: value}] for key, value in one.items()}
    path.write_bytes(orjson.dumps(config | {"current-context": "a"}))
    return path


def test_the_targets_are_found_once_they_are_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.load.targets._LOOK_SECONDS", 0.01)

    async def scenario() -> None:
        cluster = Cluster()
        async with server(cluster) as url, asyncio.timeout(5):
            targets = await find_targets(str(kubeconfig(tmp_path, url)), "agents", active=True)
        assert targets == Targets(*(f"http://127.9.255.{last}:8080" for last in (10, 11, 12)))
        assert cluster.looks > 4

    asyncio.run(scenario())


def test_a_missing_kubeconfig_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kubeconfig", "/nowhere/kubeconfig"]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("error load")
    assert "/nowhere/kubeconfig" in complaint


def test_a_foreign_target_is_one_line_that_says_so() -> None:
    async def scenario() -> None:
        command = [
            sys.executable,
            "-m",
            "deploy.local.load",
            "--gateway",
            "http://192.0.2.7",
            "--preview",
            "http://::1",
        ]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
        _, complaint = await process.communicate()
        assert process.returncode == 1
        assert complaint.startswith(b"error load http://192.0.2.7 is refused")
        assert complaint.count(b"\n") == 1

    asyncio.run(scenario())
