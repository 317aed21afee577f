"""Whether a question can be answered here at all: which of its metrics this environment has ever had.

A metric that was never there is *not measured*: no answer of Prometheus about it means zero. One that was there and is
gone is asked as usual, and found to be empty. Looked up for each namespace and service, minutes apart. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from dashboard.catalog.selectors import of_labels
from dashboard.catalog.translation import series_of
from dashboard.model.bad_events import BadEvents
from dashboard.model.concepts import CONCEPTS
from dashboard.model.mapping import Mapping as NameMapping

# How far back a metric counts as one that is measured here.
EVER = timedelta(days=14)
# What only completes the answer of another metric: scrapes of the pods themselves, init containers that restart (few
# clusters have any), and phases, by which pods that are over are left out.
_BESIDE = ("up", "process_start_time_seconds", "kube_pod_init_container_status_restarts_total", "kube_pod_status_phase")


def scopes(promql: str, mapping: NameMapping) -> tuple[tuple[str, str], ...]:
    """Each metric that a finished question reads, with the selector of the namespace and service it reads it of."""
    placing = {mapping.label(logical).name for logical in ("namespace", "service")}
    placing |= {
        label.name for metric in mapping.metrics.values() for key, label in metric.labels.items() if key == "service"
    }
    found: dict[tuple[str, str], None] = {}
    for name, matchers in series_of(promql):
        kept = [m for m in matchers if m.label in placing and m.operator in ("=", "=~") and m.value != ".*"]
        found[name, of_labels(kept)] = None
    others = [pair for pair in found if pair[0] not in _BESIDE]
    return tuple(others or [pair for pair in found if pair[0] != "process_start_time_seconds"])


def lacking(asked: tuple[tuple[str, str], ...], present: Mapping[str, frozenset[str] | None]) -> str:
    """Why nothing here can answer a question; "" when all of its metrics have been there, as far as is known.

    Args:
        asked: from `scopes`.
        present: the metrics of each selector; None where that is not known.
    """
    for name, scope in asked:
        known = present.get(scope)
        if known is not None and name not in known:
            where = f" with {scope[1:-1]}" if scope else ""
            return f"no metric {name}{where} in the last {EVER.days} days{_mended(name)}"
    return ""


def services_of(told: BadEvents, values: Iterable[str]) -> frozenset[str]:
    """The services, as the catalogue names them, from the values of the label that tells them."""
    if not told.service_label:
        return frozenset(("",)) if tuple(values) else frozenset()
    before, _, after = told.service_pattern.partition("{}")
    pattern = re.compile(f"{before}(.+?){after}")
    return frozenset(found[1] for value in values if (found := pattern.fullmatch(value)))


def _mended(name: str) -> str:
    key = next((c.key for c in CONCEPTS if name.startswith(c.series)), "")
    return f"; if another one carries it, the settings can say so (metrics.{key})" if key else ""


def declared(types: Mapping[str, str]) -> frozenset[str]:
    """The series that targets have declared, by their types: an instrument that has counted nothing yet is there."""
    found: set[str] = set()
    for name, kind in types.items():
        found.add(name)
        if kind == "counter":
            found.add(name if name.endswith("_total") else f"{name}_total")
        if kind in ("histogram", "summary"):
            found |= {f"{name}_count", f"{name}_sum"} | ({f"{name}_bucket"} if kind == "histogram" else set())
    return frozenset(found)
