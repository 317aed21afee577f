"""Selectors of metrics, for questions about which metrics there are and not about what they count. Pure text."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.catalog.escaping import label_value
from dashboard.catalog.translation import LabelMatcher

# The metrics that the catalogue reads. Names with a colon are recorded by rules.
OURS = '{__name__=~"gen_ai_.+|agentgov_.+|kube_.+|container_.+|up|.+:.+"}'


def of_metric(name: str) -> str:
    """All series of one metric."""
    return f'{{__name__="{label_value(name)}"}}'


def of_labels(matchers: Iterable[LabelMatcher]) -> str:
    """All series that match, of any metric; "" where nothing has to match."""
    found = ", ".join(map(str, dict.fromkeys(matchers)))
    return f"{{{found}}}" if found else ""


def latest(series: str) -> str:
    """The largest of the present values of a metric: of times of day the latest."""
    return f"max({series})"
