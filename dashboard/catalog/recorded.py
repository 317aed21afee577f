"""Questions over long ranges, to recorded 5-minute series: raw counters over days take seconds to read.

Shares and quantiles add up all samples of the window, since only proportions matter. Means and counts read it in equal
steps of 5 minutes, so that each hour has the same weight however often it was recorded. Pure text; `Expression` decides
when this form is used.
"""

from __future__ import annotations

_STEP_SECONDS = 300
_STEPS = f"[$window:{_STEP_SECONDS // 60}m]"


def summed(series: str, by: str = "") -> str:
    """A vector summed by these labels."""
    return f"sum by ({by}) ({series})" if by else f"sum ({series})"


def total(series: str, by: str = "") -> str:
    """The sum of the window's samples: for shares, where a series that does not exist yet means 0."""
    return summed(f"sum_over_time({series}[$window])", by)


def _in_steps(series: str, by: str) -> str:
    return f"sum_over_time(({summed(series, by)}){_STEPS})"


def mean(vector: str) -> str:
    """The mean over the steps of the window in which the vector exists."""
    return f"avg_over_time(({vector}){_STEPS})"


def mean_of_rare(series: str, by: str, known: str) -> str:
    """The mean of series that appear with their first event: 0 before it, over the steps in which `known` exists."""
    return f"{_in_steps(series, by)} / scalar(count_over_time((sum ({known})){_STEPS}))"


def amount(rate: str, by: str = "") -> str:
    """What a rate adds up to in the window."""
    return f"{_STEP_SECONDS} * {_in_steps(rate, by)}"


def count(rate: str, by: str = "") -> str:
    """The number of events in the window, from a rate."""
    return f"round({amount(rate, by)})"


def amount_of_whole_hour(rate: str) -> str:
    """What a rate adds up to in an hour, asked with that window; nothing where more than a step of it is missing."""
    known = f"(sum ({rate})){_STEPS}"
    return f"3600 * avg_over_time({known}) and count_over_time({known}) >= {3600 // _STEP_SECONDS - 1}"


def ratio(part: str, whole: str, by: str = "") -> str:
    """The share of `part` in `whole`; zero where there is no part, nothing where there is no whole."""
    return f"({total(part, by)} or 0 * {total(whole, by)}) / ({total(whole, by)} > 0)"


def quantile(share: float, buckets: str, by: str = "") -> str:
    """A quantile over recorded rates of buckets."""
    return f"histogram_quantile({share}, {total(buckets, f'{by}, le' if by else 'le')})"
