"""How long ranges are asked: of recorded 5-minute series, since raw counters of days cost seconds.

Shares and quantiles add up the samples of the window: there only proportions matter. Means and counts look at it in
equal steps of 5 minutes, so that each hour weighs the same however often it was recorded. Pure text; `Expression`
decides when it is asked instead of the raw question.
"""

from __future__ import annotations

_STEP_SECONDS = 300
_STEPS = f"[$window:{_STEP_SECONDS // 60}m]"


def summed(series: str, by: str = "") -> str:
    """A vector summed by these labels."""
    return f"sum by ({by}) ({series})" if by else f"sum ({series})"


def total(series: str, by: str = "") -> str:
    """What the samples of the window add up to: for shares, where a series that is not there yet means none."""
    return summed(f"sum_over_time({series}[$window])", by)


def _in_steps(series: str, by: str) -> str:
    return f"sum_over_time(({summed(series, by)}){_STEPS})"


def mean(vector: str) -> str:
    """The mean over those steps of the window in which the vector was there."""
    return f"avg_over_time(({vector}){_STEPS})"


def mean_of_rare(series: str, by: str, known: str) -> str:
    """The mean of series that appear with their first event: none before, in every step in which `known` was there."""
    return f"{_in_steps(series, by)} / scalar(count_over_time((sum ({known})){_STEPS}))"


def count(rate: str, by: str = "") -> str:
    """How many events a rate stands for over the window."""
    return f"round({_STEP_SECONDS} * {_in_steps(rate, by)})"


def ratio(part: str, whole: str, by: str = "") -> str:
    """The share of `part` in `whole`; zero where there is no part, nothing where there is no whole."""
    return f"({total(part, by)} or 0 * {total(whole, by)}) / ({total(whole, by)} > 0)"


def quantile(share: float, buckets: str, by: str = "") -> str:
    """A quantile over recorded rates of buckets."""
    return f"histogram_quantile({share}, {total(buckets, f'{by}, le' if by else 'le')})"
