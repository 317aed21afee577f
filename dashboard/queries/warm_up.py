"""How long a release warms up before it is counted: as long as its runs usually take.

Runs count when they end. Where runs take minutes, what has ended shortly after a release began is what was quick, and
failures are quick: a healthy release would look worse, and a slow one better, than it is. So counting begins when all
but one in a hundred of the runs that began with the release have ended, by what the baseline's runs took before.
"""

from __future__ import annotations

from dashboard.catalog import release as catalog
from dashboard.decide import latency
from dashboard.model.reading import Reading, Source, State, fresh, missing
from dashboard.queries.ask import Ask, Instant
from dashboard.queries.latency_bounds import runs_within
from dashboard.queries.trial_clock import LEAST_WARM_UP_SECONDS, Beginning

ENDED = 0.99
# Nobody waits for a release for longer.
MOST_WARM_UP_SECONDS = 3600


def warm_up(ask: Ask, beginning: Beginning) -> Reading[int]:
    """The warm-up of both tracks' new pods in seconds; without a histogram of the baseline's runs the least.

    It is asked at a moment that never changes, so that asking again gives the same beginning.
    """
    at = beginning.record_until or beginning.at
    values = {"namespace": beginning.namespace, "service": beginning.service}
    found = ask.gather({"buckets": Instant(catalog.BUCKETS, values, at)}).samples("buckets")
    if found.state in (State.MISSING, State.PARTIAL):
        return missing(found.reason, source=Source.PROMETHEUS, query=found.query)
    usual = latency.quantile(runs_within(found.value or ())[beginning.candidate.other], ENDED) or 0.0
    seconds = round(min(max(usual, LEAST_WARM_UP_SECONDS), MOST_WARM_UP_SECONDS))
    return fresh(seconds, source=Source.PROMETHEUS, as_of=at, query=found.query)
