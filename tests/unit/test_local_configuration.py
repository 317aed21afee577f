"""What the environment's Prometheus, Alertmanager and deck are told is what production's are told, elsewhere."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import configuration, ports, programs
from deploy.local.errors import CommandError
from deploy.local.layout import Layout

LISTEN = {
    name: f"127.9.0.1:{9000 + index}"
    for index, name in enumerate(
        [
            "alertmanager",
            "apiserver",
            "collector",
            "controllers",
            "dashboard",
            "logstore",
            "node",
            "probes",
            "prometheus",
        ]
    )
}
PRODUCTION = configuration.MONITORING / "prometheus" / "prometheus.yaml"


def production() -> dict[str, Any]:
    return yaml.safe_load(PRODUCTION.read_text())


def local(**left_out: bool) -> dict[str, Any]:
    listen = {name: address for name, address in LISTEN.items() if name not in left_out}
    return configuration.prometheus(production(), listen, PRODUCTION.parent)


def test_every_job_of_production_is_scraped_at_an_address_of_this_environment() -> None:
    jobs = {job["job_name"]: job for job in local()["scrape_configs"]}
    assert jobs.keys() == {job["job_name"] for job in production()["scrape_configs"]}
    addresses = set(LISTEN.values())
    for job in jobs.values():
        targets = [target for static in job.get("static_configs", []) for target in static["targets"]]
        assert set(targets) <= addresses
        assert targets or job["http_sd_configs"][0]["url"].startswith(f"http://{LISTEN['controllers']}/")


def test_a_program_that_is_not_started_is_no_target_that_is_down() -> None:
    assert "tealdeck" not in {job["job_name"] for job in local(dashboard=False)["scrape_configs"]}


def test_the_metrics_say_which_environment_they_are_from() -> None:
    rules = [rule for job in local()["scrape_configs"] for rule in job.get("relabel_configs", [])]
    assert [r["replacement"] for r in rules if r.get("target_label") == "deployment_environment_name"] == ["local"]


def test_a_job_without_a_local_counterpart_is_refused_by_name() -> None:
    added = {**production(), "scrape_configs": [{"job_name": "billing", "static_configs": []}]}
    with pytest.raises(CommandError, match="billing"):
        configuration.prometheus(added, LISTEN, PRODUCTION.parent)


def test_alerts_take_productions_routes_and_reach_nobody() -> None:
    routes = yaml.safe_load((configuration.MONITORING / "alertmanager" / "alertmanager.yaml").read_text())
    here = configuration.alertmanager(routes)
    assert (here["route"], here["inhibit_rules"]) == (routes["route"], routes["inhibit_rules"])
    assert all(receiver.keys() == {"name"} for receiver in here["receivers"])


def test_the_real_programs_accept_what_is_written(tmp_path: Path) -> None:
    layout = Layout(tmp_path / 'a "quoted" state')
    layout.prepare()
    addresses = ports.take(layout, None)
    try:
        configuration.write_all(layout, addresses, dashboard=True)
    finally:
        addresses.lock.close()
    found = programs.find()
    for check in (
        [found.promtool, "check", "config", layout.root / "prometheus" / "prometheus.yaml"],
        [found.amtool, "check-config", layout.root / "alertmanager" / "alertmanager.yaml"],
    ):
        done = subprocess.run(check, capture_output=True, text=True, check=False, cwd=found.amtool.parent)
        assert done.returncode == 0, done.stdout + done.stderr
    settings = tomllib.loads(layout.settings.read_text())["environments"]["local"]
    assert settings["kubernetes"]["kubeconfig"] == str(layout.kubeconfig)
    assert settings["prometheus"]["url"] == addresses.url("prometheus")
