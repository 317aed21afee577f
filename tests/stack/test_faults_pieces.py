"""What stands behind the faults, piece by piece and without an environment: each does its harm, bounded, and stops."""

from __future__ import annotations

import asyncio
import io
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from cryptography import x509
from workload_system import System, gives, play, until

from deploy.local import cluster_faults, faults, source_faults
from deploy.local.apiserver import pki
from deploy.local.errors import CommandError
from deploy.local.probes import probe
from deploy.local.processes import spawn
from deploy.local.proxy.losses import Losses
from deploy.local.source_faults import SourceFaults
from deploy.local.workload.faults import Behaviour, FaultFile, behaviour
from deploy.local.workload.harm import Harm
from deploy.local.workload.identity import Identity
from deploy.local.workload.logs import Log


class Runtime:
    """A process that faults harm, tick by tick."""

    def __init__(self) -> None:
        self.stream, self.behaviour = io.BytesIO(), Behaviour()
        self.log = Log(Identity(component="agent-runtime"), self.stream)
        self.harm = Harm(lambda: self.behaviour, lambda: True, self.log)

    def ticks(self, count: int, *names: str) -> None:
        self.behaviour = behaviour(frozenset(names))
        for _ in range(count):
            self.harm.tick()

    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.stream.getvalue().splitlines()]


def test_a_leak_grows_by_16_mib_a_second_and_is_given_back_when_healed() -> None:
    runtime = Runtime()
    runtime.ticks(10, "memory-leak")
    assert runtime.harm.held_bytes == pytest.approx(16 * 2**20, rel=0.01)
    runtime.ticks(1)
    assert runtime.harm.held_bytes == 0


def test_a_flood_is_a_thousand_lines_a_second_of_one_pattern() -> None:
    runtime = Runtime()
    runtime.ticks(10, "log-flood")
    assert len(runtime.lines()) == 1000
    assert len({line["message"] for line in runtime.lines()}) == 1
    runtime.ticks(10)
    assert len(runtime.lines()) == 1000


def test_a_skewed_clock_dates_lines_five_minutes_back_until_healed() -> None:
    runtime = Runtime()
    for names in (("clock-skew",), ()):
        runtime.ticks(1, *names)
        runtime.log.event("something happened")
    ages = [(datetime.now(UTC) - datetime.fromisoformat(line["ts"])).total_seconds() for line in runtime.lines()]
    assert ages == [pytest.approx(300, abs=5), pytest.approx(0, abs=5)]


def test_a_burning_runtime_burns_and_still_does_its_work() -> None:
    async def scenario() -> tuple[float, int]:
        runtime, turns = Runtime(), 0
        runtime.behaviour = behaviour(frozenset({"cpu-burn"}))
        burning = asyncio.ensure_future(runtime.harm.burn())
        used, until_seconds = time.process_time(), time.monotonic() + 0.6
        while time.monotonic() < until_seconds:
            await asyncio.sleep(0.005)
            turns += 1
        burning.cancel()
        return time.process_time() - used, turns

    used_seconds, turns = asyncio.run(scenario())
    assert used_seconds > 0.04
    assert turns > 5


