"""What lies between a page and its sources costs next to nothing: three figures against their limits.

Requests a second with one viewer and with 50 of the same view; all questions of a view beside its slowest one; a query
through the connector beside the same request made bare. The view is the Agents page's, asked as the page asks it; the
source is `bench/backend.py`, whose time is known.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime

import requests

from bench.backend import Backend, backend
from bench.limits import Figure, report
from connectors.prometheus import Prometheus
from dashboard.model.reading import State
from dashboard.model.view import View
from dashboard.queries.agents import agents
from dashboard.queries.ask import Ask, build_ask
from dashboard.settings import Settings

VIEWERS = 50
REFRESH_SECONDS = 3
# A view as a source answers it: nearly all within a moment, one question about percentiles takes long. Six are asked at
# a time, so where all take long no view can be as quick as its slowest question.
USUAL_SECONDS, SLOW_SECONDS, SLOW_PART = 0.01, 0.5, "histogram_quantile(0.95, sum by (track, le)"
POINTS = 3600
VIEW = View(env="bench", ns="agents")


def main(arguments: Sequence[str]) -> int:
    """Measures, prints each figure beside its limit, and ends with 1 where one is not held."""
    parser = argparse.ArgumentParser(prog="python -m bench asking", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the viewers look")
    parser.add_argument("--rounds", type=int, default=100, help="how often single queries are asked")
    options = parser.parse_args(arguments)
    with backend() as source:
        return report(
            [
                viewers(source, options.seconds),
                parallel(source, max(5, options.rounds // 10)),
                connector(source, options.rounds),
            ]
        )


def viewers(source: Backend, seconds: float) -> Figure:
    """How much more often the source is asked when 50 look than when one does."""
    rates = {}
    for count in (1, VIEWERS):
        with closing(_ask(source)) as ask:
            source.begin(usual_seconds=USUAL_SECONDS)
            _look(ask, count, seconds)
        rates[count] = source.rate()
        print(f"  {count:>2} viewers: {rates[count]:.2f} requests a second", flush=True)
    more = 100 * abs(rates[VIEWERS] - rates[1]) / rates[1]
    return Figure(name=f"requests of {VIEWERS} viewers beside those of one, difference", value=more, limit=10, unit="%")


def parallel(source: Backend, rounds: int) -> Figure:
    """How long a view takes beside its slowest question."""
    source.begin(usual_seconds=USUAL_SECONDS, slow_seconds=SLOW_SECONDS, slow_part=SLOW_PART)
    slowest, whole = [], []
    for _ in range(rounds):
        prometheus = Prometheus(source.url)
        slowest.append(_seconds(lambda prometheus=prometheus: prometheus.instant(f"{SLOW_PART}, x)")))
        with closing(_ask(source)) as ask:
            ask.metric_names()  # asked once in minutes, before all others
            whole.append(_seconds(lambda ask=ask: _asked(ask)))
    print(f"  slowest {statistics.median(slowest):.3f} s, all {statistics.median(whole):.3f} s", flush=True)
    ratio = statistics.median(whole) / statistics.median(slowest)
    return Figure(name="a view's questions at once beside its slowest one", value=ratio, limit=1.3, unit="times")


def connector(source: Backend, rounds: int) -> Figure:
    """What the connector adds to a range of an hour at a step of 1 s, decoding included on both sides."""
    source.begin()
    start = int(time.time()) - POINTS
    form = {"query": "up", "start": str(start), "end": str(start + POINTS), "step": "1"}
    prometheus, session = Prometheus(source.url), requests.Session()
    session.trust_env = False
    bare, through = [], []
    for _ in range(rounds):
        bare.append(_seconds(lambda: session.post(f"{source.url}/api/v1/query_range", data=form, timeout=10).json()))
        through.append(
            _seconds(
                lambda: prometheus.range("up", start=start, end=start + POINTS, step_seconds=1, timeout_seconds=10)
            )
        )
    print(f"  bare {1000 * statistics.median(bare):.1f} ms, connector {1000 * statistics.median(through):.1f} ms")
    added = 1000 * (statistics.median(through) - statistics.median(bare))
    return Figure(name=f"what the connector adds to {POINTS} points of 1 s", value=added, limit=5, unit="ms")


def _ask(source: Backend) -> Ask:
    """An Ask with nothing in its cache and Prometheus alone to ask."""
    local = {"prometheus": {"url": source.url}, "kubernetes": {"kubeconfig": "/nonexistent"}}
    environment = {**local, "refresh_seconds": REFRESH_SECONDS}
    settings = Settings.model_validate({"environments": {"bench": environment}})
    return build_ask(settings.environments["bench"])


def _asked(ask: Ask) -> None:
    answer = agents(ask, VIEW, datetime.now(UTC))
    assert all(line.state is State.FRESH for line in answer.lines.values())


def _look(ask: Ask, count: int, seconds: float) -> None:
    """So many viewers for so long, each at its own moment of the refresh."""
    over = threading.Event()

    def view(number: int) -> None:
        due = time.monotonic() + REFRESH_SECONDS * number / count
        while not over.wait(max(0.0, due - time.monotonic())):
            _asked(ask)
            due += REFRESH_SECONDS

    lookers = [threading.Thread(target=view, args=(number,)) for number in range(count)]
    for looker in lookers:
        looker.start()
    time.sleep(seconds)
    over.set()
    for looker in lookers:
        looker.join()


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
