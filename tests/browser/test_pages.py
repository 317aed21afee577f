"""The pages against the sources: what a tile says is what the backend answers when it is asked without the deck.

The questions here are written anew, not taken from the catalogue. A fixed period makes both sides speak of the same
instant, so figures are compared as text, to the last digit that is shown.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from bench.browser import chromium, tab, wait_until_drawn
from dashboard.model.reading import Unit
from dashboard.ui.format import number
from tests.environment import Environment
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

RUNTIME = 'namespace="agents", service_name="agent-runtime"'
RUN = f'{RUNTIME}, gen_ai_operation_name="invoke_agent"'
CONTAINER = 'namespace="agents", container!=""'


def rate(metric: str, labels: str) -> str:
    """Each second of the last minute; a series that began in it counts from 0."""
    series = f"{metric}{{{labels}}}"
    return f"sum(({series} unless {series} offset 1m) / 60 or rate({series}[1m]))"


def slowest(share: float, metric: str, labels: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{{labels}}}[1m])))"


RUNS = rate("gen_ai_invoke_agent_duration_seconds_count", RUN)
FAILED = rate("gen_ai_invoke_agent_duration_seconds_count", RUN + ', error_type!=""')
COST = rate("agentgov_agent_cost_usd_total", RUNTIME)
TOOLS = rate("gen_ai_execute_tool_duration_seconds_count", RUNTIME)
TOOLS_FAILED = rate("gen_ai_execute_tool_duration_seconds_count", RUNTIME + ', error_type!=""')
EVALUATIONS = rate("agentgov_contract_evaluations_total", RUNTIME)
KEPT = rate("agentgov_contract_evaluations_total", RUNTIME + ', outcome="pass"')
DECISIONS = rate("agentgov_policy_decisions_total", 'namespace="agents"')
DENIED = rate("agentgov_policy_decisions_total", 'namespace="agents", decision="deny"')

FIGURES = {
    "agents": {
        "run_rate": (RUNS, Unit.PER_SECOND),
        "error_ratio": (f"({FAILED} or vector(0)) / {RUNS}", Unit.RATIO),
        "p50": (slowest(0.5, "gen_ai_invoke_agent_duration_seconds", RUN), Unit.SECONDS),
        "p95": (slowest(0.95, "gen_ai_invoke_agent_duration_seconds", RUN), Unit.SECONDS),
        "p99": (slowest(0.99, "gen_ai_invoke_agent_duration_seconds", RUN), Unit.SECONDS),
        "first_token": (slowest(0.95, "gen_ai_client_operation_time_to_first_chunk_seconds", RUNTIME), Unit.SECONDS),
        "tokens": (rate("gen_ai_client_token_usage_sum", RUNTIME), Unit.TOKENS),
        "cost_hour": (f"{COST} * 3600", Unit.USD),
        "cost_run": (f"{COST} / {RUNS}", Unit.USD),
        "tool_errors": (f"({TOOLS_FAILED} or vector(0)) / {TOOLS}", Unit.RATIO),
    },
    "contracts": {
        "compliance": (f"{KEPT} / {EVALUATIONS}", Unit.RATIO),
        "evaluations": (EVALUATIONS, Unit.PER_SECOND),
        "violations": (f"{rate('agentgov_contract_violations_total', RUNTIME)} or vector(0)", Unit.PER_SECOND),
        "denials": (f"({DENIED} or vector(0)) / {DECISIONS}", Unit.RATIO),
        "approvals": ('sum(agentgov_approvals_pending{namespace="agents"})', Unit.COUNT),
    },
    "resources": {
        "cpu": (f"sum(rate(container_cpu_usage_seconds_total{{{CONTAINER}}}[1m]))", Unit.CORES),
        "memory": (f"sum(container_memory_working_set_bytes{{{CONTAINER}}})", Unit.BYTES),
        "memory_limit": (
            'sum(kube_pod_container_resource_limits{namespace="agents", resource="memory"})',
            Unit.BYTES,
        ),
        "cpu_requested": (
            'sum(kube_pod_container_resource_requests{namespace="agents", resource="cpu"})',
            Unit.CORES,
        ),
        "nodes": ('sum(kube_node_status_condition{condition="Ready", status="true"})', Unit.COUNT),
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def prometheus(environment: Environment, query: str, at: datetime) -> float | None:
    """The one value of a query at an instant; None when there is none."""
    parameters = {"query": query, "time": str(at.timestamp())}
    answer = requests.get(f"{environment.endpoints['prometheus']}/api/v1/query", parameters, timeout=5)
    result = answer.json()["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def kubectl(environment: Environment, *arguments: str) -> Any:
    done = subprocess.run(
        ["kubectl", "--kubeconfig", environment.endpoints["kubeconfig"], *arguments, "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def period(environment: Environment) -> tuple[datetime, datetime]:
    """A minute that has traffic in the whole of it; figures cover the whole period."""
    a_minute = timedelta(minutes=1)
    eventually(lambda: prometheus(environment, RUNS, datetime.now(UTC) - a_minute), "a minute of traffic", 120)
    now = datetime.now(UTC).replace(microsecond=0)
    end = now - timedelta(seconds=now.second % 5)
    # Scrapes that are under way belong to the past when the page is drawn: both sides must see the same ones.
    eventually(lambda: datetime.now(UTC) > end + timedelta(seconds=10), "the scrapes are in", 15)
    return end - a_minute, end


def figure(page: Page, tile: str) -> str:
    """What the tile says, also in a part of the page that is folded."""
    return (page.locator(f".st-key-tile-{tile} [data-testid=stMetricValue]").text_content() or "").strip()


def opened(page: Page, environment: Environment, name: str, period: tuple[datetime, datetime]) -> None:
    start, end = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in period)
    page.goto(f"{environment.endpoints['dashboard']}/{name}?from={start}&to={end}")
    wait_until_drawn(page)


@pytest.mark.parametrize("name", FIGURES)
def test_tiles_say_what_prometheus_answers(
    environment: Environment, browser: Browser, period: tuple[datetime, datetime], name: str
) -> None:
    with tab(browser, "desk") as page:
        opened(page, environment, name, period)
        shown = {tile: figure(page, f"{name}-{tile}") for tile in FIGURES[name]}
    asked = {
        tile: number(prometheus(environment, query, period[1]), unit) for tile, (query, unit) in FIGURES[name].items()
    }
    assert shown == asked
    assert sum(len(figures) for figures in FIGURES.values()) >= 15


def test_resources_says_what_the_cluster_answers(environment: Environment, browser: Browser) -> None:
    deployments = kubectl(environment, "-n", "agents", "get", "deployments")["items"]
    with tab(browser, "desk") as page:
        page.goto(f"{environment.endpoints['dashboard']}/resources")
        wait_until_drawn(page)
        assert figure(page, "resources-ready") == str(sum(one["status"]["readyReplicas"] for one in deployments))
        assert figure(page, "resources-desired") == str(sum(one["spec"]["replicas"] for one in deployments))


def test_a_pods_log_can_be_read_on_the_page_by_its_link(environment: Environment, browser: Browser) -> None:
    pods = kubectl(environment, "-n", "agents", "get", "pods", "-l", "app.kubernetes.io/name=gateway")["items"]
    with tab(browser, "phone") as page:
        page.goto(f"{environment.endpoints['dashboard']}/resources?pod={pods[0]['metadata']['name']}")
        wait_until_drawn(page)
        expect(page.locator("[data-testid=stCode]").last).to_contain_text('"service.name":"gateway"', timeout=20_000)


def test_a_filter_is_in_the_link_and_changes_the_figures(environment: Environment, browser: Browser) -> None:
    with tab(browser, "desk") as page:
        page.goto(f"{environment.endpoints['dashboard']}/agents?agent=code-reviewer")
        wait_until_drawn(page)
        drawn = " ".join(page.locator(".td-table").all_text_contents())
        assert "contract" in page.locator("[data-testid=stMain]").inner_text().casefold()
        assert not [name for name in ("support-triage", "invoice-checker", "research-analyst") if name in drawn]


def test_a_page_without_traffic_in_its_period_says_so_and_shows_no_zero(
    environment: Environment, browser: Browser
) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    with tab(browser, "phone") as page:
        opened(page, environment, "agents", (long_ago, long_ago + timedelta(minutes=15)))
        assert figure(page, "agents-error_ratio") == "no data"


def test_a_link_in_a_table_or_card_opens_without_loading_the_deck_anew_and_back_works(
    environment: Environment, browser: Browser
) -> None:
    with tab(browser, "desk") as page:
        page.goto(f"{environment.endpoints['dashboard']}/release?range=1h")
        link = page.locator('.td-gate a[href^="agents?"]').first
        link.wait_for(state="attached", timeout=30_000)
        if not link.is_visible():  # what passes is folded
            page.locator('[data-testid="stExpander"]').filter(has=link).locator("summary").first.click()
        page.evaluate("window.isThisVisit = true")
        link.click()
        page.wait_for_url("**/agents?range=1h", timeout=20_000)
        expect(page.locator(".td-title")).to_contain_text("Agents", timeout=30_000)
        assert page.evaluate("window.isThisVisit")
        page.go_back()
        expect(page.locator(".td-title")).to_contain_text("Release", timeout=30_000)
        assert page.evaluate("window.isThisVisit")


def test_a_page_loads_plotly_only_when_a_person_explores_a_chart(environment: Environment, browser: Browser) -> None:
    with tab(browser, "phone") as page:
        loaded: list[str] = []
        page.on("requestfinished", lambda request: loaded.append(request.url.rsplit("/", 1)[-1]))
        page.goto(f"{environment.endpoints['dashboard']}/agents")
        wait_until_drawn(page)
        page.locator(".td-chart").first.wait_for(timeout=30_000)
        heavy = ("PlotlyChart", "DataFrame", "StreamlitSyntaxHighlighter")
        assert not [name for name in loaded if name.startswith(heavy)]
        page.locator(".td-plot").first.scroll_into_view_if_needed()
        box = page.locator(".td-plot").first.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_selector(".js-plotly-plot .main-svg", timeout=60_000)
        page.get_by_text("Values as a table").first.click()
        expect(page.locator(".td-data .td-table").first).to_be_visible()
