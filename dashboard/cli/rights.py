"""The rights that the deck's account needs in the cluster, as a kustomize patch: the Services that the settings name.

Prints a JSON patch of the Role `tealdeck` in deploy/production/base/accounts.yaml, which lists by name what the deck
may change: the governed Services with their preview Services (patch), and the Deployments behind them (scale). Without
--ask the names are derived from the settings: each Service with its preview name and the track's values. With --ask the
cluster is asked, so that Services governed by a label, preview Services by annotation and the Deployments are named as
they are. What Argo Rollouts moves is left out then: the deck never writes there.

With --network it prints NetworkPolicies instead: where the deck may connect to by the settings' sources, and with --ask
that Prometheus may scrape the pods of the governed Services.

Exit codes: 0 printed, 1 nothing is governed, 3 the cluster does not answer. 2 asked wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.errors import SourceError
from dashboard import connections
from dashboard.cli import environment
from dashboard.cli.network import policies
from dashboard.decide.blue_green import of_service, preview_service
from dashboard.decide.tracks import find_tracks
from dashboard.model.blue_green import BlueGreen, is_of_rollout

HELP = "the rights in the cluster that follow from the settings, as a kustomize patch"
UNKNOWN = 3
# Where the two lists of names stand among the rules of the Role; a test holds this against the manifest.
SERVICES_RULE, SCALE_RULE = 9, 10


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    environment.add(parser)
    environment.add_namespace(parser)
    parser.add_argument("--ask", action="store_true", help="ask the cluster for names instead of deriving them")
    parser.add_argument("--network", action="store_true", help="NetworkPolicies instead, for kubectl apply -f -")


def run(options: argparse.Namespace) -> int:
    """Print the patch, and answer with the exit code."""
    chosen = environment.chosen(options)
    namespace, known = environment.namespace(options, chosen), chosen.blue_green.known
    services, deployments = _by_settings(known)
    governed: list[Mapping[str, Any]] = []
    if options.ask:
        cluster = connections.kubernetes(chosen.kubernetes)
        try:
            found = [cluster.list(kind, namespace).items for kind in ("services", "deployments")]
        except SourceError as error:
            print(str(error), file=sys.stderr)
            return UNKNOWN
        services, deployments = _by_cluster(known, *found)
        governed = [one for one in found[0] if known.is_governed(one)]
    if options.network:
        print(json.dumps(policies(chosen, namespace, governed), indent=2))
        return 0
    if not services:
        print(f"no Service is governed: name one in environments.{chosen.name}.blue_green.services", file=sys.stderr)
        return 1
    print(json.dumps(patch(services, deployments), indent=2))
    return 0


def patch(services: Iterable[str], deployments: Iterable[str]) -> list[dict[str, Any]]:
    """The JSON patch of the Role. It tests what it replaces, so that it never widens another rule."""
    rules = ((SERVICES_RULE, "services", services), (SCALE_RULE, "deployments/scale", deployments))
    return [
        operation
        for rule, resource, names in rules
        for operation in (
            {"op": "test", "path": f"/rules/{rule}/resources/0", "value": resource},
            {"op": "replace", "path": f"/rules/{rule}/resourceNames", "value": sorted(set(names))},
        )
    ]


def _by_settings(known: BlueGreen) -> tuple[list[str], list[str]]:
    """Without the cluster Deployments are taken to be named after the Service and the track's value."""
    previews = [known.preview_name.replace("{}", name) for name in known.services if known.preview_name]
    values = [value for value in (known.blue, known.green) if value]
    return [*known.services, *previews], [f"{name}-{value}" for name in known.services for value in values]


def _by_cluster(
    known: BlueGreen, services: Sequence[Mapping[str, Any]], deployments: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    names: list[str] = []
    scaled: list[str] = []
    for service in services:
        if not known.is_governed(service) or is_of_rollout(service):
            continue
        values = of_service(known, service, services=services, deployments=deployments)
        preview = preview_service(service, services, values)
        names += [item["metadata"]["name"] for item in (service, preview) if item]
        scaled += [found.name for found in find_tracks(service, deployments, values).values()]
    return names, scaled
