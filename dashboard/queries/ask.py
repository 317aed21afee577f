"""The one way from a page's questions to the sources: what is asked here is answered as readings, never as exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.model.health import SourceHealth
from dashboard.queries.answers import Answers
from dashboard.queries.request import Alerts, Cluster, Instant, Logs, PodLog, Range, Request
from dashboard.settings import EnvironmentSettings

__all__ = ["Alerts", "Answers", "Ask", "Cluster", "Instant", "Logs", "PodLog", "Range", "Request", "build_ask"]


@dataclass(frozen=True)
class Ask:
    """Answers questions about one environment."""

    environment: EnvironmentSettings

    def gather(self, requests: Mapping[str, Request]) -> Answers:
        """All in parallel, through the shared cache; never raises for a backend's fault."""
        raise NotImplementedError

    def health(self) -> tuple[SourceHealth, ...]:
        """One per source, from what was last asked."""
        raise NotImplementedError


def build_ask(environment: EnvironmentSettings) -> Ask:
    """The sources of `environment`, wired; one per environment and process."""
    return Ask(environment)
