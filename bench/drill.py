"""`python -m bench.drill`: is a request lost while pods are replaced and traffic is switched?

Requests go at a fixed rate through the Service of an environment, with slow ones and WebSockets among them, while its
Deployments are updated and its selector goes to and fro. Every answer that is not what was asked for is counted with
its reason. Without --state an environment is brought up for it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench import manifests
from deploy.local.addresses import to_loopback
from deploy.local.kubeapi import ConflictError, KubeApi, NotFoundError

_SLOW_SECONDS = 10.0
_SLOW_EVERY = 100  # requests
_SOCKETS = 5
_PATIENCE_SECONDS = 60.0
_APART_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much, and through how many changes."""

    requests: int
    rate: float
    updates: int
    switches: int
    namespace: str = "drill"


@dataclass(slots=True)
class Score:
    """What became of what was sent."""

    answered: int = 0
    slow: int = 0
    messages: int = 0
    reconnects: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    by_track: Counter[str] = field(default_factory=Counter)
    latencies_seconds: list[float] = field(default_factory=list)
    updates: int = 0
    switches: int = 0
    rate: float = 0.0

    def summary(self) -> dict[str, object]:
        """Figures for a person."""
        ordered = sorted(self.latencies_seconds)
        shown = {f"p{p}_ms": round(1000 * ordered[len(ordered) * p // 100], 1) for p in (50, 99)} if ordered else {}
        names = ("answered", "slow", "messages", "reconnects", "updates", "switches")
        counts = {name: getattr(self, name) for name in names}
        return {**counts, "rate": round(self.rate, 1), **shown, "tracks": dict(self.by_track), "lost": dict(self.lost)}


async def drill(kubeconfig: str | Path, plan: Plan) -> Score:
    """Makes a namespace, sends, changes, takes the namespace away, and says what was lost."""
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        try:
            url = await _prepare(api, plan.namespace)
            return await _run(api, plan, url)
        finally:
            await _clear(api, plan.namespace)


async def _prepare(api: KubeApi, namespace: str) -> str:
    """Both tracks serve; returns the URL of their Service."""
    await api.create("namespaces", "", manifests.namespace(namespace))
    await api.create("services", namespace, manifests.service())
    for track in manifests.TRACKS:
        await api.create("deployments", namespace, manifests.deployment(track))
    for track in manifests.TRACKS:
        await _rolled_out(api, namespace, f"echo-{track}")
    spec = (await api.get("services", namespace, "echo"))["spec"]
    url = f"http://{to_loopback(spec['clusterIP'])}:8080"
    async with aiohttp.ClientSession() as session:
        await _until(lambda: _answers(session, url), "the proxy to serve the Service")
    return url


async def _run(api: KubeApi, plan: Plan, url: str) -> Score:
    score, begun, over = Score(), time.monotonic(), asyncio.Event()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
        changing = tasks.create_task(_change(api, plan, score))
        for _ in range(_SOCKETS):
            tasks.create_task(_converse(session, url, score, over))
        sent = 0
        # What was planned is sent, and then as much as the changes that are still under way need.
        while sent < plan.requests or not changing.done():
            await asyncio.sleep(max(0.0, begun + sent / plan.rate - time.monotonic()))
            tasks.create_task(_ask(session, url, score, _SLOW_SECONDS if sent % _SLOW_EVERY == 0 else 0.0))
            sent += 1
        score.rate = sent / (time.monotonic() - begun)
        over.set()
    return score


async def _ask(session: aiohttp.ClientSession, url: str, score: Score, seconds: float) -> None:
    begun = time.monotonic()
    try:
        timeout = aiohttp.ClientTimeout(total=seconds + 30)
        async with session.get(url, params={"seconds": str(seconds)}, timeout=timeout) as answer:
            if answer.status != 200:
                score.lost[f"{answer.status} {(await answer.text())[:80].strip()}"] += 1
                return
            track = (await answer.json())["track"]
    except (aiohttp.ClientError, TimeoutError) as error:
        score.lost[f"{type(error).__name__} {error}"[:120]] += 1
        return
    score.answered += 1
    score.by_track[track] += 1
    if seconds:
        score.slow += 1
    else:
        score.latencies_seconds.append(time.monotonic() - begun)


async def _converse(session: aiohttp.ClientSession, url: str, score: Score, over: asyncio.Event) -> None:
    """Sends a message ten times a second and wants each back. A pod may end a connection, but only with a goodbye."""
    number = 0
    while not over.is_set():
        try:
            async with session.ws_connect(f"{url}/ws") as connection:
                while not over.is_set():
                    with contextlib.suppress(aiohttp.ClientConnectionResetError):  # what came before it is read next
                        await connection.send_str(str(number))
                    reply = await connection.receive(timeout=30)
                    if (reply.type, reply.data) == (aiohttp.WSMsgType.TEXT, str(number)):
                        number += 1
                        score.messages += 1
                        await asyncio.sleep(0.1)
                        continue
                    if reply.data != aiohttp.WSCloseCode.GOING_AWAY:
                        score.lost[f"WebSocket answered with {reply.type.name} {reply.data}"] += 1
                    score.reconnects += 1
                    break
        except (aiohttp.ClientError, TimeoutError) as error:
            score.lost[f"WebSocket {type(error).__name__} {error}"[:120]] += 1


async def _change(api: KubeApi, plan: Plan, score: Score) -> None:
    """Updates and switches in turn, spread over the whole time."""
    pause = plan.requests / plan.rate / (plan.updates + plan.switches + 1)
    begun, active = time.monotonic(), "blue"
    for number in range(plan.updates + plan.switches):
        await asyncio.sleep(max(_APART_SECONDS, begun + (number + 1) * pause - time.monotonic()))
        if score.switches * plan.updates <= score.updates * plan.switches and score.switches < plan.switches:
            active = "green" if active == "blue" else "blue"
            body = {"spec": {"selector": {"track": active}}}
            await api.patch("services", plan.namespace, "echo", body)
            score.switches += 1
        else:
            stamp = {"metadata": {"annotations": {"bench/update": str(number)}}}
            await api.patch("deployments", plan.namespace, f"echo-{active}", {"spec": {"template": stamp}})
            await _rolled_out(api, plan.namespace, f"echo-{active}")
            score.updates += 1


async def _rolled_out(api: KubeApi, namespace: str, name: str) -> None:
    async def done() -> bool:
        found = await api.get("deployments", namespace, name)
        status, wanted = found.get("status", {}), found["spec"]["replicas"]
        numbers = [status.get(f"{kind}eplicas", 0) for kind in ("r", "updatedR", "availableR")]
        return status.get("observedGeneration") == found["metadata"]["generation"] and numbers == [wanted] * 3

    await _until(done, f"the rollout of {name}")


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {_PATIENCE_SECONDS:.0f} s for {what}")
        await asyncio.sleep(0.1)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _clear(api: KubeApi, namespace: str) -> None:
    async def gone() -> bool:
        try:
            await api.get("namespaces", "", namespace)
        except NotFoundError:
            return True
        return False

    with contextlib.suppress(NotFoundError, ConflictError):  # it never came, or goes already
        await api.delete("namespaces", "", namespace)
    await _until(gone, f"namespace {namespace} to go")


def main() -> int:
    """Exit code 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.drill", description=__doc__)
    parser.add_argument("--state", type=Path, help="of a running environment")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--switches", type=int, default=10)
    options = parser.parse_args()
    plan = Plan(requests=options.requests, rate=options.rate, updates=options.updates, switches=options.switches)
    score = asyncio.run(drill(options.state / "kubeconfig", plan)) if options.state else _in_an_environment(plan)
    print(json.dumps(score.summary(), indent=2))
    return 1 if score.lost else 0


def _in_an_environment(plan: Plan) -> Score:
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "deploy.local")
        up = ("up", "--detach", "--no-dashboard", "--no-load", "--state", folder)
        subprocess.run([*command, *up], check=True, stdout=subprocess.DEVNULL)
        try:
            return asyncio.run(drill(Path(folder) / "kubeconfig", plan))
        finally:
            subprocess.run([*command, "down", "--state", folder], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
