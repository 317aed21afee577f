"""How far each store lies behind what happens: the age of the newest sample, log line and span of a namespace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from dashboard.catalog.service import SCRAPE_AGE
from dashboard.model.log import LogPage
from dashboard.model.reading import Reading
from dashboard.queries.ask import Ask, Instant, Logs, Request
from dashboard.queries.request import Stream

# Further back nobody asks whether a store lags: nothing is written to it.
REACH = timedelta(hours=24)
# A node whose clock is fast writes into the future.
AHEAD = timedelta(seconds=30)
SAMPLES, LINES, SPANS = "newest sample", "newest log line", "newest span"


def lags(ask: Ask, namespace: str, now: datetime) -> Mapping[str, Reading[float]]:
    """Seconds since the newest entry of each store. Asks Prometheus once and Elasticsearch twice."""
    asked: dict[str, Request] = {SAMPLES: Instant(SCRAPE_AGE, {"namespace": namespace})}
    asked |= {LINES: _newest("logs", namespace, now), SPANS: _newest("traces", namespace, now)}
    answers = ask.gather(asked)
    nothing = f"nothing in the last {REACH.total_seconds() / 3600:.0f} h"
    return {
        SAMPLES: answers.scalar(SAMPLES).map(lambda age: max(0.0, age)).said("no target is scraped in this namespace"),
        LINES: answers.logs(LINES).map(lambda page: _age(page, now), empty=nothing),
        SPANS: answers.logs(SPANS).map(lambda page: _age(page, now), empty=nothing),
    }


def _newest(stream: Stream, namespace: str, now: datetime) -> Logs:
    return Logs(
        stream=stream, namespace=namespace, start=now - REACH, end=now + AHEAD, size=1, widening=True, step_seconds=5
    )


def _age(page: LogPage, now: datetime) -> float | None:
    return max(0.0, (now - page.entries[0].at).total_seconds()) if page.entries else None
