"""Tasks are counted from their acceptance to their end: none is lost silently, whoever is killed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from workload_system import System, free_port, gives, is_ready, play, process, until

from deploy.local.load.driver import drive
from deploy.local.workload.journal import Journal
from deploy.local.workload.tasks import COMPLETED, FAILED, PENDING, Task, Tasks

LATER = {"Prefer": "respond-async"}


def task(number: int) -> Task:
    return Task(task_id=f"t-{number}", task_type="support-case", seed=number)


def with_tasks(folder: Path, name: str, scenario: Callable[[Tasks], Any]) -> None:
    """Opens the tasks of a gateway of this name, and closes them in order."""

    async def run() -> None:
        tasks = Tasks(str(folder), name)
        tasks.open()
        writing = asyncio.ensure_future(tasks.run())
        await scenario(tasks)
        writing.cancel()
        await asyncio.wait({writing})

    asyncio.run(run())


def test_what_was_accepted_is_pending_for_the_next_life_until_it_is_done(tmp_path: Path) -> None:
    async def first(tasks: Tasks) -> None:
        for number in range(3):
            await tasks.accept(task(number))
        tasks.finish(tasks.get("t-0"), COMPLETED, {"outcome": "success"})
        tasks.finish(tasks.get("t-1"), FAILED, {"error": "gone"})

    async def second(tasks: Tasks) -> None:
        assert tasks.document() == {"accepted": 3, "completed": 1, "failed": 1, "pending": 1}
        assert tasks.get("t-2").state == PENDING
        assert tasks.get("t-0").answer == {"outcome": "success"}

    with_tasks(tmp_path, "gateway-a", first)
    with_tasks(tmp_path, "gateway-a", second)


def test_an_acknowledged_task_is_on_disk_and_half_a_line_after_it_does_no_harm(tmp_path: Path) -> None:
    async def accept(tasks: Tasks) -> None:
        await tasks.accept(task(7))
        (file,) = tmp_path.glob("*.journal")
        written = file.read_bytes()
        assert orjson.loads(written)["accepted"]["task_id"] == "t-7"
        copy = tmp_path / "killed" / file.name
        copy.parent.mkdir()
        copy.write_bytes(written + b'{"accepted":{"task_id":"t-8"')

    async def look(tasks: Tasks) -> None:
        assert tasks.document()["pending"] == 1

    with_tasks(tmp_path, "gateway-a", accept)
    with_tasks(tmp_path / "killed", "gateway-a", look)


def test_tasks_of_a_gateway_that_is_gone_are_taken_over_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    async def gone(tasks: Tasks) -> None:
        await tasks.accept(task(1))

    async def heir(tasks: Tasks) -> None:
        living = Tasks(str(tmp_path), "gateway-c")
        living.open()
        assert [one.task_id for one in await tasks.adopt()] == ["t-1"]
        assert await tasks.adopt() == []
        assert tasks.document() == {"accepted": 1, "completed": 0, "failed": 0, "pending": 1}
        assert sorted(path.stem for path in tmp_path.glob("*.journal")) == ["gateway-b", "gateway-c"]

    with_tasks(tmp_path, "gateway-a", gone)
    with_tasks(tmp_path, "gateway-b", heir)


def test_a_full_journal_is_written_anew_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.workload.journal._FULL_BYTES", 2000)
    monkeypatch.setattr("deploy.local.workload.tasks._REMEMBERED", 3)

    async def much(tasks: Tasks) -> None:
        for number in range(200):
            await tasks.accept(task(number))
            if number % 50:
                tasks.finish(tasks.get(f"t-{number}"), COMPLETED, {"outcome": "success"})

    async def look(tasks: Tasks) -> None:
        assert tasks.document() == {"accepted": 200, "completed": 196, "failed": 0, "pending": 4}

    with_tasks(tmp_path, "gateway-a", much)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 6000
    with_tasks(tmp_path, "gateway-a", look)


def test_a_task_that_cannot_be_stored_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(running: System) -> None:
        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", full)
            status, body = await running.task()
            assert (status, body["error"]) == (503, "the task cannot be stored: No space left on device")
        assert (await running.task())[0] == 200
        assert await running.counts() == {"accepted": 1, "completed": 1, "failed": 0, "pending": 0}

    play(scenario, tmp_path)


def test_a_task_sent_twice_is_run_once(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        key = {"Idempotency-Key": "task-1"}
        answers = await asyncio.gather(running.task(**key), running.task(**key))
        again = await running.task(**key)
        assert answers[0] == answers[1] == again
        assert await running.total("gateway", "agentgov_business_tasks_total") == 1

    play(scenario, tmp_path)


def test_who_does_not_wait_is_told_where_to_ask(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        status, accepted = await running.task(**LATER)
        assert (status, accepted["state"]) == (202, "pending")
        where = f"/v1/tasks/{accepted['task_id']}"
        await until(lambda: gives(running.field("gateway", where, "state"), "completed"))
        _, shown = await running.get("gateway", where)
        assert shown["result"]["outcome"] in ("success", "handoff", "failure")
        assert (await running.get("gateway", "/v1/tasks/unheard-of"))[0] == 404

    play(scenario, tmp_path)


def test_a_killed_gateway_leaves_its_tasks_to_its_next_life_and_none_is_lost(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        running.fault("slow-agent")
        port, accepted = free_port(), set()
        running.environ |= {"GATEWAY_SERVICE_PORT": str(port), "POD_NAME": "gateway-1"}
        async with process("gateway", port, **running.environ) as gateway:
            await until(lambda: is_ready(running.session, gateway.url), seconds=20)
            for _ in range(20):
                status, body = await running.task(**LATER)
                assert status == 202
                accepted.add(body["task_id"])
            gateway.process.kill()
            await gateway.process.wait()
        running.fault()
        async with process("gateway", port, **running.environ) as gateway:
            await until(lambda: is_ready(running.session, gateway.url), seconds=20)
            await until(lambda: gives(running.field("gateway", "/v1/tasks", "pending"), 0), seconds=20)
            assert (await running.counts())["accepted"] == len(accepted) == 20
            states = {(await running.get("gateway", f"/v1/tasks/{one}"))[1]["state"] for one in accepted}
            assert states == {"completed"}

    play(scenario, tmp_path, "gateway")


@pytest.mark.parametrize("waits", [True, False], ids=["its callers are told", "nobody waits: it is tried again"])
def test_a_killed_runtime_leaves_no_task_without_an_end(tmp_path: Path, waits: bool) -> None:
    async def scenario(running: System) -> None:
        running.fault("slow-agent")
        port = free_port()
        own = {**running.environ, "TEALDECK_TRACK": "green"}
        running.environ["AGENT_RUNTIME_SERVICE_PORT"] = str(port)
        async with process("agent-runtime", port, **own) as runtime:
            await until(lambda: is_ready(running.session, runtime.url), seconds=20)
            calls = [asyncio.ensure_future(running.task(**({} if waits else LATER))) for _ in range(10)]
            await until(lambda: gives(running.field("gateway", "/v1/tasks", "accepted"), 10))
            runtime.process.kill()
            await runtime.process.wait()
        running.fault()
        async with process("agent-runtime", port, **own):
            answers = await asyncio.gather(*calls)
            await until(lambda: gives(running.field("gateway", "/v1/tasks", "pending"), 0), seconds=30)
        counts = await running.counts()
        assert counts["accepted"] == counts["completed"] + counts["failed"] == 10
        if waits:
            assert counts["completed"] == [status for status, _ in answers].count(200)
        else:
            assert counts["failed"] == 0

    play(scenario, tmp_path, "agent-runtime")


def test_a_journal_in_use_is_not_opened_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        Journal(tmp_path, "gateway-a", list)
        with pytest.raises(BlockingIOError):
            Journal(tmp_path, "gateway-a", list)

    asyncio.run(scenario())


def test_a_seeded_load_makes_the_agents_do_the_same_again(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        async def cost_usd_of(seed: int) -> tuple[float, dict[str, int]]:
            before = await running.total("agent-runtime", "agentgov_agent_cost_usd_total")
            summary = await drive(running.url("gateway", ""), 40, 1, seed=seed)
            after = await running.total("agent-runtime", "agentgov_agent_cost_usd_total")
            assert summary.ok == 40
            return round(after - before, 6), dict(summary.outcomes)

        first, other, again = [await cost_usd_of(seed) for seed in (7, 8, 7)]
        assert first == again
        assert first != other

    play(scenario, tmp_path)
