"""The governed system as it runs: tasks through all components, what they emit, faults, an end without losses."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from workload_system import HOST, ROOT, System, free_port, gives, is_ready, play, process, until


def test_a_task_goes_through_all_components_and_leaves_one_trace(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        status, result = await running.task("code-review", **{"Idempotency-Key": "task-7"})
        assert status == 200
        assert result["task_id"] == "task-7"
        assert (result["agent"], result["track"], result["version"]) == ("code-reviewer", "green", "1.8.0")
        assert result["outcome"] in ("success", "handoff", "failure")
        assert await running.total("gateway", "agentgov_business_tasks_total", task_type="code-review") == 1
        runs = {"gen_ai_agent_name": "code-reviewer", "gen_ai_operation_name": "invoke_agent"}
        assert await running.total("agent-runtime", "gen_ai_invoke_agent_duration_seconds_count", **runs) == 1
        assert await running.total("agent-runtime", "agentgov_agent_cost_usd_total") == pytest.approx(
            result["cost_usd"], abs=1e-5
        )
        spans = running.collector.spans
        await until(lambda: gives(_services(spans), {"gateway", "orchestrator", "agent-runtime", "policy-engine"}))
        _assert_one_tree([span for span in spans if span["traceId"] == result["trace_id"]])

    play(scenario, tmp_path)


def test_a_part_that_is_handed_to_another_agent_is_a_run_within_the_run(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        _, result = await running.task("research-brief")
        spans = running.collector.spans
        await until(lambda: gives(_services(spans), {"gateway", "orchestrator", "agent-runtime", "policy-engine"}))
        inner = {"invoke_agent web-scout", "invoke_agent fact-checker"}
        within = {("invoke_agent research-analyst", "invoke_agent", name) for name in inner}
        within |= {(name, kind, kind) for name in inner for kind in ("chat", "execute_tool")}
        # Each process sends its spans on its own time.
        await until(lambda: gives(_missing(spans, within), set()))
        runs = "gen_ai_invoke_agent_duration_seconds_count"
        assert await running.total("agent-runtime", runs, gen_ai_agent_name="web-scout") == 1
        cost = await running.total("agent-runtime", "agentgov_agent_cost_usd_total")
        assert result["cost_usd"] == pytest.approx(cost, abs=1e-5)

    play(scenario, tmp_path)


async def _services(spans: list[dict[str, Any]]) -> set[str]:
    """Who was asked on the way of a task; fetching contracts has traces of its own."""
    return {span["service"] for span in spans} - {"contract-registry"}


async def _missing(spans: list[dict[str, Any]], within: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Which of these (name of the span above, kind, name or kind) no span has."""
    names = {span["spanId"]: span["name"] for span in spans}
    found = set()
    for span in spans:
        above, kind = names.get(span["parentSpanId"], ""), span["name"].split()[0]
        found |= {(above, kind, span["name"]), (above, kind, kind)}
    return within - found


def _assert_one_tree(spans: list[dict[str, Any]]) -> None:
    ids = {span["spanId"] for span in spans}
    roots = [span for span in spans if not span["parentSpanId"]]
    assert [root["name"] for root in roots] == ["POST /v1/tasks"]
    assert all(span["parentSpanId"] in ids for span in spans if span not in roots)
    names = {span["name"].split()[0] for span in spans}
    assert {"invoke_workflow", "invoke_agent", "chat", "execute_tool", "evaluate_contract"} <= names


def test_metrics_are_those_of_the_table_with_no_label_more(tmp_path: Path) -> None:
    table = _table()

    async def scenario(running: System) -> None:
        running.fault("errors", "contract-violations")
        await until(lambda: gives(_knows_faults(running), True))
        await running.many(80)
        unknown, seen = set(), set()
        for component in running.logs:
            for name, labels in await running.metrics(component):
                metric = name if name in table else re.sub(r"_(bucket|sum|count)$", "", name)
                seen.add(metric)
                if metric not in table or not {key for key, _ in labels} - {"le"} <= table[metric]:
                    unknown.add((component, name, labels))
        assert not unknown
        assert {n for n in table if n.startswith(("gen_ai_", "agentgov_contract", "agentgov_agent"))} - seen <= {
            "gen_ai_client_inference_duration_seconds",  # another generation's name of a metric that is emitted
            "agentgov_contract_recoveries_total",  # only once a tool has failed
            "agentgov_agent_retries_total",
        }

    play(scenario, tmp_path)


async def _knows_faults(running: System) -> bool:
    return any(line["message"] == "faults changed" for line in running.lines("agent-runtime", "INFO"))