def test_a_stuck_queue_ages_and_is_worked_off_when_healed(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        running.fault("stuck-queue")
        depth, age = "agentgov_agent_queue_depth", "agentgov_agent_queue_oldest_age_seconds"
        await until(lambda: gives(_faults_seen(running), 1))
        tasks = [asyncio.ensure_future(running.task()) for _ in range(5)]
        await until(lambda: gives(running.total("agent-runtime", depth, queue="runs"), 5))
        assert await running.total("agent-runtime", age, queue="runs") > 0
        running.fault()
        answers = await asyncio.gather(*tasks)
        assert [status for status, _ in answers] == [200] * 5
        assert await running.total("agent-runtime", depth, queue="runs") == 0

    play(scenario, tmp_path)


def test_an_explosion_of_cost_breaks_the_spend_limit(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        def cost(results: list[dict[str, Any]]) -> float:
            return sum(result["cost_usd"] for result in results)

        healthy = await running.many(20)
        running.fault("cost-explosion")
        await until(lambda: gives(_faults_seen(running), 1))
        exploded = await running.many(20)
        assert cost(exploded) > 4 * cost(healthy)
        rules = [violation["rule"] for result in exploded for violation in result["violations"]]
        assert rules.count("cost-within-budget") > 5
        assert not any(result["violations"] for result in healthy)

    play(scenario, tmp_path)


async def _faults_seen(running: System) -> int:
    return len([line for line in running.lines("agent-runtime", "INFO") if line["message"] == "faults changed"])


def test_a_release_brings_its_defect_whatever_the_file_of_faults_says(tmp_path: Path) -> None:
    release = FaultFile(str(tmp_path / "faults.json"), "green", lambda names: None, "latency")
    release.look()
    assert release.behaviour == behaviour(frozenset({"slow-agent"}))
    with pytest.raises(ValueError, match="TEALDECK_DEFECT 'typos' is not one of errors, latency"):
        FaultFile("", "green", lambda names: None, "typos")


def test_a_lossy_node_loses_a_share_of_its_own_requests_only(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    losses = Losses(file)
    faults.inject(file, faults.choose("lossy-node"))
    losses.look()
    lost = sum(losses.loses("node-a") for _ in range(2000))
    assert 0.1 < lost / 2000 < 0.2
    assert not any(losses.loses("node-b") for _ in range(2000))
    faults.heal(file)
    losses.look()
    assert not any(losses.loses("node-a") for _ in range(2000))


# Sources


@pytest.fixture
def file(tmp_path: Path) -> Path:
    faults.heal(tmp_path / "faults.json")
    return tmp_path / "faults.json"


def test_the_worst_of_several_faults_is_what_a_source_has() -> None:
    slow = faults.choose("slow-source", source="elasticsearch")
    dead = faults.choose("dead-source", source="elasticsearch", how="hangs")
    assert source_faults.wanted([slow]) == {"logstore": "slow"}
    assert source_faults.wanted([dead, slow]) == source_faults.wanted([slow, dead]) == {"logstore": "hangs"}


def test_a_killed_source_was_asked_to_end_and_one_that_died_was_not(file: Path) -> None:
    async def scenario() -> None:
        process = await spawn(["sleep", "60"], output=asyncio.subprocess.DEVNULL, folder=Path.cwd())
        suffering = SourceFaults(file, {"prometheus": process.pid}.get)
        following = asyncio.ensure_future(suffering.run())
        assert not await suffering.end_was_asked("prometheus")
        faults.inject(file, faults.choose("dead-source", source="prometheus"))
        assert await asyncio.wait_for(process.wait(), 5) == -9
        coming_back = asyncio.ensure_future(suffering.end_was_asked("prometheus"))
        await asyncio.wait({coming_back}, timeout=0.6)
        assert not coming_back.done()
        faults.heal(file)
        assert await asyncio.wait_for(coming_back, 5)
        following.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize("way", [("dead-source", "hangs"), ("slow-source", None)])
def test_a_frozen_source_moves_again_when_healed_or_when_the_environment_ends(
    file: Path, way: tuple[str, str | None]
) -> None:
    async def scenario() -> None:
        process = await spawn(["sleep", "60"], output=asyncio.subprocess.DEVNULL, folder=Path.cwd())
        seen = psutil.Process(process.pid)
        suffering = SourceFaults(file, {"prometheus": process.pid}.get)

        async def is_frozen() -> bool:
            return seen.status() == psutil.STATUS_STOPPED

        following = asyncio.ensure_future(suffering.run())
        faults.inject(file, faults.choose(way[0], source="prometheus", how=way[1]))
        await until(lambda: gives(is_frozen(), True))
        faults.heal(file)
        await until(lambda: gives(is_frozen(), False))
        faults.inject(file, faults.choose(way[0], source="prometheus", how=way[1]))
        await until(lambda: gives(is_frozen(), True))
        following.cancel()
        await asyncio.wait({following})
        assert not await is_frozen()
        process.kill()
        await process.wait()

    asyncio.run(scenario())


# Cluster


class Api:
    """One Deployment and its ReplicaSets, as much of an API as a rollback needs."""

    def __init__(self, now: dict[str, Any], *before: dict[str, Any]) -> None:
        self.deployment = workload(now) | {"metadata": {"uid": "d", "labels": {}, "annotations": {}}}
        self.sets = [
            workload(template) | {"metadata": {"ownerReferences": [{"uid": "d"}], "annotations": revision(number)}}
            for number, template in enumerate(before)
        ]
        self.replaced: list[dict[str, Any]] = []

    async def get(self, *_: str) -> dict[str, Any]:
        return self.deployment

    async def list(self, *_: str) -> tuple[list[dict[str, Any]], str]:
        return self.sets, "1"

    async def replace(self, kind: str, namespace: str, body: dict[str, Any]) -> None:
        self.replaced.append(body)


def workload(template: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": template}}


def revision(number: int) -> dict[str, str]:
    return {"deployment.kubernetes.io/revision": str(number)}


def template(version: str, *variables: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/version": version, "pod-template-hash": version}
    container = {"name": "agent-runtime", "env": [{"name": name, "value": "errors"} for name in variables]}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}


BAD = template("1.9.0", "TEALDECK_DEFECT")


def test_a_rollback_takes_the_newest_revision_without_a_defect() -> None:
    api = Api(BAD, template("1.6.0"), template("1.8.0"), BAD)
    asyncio.run(cluster_faults.roll_back(api, "green"))  # type: ignore[arg-type]
    (replaced,) = api.replaced
    assert replaced["spec"]["template"]["metadata"]["labels"] == {"app.kubernetes.io/version": "1.8.0"}
    assert replaced["metadata"]["labels"]["app.kubernetes.io/version"] == "1.8.0"


def test_a_good_release_is_not_rolled_back_and_one_without_a_good_revision_says_so() -> None:
    good = Api(template("1.8.0"), BAD)
    asyncio.run(cluster_faults.roll_back(good, "green"))  # type: ignore[arg-type]
    assert good.replaced == []
    with pytest.raises(CommandError, match="No good revision of agent-runtime-green"):
        asyncio.run(cluster_faults.roll_back(Api(BAD, BAD), "green"))  # type: ignore[arg-type]


def test_a_renewed_certificate_is_shown_to_new_connections_and_trusted_by_old_clients(tmp_path: Path) -> None:
    made = pki.credentials(tmp_path)

    async def days_left(port: int, trust: ssl.SSLContext) -> float:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        ends = x509.load_der_x509_certificate(shown).not_valid_after_utc
        return round((ends - datetime.now(UTC)) / timedelta(days=1), 1)

    async def scenario() -> None:
        context = made.ssl_context()
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        port, trust = server.sockets[0].getsockname()[1], ssl.create_default_context(cafile=made.authority)
        following = asyncio.ensure_future(pki.follow(context, made, interval_seconds=0.02))
        assert await days_left(port, trust) > 3000
        pki.renew(tmp_path, timedelta(days=3))
        await until(lambda: gives(days_left(port, trust), 3.0))
        shown = await probe(f"https://127.0.0.1:{port}/")
        assert not shown.is_success  # it shows a certificate and answers nothing
        pki.renew(tmp_path)
        await until(lambda: gives(days_left(port, trust), 3650.0))
        following.cancel()
        server.close()

    asyncio.run(scenario())


def test_a_certificate_cannot_be_renewed_without_its_authority(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no certificate can be made"):
        pki.renew(tmp_path)
