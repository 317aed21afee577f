"""Which series are of the namespaces that the settings name: another team's series are no telemetry of ours. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from dashboard.model.telemetry import Telemetry


def within(telemetry: Telemetry, namespaces: Collection[str]) -> Telemetry:
    """The telemetry without series that name other namespaces alone.

    A metric of which no series is left is neither recent nor past: it is `elsewhere`. A series that names no namespace
    stays. Any label that is called after namespaces counts, whichever of them the settings read: a scrape by an
    exporter moves ours to `exported_namespace`.
    """
    kept = {
        name: tuple(one for one in sets if not (told := namespaces_of(one)) or told & set(namespaces))
        for name, sets in telemetry.labels.items()
    }
    elsewhere = {
        name: frozenset(space for one in sets for space in namespaces_of(one))
        for name, sets in telemetry.labels.items()
        if sets and not kept[name]
    }
    return replace(
        telemetry,
        recent=telemetry.recent - elsewhere.keys(),
        ever=telemetry.ever - elsewhere.keys(),
        labels={name: sets for name, sets in kept.items() if name not in elsewhere},
        elsewhere=elsewhere,
        namespaces=tuple(namespaces),
    )


def namespaces_of(labels: Mapping[str, str]) -> frozenset[str]:
    """The namespaces that a series names, in whichever label: `namespace`, `exported_namespace`, `k8s_namespace_name`.

    `service_namespace` is a group of services in OpenTelemetry, and no namespace of Kubernetes.
    """
    return frozenset(
        value
        for name, value in labels.items()
        if value and "namespace" in name.casefold() and not name.casefold().startswith("service")
    )
