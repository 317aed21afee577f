"""Selectors of metrics, for questions about which metrics there are and not about what they count. Pure text."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.catalog.escaping import label_value
from dashboard.catalog.translation import LabelMatcher

# The metrics that the catalogue reads. Names with a colon are recorded by rules.
OURS = '{__name__=~"gen_ai_.+|agentgov_.+|kube_.+|container_.+|up|.+:.+"}'
_MOST_BEGINNINGS = 20


def of_metric(name: str) -> str:
    """All series of one metric."""
    return f'{{__name__="{label_value(name)}"}}'


def of_labels(matchers: Iterable[LabelMatcher]) -> str:
    """All series that match, of any metric; "" where nothing has to match."""
    found = ", ".join(map(str, dict.fromkeys(matchers)))
    return f"{{{found}}}" if found else ""


def falls(names: Iterable[str]) -> str:
    """How often a series of each metric fell within an hour as no counter does, by the label `metric`.

    A counter that begins anew falls to nearly nothing, and a process that crashes begins anew some 16 times an hour. So
    minutes count in which a series fell by less than half, or all falls where there are many more than that.
    """
    return " or ".join(
        _labelled(f"max({_slight_falls(of_metric(name))} or {_many_falls(of_metric(name))})", name)
        for name in dict.fromkeys(names)
    )


def _slight_falls(series: str) -> str:
    before = f"({series} offset 1m)"
    return f"count_over_time((({series} < {before}) > 0.5 * {before})[1h:1m])"


def _many_falls(series: str) -> str:
    return f"(resets({series}[1h]) > {_MOST_BEGINNINGS})"


def _labelled(vector: str, name: str) -> str:
    return f'label_replace({vector}, "metric", "{label_value(name)}", "", "")'


def latest(series: str) -> str:
    """The largest of the present values of a metric: of times of day the latest."""
    return f"max({series})"