def _table() -> dict[str, set[str]]:
    """Metric names and their own labels, as the table of telemetry.md has them."""
    rows = re.findall(
        r"^\| \d+ \| (.+?) \| [^|]+ \| [^|]+ \| (.+?) \| [^|]+ \|$",
        (ROOT / "deploy/monitoring/telemetry.md").read_text().replace(r"\|", "/"),
        re.MULTILINE,
    )
    return {
        name: set(re.findall(r"\b[a-z]+(?:_[a-z]+)*\b", re.sub(r"\(.*?\)", "", labels)))
        for names, labels in rows
        for name in re.findall(r"`([a-z_]+)`", names)
    }


def test_a_broken_contract_shows_as_metric_log_and_span_and_is_enforced(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        running.fault("contract-violations")
        await until(lambda: gives(_knows_faults(running), True))
        results = await running.many(60)
        broken = [result for result in results if result["violations"]]
        assert broken
        assert {result["outcome"] for result in broken if not result["error_type"]} == {"handoff"}
        privacy = {"contract": "data-privacy", "rule": "no-personal-data-in-output"}
        counted = await running.total("agent-runtime", "agentgov_contract_violations_total", **privacy)
        told = [v for result in broken for v in result["violations"] if v["rule"] == privacy["rule"]]
        assert counted == len(told) > 0
        evaluations = await running.total("agent-runtime", "agentgov_contract_evaluations_total")
        violations = await running.total("agent-runtime", "agentgov_contract_evaluations_total", outcome="violation")
        assert violations / evaluations > 0.03
        logged = [
            line
            for line in running.lines("agent-runtime", "ERROR")
            if line["attributes"].get("agentgov.contract.rule") == privacy["rule"]
        ]
        assert len(logged) == counted
        assert logged[0]["trace_id"] in {result["trace_id"] for result in broken}
        wanted = {result["trace_id"] for result in broken}

        async def traced() -> bool:
            return wanted <= {
                span["traceId"]
                for span in running.collector.spans
                if span["name"] == "evaluate_contract data-privacy" and span["status"]
            }

        await until(traced)
        a_broken_one = broken[0]["trace_id"]

        async def whole() -> bool:
            return {"gateway", "orchestrator", "agent-runtime"} <= {
                span["service"] for span in running.collector.spans if span["traceId"] == a_broken_one
            }

        await until(whole)

    play(scenario, tmp_path)


def test_errors_come_with_the_fault_and_go_with_its_healing(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        running.fault("errors")
        await until(lambda: gives(_knows_faults(running), True), seconds=3)
        results = await running.many(60)
        failed = [result for result in results if result["outcome"] == "failure"]
        assert 6 <= len(failed) <= 32
        assert all(result["error_type"] for result in failed)
        errors = running.lines("agent-runtime", "ERROR")
        assert len([line for line in errors if line["message"].startswith("agent ")]) == len(failed)
        running.fault()
        await until(lambda: gives(_changes(running), 2), seconds=3)
        assert sum(result["outcome"] == "failure" for result in await running.many(60)) <= 4

    play(scenario, tmp_path)


async def _changes(running: System) -> int:
    return len([line for line in running.lines("agent-runtime", "INFO") if line["message"] == "faults changed"])


def test_ungoverned_agents_do_not_run(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        assert await running.status("agent-runtime", "/readyz") == 503
        status, body = await running.post("agent-runtime", "/v1/runs", {"agent": "support-triage"})
        assert status == 503
        assert "no contracts yet" in body["error"]

    play(scenario, tmp_path, "contract-registry", "orchestrator", "gateway")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Components that try again once only, and soon."""
    monkeypatch.setattr("deploy.local.workload.peers._PAUSES_SECONDS", (0.01,))


@pytest.mark.usefixtures("impatient")
def test_without_a_policy_decision_a_run_fails_closed(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        status, result = await running.task()
        assert (status, result["outcome"], result["error_type"]) == (200, "failure", "policy_unavailable")
        assert result["cost_usd"] == 0

    play(scenario, tmp_path, "policy-engine")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"task_type": "poetry"}, "task_type 'poetry' is not one of support-case"),
        ({"task_type": ["code-review"]}, "task_type ['code-review'] is not one of"),
        ([], "not a JSON object"),
    ],
)
def test_a_wrong_task_is_refused_with_a_reason(tmp_path: Path, document: Any, reason: str) -> None:
    async def scenario(running: System) -> None:
        status, body = await running.post("gateway", "/v1/tasks", document)
        assert status == 400
        assert reason in body["error"]
        assert await running.total("gateway", "agentgov_component_requests_total", code="400") == 1

    play(scenario, tmp_path, "orchestrator", "agent-runtime", "policy-engine", "contract-registry")


@pytest.mark.usefixtures("impatient")
def test_a_lost_component_is_a_gateway_error_not_a_hang(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        status, body = await running.task()
        assert status == 502
        assert "orchestrator cannot be reached" in body["error"]
        assert await running.total("gateway", "agentgov_business_tasks_total", outcome="failure") == 1

    play(scenario, tmp_path, "orchestrator", "agent-runtime", "policy-engine", "contract-registry")


def test_contracts_are_not_sent_again_while_they_are_the_same(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        url = running.url("contract-registry", "/v1/contracts")
        async with running.session.get(url) as first:
            etag = first.headers["ETag"]
            assert len((await first.json())["contracts"]) == 5
        async with running.session.get(url, headers={"If-None-Match": etag}) as second:
            assert (second.status, await second.read()) == (304, b"")

    play(scenario, tmp_path, "orchestrator", "gateway", "agent-runtime", "policy-engine")


def test_a_slow_run_can_be_followed_from_its_metric_to_its_trace(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        _, result = await running.task()
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        async with running.session.get(running.url("agent-runtime", "/metrics"), headers=accept) as answer:
            text = await answer.text()
        exemplar = f'# {{trace_id="{result["trace_id"]}"}}'
        assert [line.split("{")[0] for line in text.splitlines() if exemplar in line] == [
            "gen_ai_invoke_agent_duration_seconds_bucket"
        ]
        assert text.endswith("# EOF\n")

    play(scenario, tmp_path)


def test_an_old_connection_is_closed_so_that_callers_follow_a_switch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(running: System) -> None:
        async def closes() -> bool:
            async with running.session.get(running.url("policy-engine", "/healthz")) as answer:
                return answer.headers.get("Connection") == "close"

        assert not await closes()
        monkeypatch.setattr("deploy.local.workload.server._CONNECTION_SECONDS", 0.0)
        assert await closes()

    play(scenario, tmp_path, "orchestrator", "gateway", "agent-runtime", "contract-registry")


@pytest.mark.parametrize("mishap", ["reset", "503"])
def test_what_a_leaving_peer_did_not_take_on_is_tried_again(tmp_path: Path, mishap: str) -> None:
    calls: list[str] = []

    async def leaving(request: web.BaseRequest) -> web.Response:
        calls.append(request.path)
        if len(calls) == 1 and mishap == "reset":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"outcome": "success", "error_type": ""}, status=503 if len(calls) == 1 else 200)

    async def scenario(running: System) -> None:
        runner = web.ServerRunner(web.Server(leaving))
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        running.environ["ORCHESTRATOR_SERVICE_PORT"] = str(runner.addresses[0][1])
        status, result = await running.task()
        await runner.cleanup()
        assert (status, result["outcome"]) == (200, "success")
        assert calls == ["/v1/workflows"] * 2

    play(scenario, tmp_path, "orchestrator", "agent-runtime", "policy-engine", "contract-registry")


# As processes


def test_a_runtime_told_to_stop_finishes_its_runs_and_takes_no_new_readiness(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        running.fault("slow-agent")
        async with process("agent-runtime", free_port(), **running.environ, TEALDECK_TRACK="green") as runtime:
            await until(lambda: is_ready(running.session, runtime.url), seconds=10)
            body = {"agent": "code-reviewer", "seed": 5}
            run = asyncio.ensure_future(running.session.post(runtime.url + "/v1/runs", json=body))
            await asyncio.sleep(0.2)  # the run is under way and sleeps for over a second
            assert not run.done()
            runtime.process.send_signal(signal.SIGTERM)
            await until(lambda: gives(is_ready(running.session, runtime.url), False), seconds=1)
            answer = await run
            assert (answer.status, (await answer.json())["agent"]) == (200, "code-reviewer")
            assert await runtime.process.wait() == 0

    play(scenario, tmp_path, "agent-runtime", "orchestrator", "gateway")


def test_a_crash_loop_ends_the_runtime_soon_after_it_is_ready(tmp_path: Path) -> None:
    async def scenario(running: System) -> None:
        running.fault("crash-loop")
        async with process("agent-runtime", free_port(), **running.environ, TEALDECK_TRACK="green") as runtime:
            await until(lambda: is_ready(running.session, runtime.url), seconds=10)
            output, _ = await asyncio.wait_for(runtime.process.communicate(), 6)
            assert runtime.process.returncode == 1
            assert orjson.loads(output.splitlines()[-1])["attributes"]["error.type"] == "crash"

    play(scenario, tmp_path, "agent-runtime", "orchestrator", "gateway")


def test_a_taken_port_is_one_line_that_says_so() -> None:
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            taken.listen()
            async with process("gateway", taken.getsockname()[1]) as gateway:
                _, complaint = await gateway.process.communicate()
        assert gateway.process.returncode == 1
        assert complaint.decode().startswith(f"error {gateway.url.removeprefix('http://')} is taken")
        assert complaint.count(b"\n") == 1

    asyncio.run(scenario())
