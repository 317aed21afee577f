"""By which bucket bounds latency is counted: chosen once, at a moment that never changes afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dashboard.catalog import release as catalog
from dashboard.decide import latency, ordinary
from dashboard.model.series import Sample
from dashboard.model.trial import SlowBound
from dashboard.queries.ask import Ask, Instant
from dashboard.queries.latency_bounds import bounds_of
from dashboard.queries.trial_clock import Beginning, Clock, moment

# When bounds may be frozen, after counting began: the first of these moments at which both tracks have counted enough.
# Looks may come at any time, so only fixed moments give every look the same bounds.
_AFTER_SECONDS = (0, 60, 180, 420, 900, 1800, 3600, 7200, 14_400, 28_800, 57_600)
# Hardly ever is a later moment needed, so those are asked one after the other.
_AT_ONCE = 3

Frozen = tuple[tuple[SlowBound, ...], float | None, tuple[str, ...], str]


def frozen(
    ask: Ask, beginning: Beginning, clock: Clock, now: datetime, spans: tuple[tuple[float, float], ...]
) -> Frozen:
    """The bounds to count latency by, the one for the limit, how they are spelled, and why there are none.

    Of each moment at which bounds may be frozen only the last stretch of ordinary time before it is used.
    """
    found: Frozen = ((), None, (), "")
    for moments in _rounds(beginning, clock, now):
        found = _frozen_at(ask, beginning, moments, spans)
        if found[0]:
            break
    return found


def _rounds(beginning: Beginning, clock: Clock, now: datetime) -> Iterator[list[float]]:
    """The moments at which bounds may be frozen, in the order in which they are asked about."""
    if beginning.record_until is not None:
        yield [float(clock.history_until)]
        return
    passed = [at for after in _AFTER_SECONDS if (at := float(clock.begin + after)) <= now.timestamp()]
    yield passed[:_AT_ONCE]
    yield from ([at] for at in passed[_AT_ONCE:])


def _frozen_at(ask: Ask, beginning: Beginning, moments: list[float], spans: tuple[tuple[float, float], ...]) -> Frozen:
    values = {"namespace": beginning.namespace, "service": beginning.service}
    stretches = [ordinary.last_ordinary(at, spans) for at in moments]
    edges = sorted({edge for stretch in stretches for edge in stretch if edge is not None})
    answers = ask.gather({f"{edge:.0f}": Instant(catalog.BUCKETS, values, moment(edge)) for edge in edges})
    samples: dict[float, tuple[Sample, ...]] = {edge: answers.samples(f"{edge:.0f}").value or () for edge in edges}
    buckets = [(samples[until], samples[since] if since is not None else ()) for since, until in stretches]
    bounds, over, problem = bounds_of(buckets, beginning.candidate, ask.environment.release.p95_seconds)
    wanted = {bound.seconds for bound in bounds} | ({over} if over is not None else set())
    told = (sample.labels.get("le", "") for some in samples.values() for sample in some)
    if problem and any(since is not None for since, _ in stretches):
        problem += ", not counting time without ordinary traffic"
    return bounds, over, latency.spellings(sorted(wanted), told), problem
