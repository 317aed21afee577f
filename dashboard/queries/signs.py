"""Questions about symptoms that no error ratio shows, and their answers as incidents for Triage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from dashboard.catalog import release, resources
from dashboard.catalog import triage as own
from dashboard.decide import side_signs, signs
from dashboard.decide.policy import Limits
from dashboard.decide.side_signs import Lines
from dashboard.model.health import SourceHealth
from dashboard.model.incident import Incident, Symptoms
from dashboard.model.log import LogPage
from dashboard.model.reading import Reading, Source, State
from dashboard.model.release import Track
from dashboard.model.series import Sample
from dashboard.model.workload import Pod
from dashboard.queries.readings import Readings
from dashboard.queries.request import Instant, Logs, Request

_SHORT = {
    "sign.engaged": release.KILL_SWITCH,
    "sign.denied": own.DENIED,
    "sign.decided": own.DECIDED,
    "sign.decisions": own.DECISIONS,
    "sign.waiting": own.WAITING,
    "sign.oldest": own.OLDEST,
    "sign.lag": own.AUDIT_LAG,
    "sign.valid": own.AUDIT_VALID,
    "sign.certificates": own.CERTIFICATES,
    "sign.probes": own.PROBES,
    "sign.cpu": resources.CPU_BY_POD,
    "sign.requested": resources.CPU_REQUESTED_BY_POD,
}
# Rarer events and dearer ones are judged over a longer window.
_LONG = {
    "sign.broken": own.BROKEN_REQUESTS,
    "sign.answered": own.COMPONENT_REQUESTS,
    "sign.codes": own.BROKEN_CODES,
    "sign.written": own.AUDIT_WRITTEN,
    "sign.cost": own.COST_PER_RUN,
    "sign.before": own.COST_BEFORE,
}
# What Triage says that it looked at, with the questions that it needs for that.
LOOKED_AT = {
    "the kill switch": ("sign.engaged",),
    "policy decisions": ("sign.decided", "sign.denied", "sign.decisions"),
    "lengths of queues": ("sign.waiting",),
    "ages of queues": ("sign.oldest",),
    "requests between components": ("sign.broken", "sign.answered"),
    "the audit of the governed system": ("sign.lag",),
    "the chain of its audit": ("sign.valid",),
    "cost of a run": ("sign.cost", "sign.before"),
    "CPU": ("sign.cpu", "sign.requested"),
    "certificates": ("sign.certificates",),
    "answers of sources to the prober": ("sign.probes",),
}
# A gauge or a count that says no number (NaN) is neither quiet nor 0. A share without events has none, and may.
NUMBERS = frozenset(
    f"sign.{name}"
    for name in (
        *("engaged", "waiting", "oldest", "lag", "valid", "certificates", "probes", "cpu", "requested"),
        *("decided", "denied", "decisions", "answered"),
    )
)
# "No code" is an answer; an unknown code is not.
HELPING = {"requests between components": ("sign.codes",)}
_BUCKET_SECONDS, _BACK, _AHEAD = 15, timedelta(minutes=15), timedelta(minutes=10)
_NEWEST = timedelta(seconds=30)


def ask_signs(
    namespace: str, moments: Mapping[str, str], longer: Mapping[str, str], now: datetime
) -> dict[str, Request]:
    """What `found` reads."""
    end = now - timedelta(seconds=now.timestamp() % _BUCKET_SECONDS)
    requests: dict[str, Request] = {name: Instant(expression, moments) for name, expression in _SHORT.items()}
    requests |= {name: Instant(expression, longer) for name, expression in _LONG.items()}
    for track in Track:
        requests[f"lines.{track}"] = Logs(
            stream="logs",
            namespace=namespace,
            start=end - _BACK,
            end=end + _AHEAD,
            filters={"track": track.value},
            size=1,
            histogram_buckets=int((_BACK + _AHEAD).total_seconds()) // _BUCKET_SECONDS,
            step_seconds=5,
        )
    fine = now - timedelta(seconds=now.timestamp() % 5)
    requests["lines.pods"] = Logs(
        stream="logs", namespace=namespace, start=fine - _NEWEST, end=fine, size=0, terms=("pod",), step_seconds=5
    )
    return requests


def found(
    readings: Readings,
    *,
    symptoms: tuple[Symptoms, ...],
    longer: tuple[Symptoms, ...],
    pods: Iterable[Pod],
    health: Iterable[SourceHealth],
    awaited: Mapping[Source, Sequence[str]],
    limits: Limits,
    now: datetime,
) -> Iterator[Incident]:
    """The incidents that the answers show. A stale answer proves nothing about now and is left out."""
    pods = tuple(pods)
    short_seconds = symptoms[0].window_seconds if symptoms else 15.0
    long_seconds = longer[0].window_seconds if longer else 60.0

    def of(name: str) -> tuple[Sample, ...]:
        return known_now(readings.samples(f"sign.{name}"))

    denied = of("denied")
    asked = readings.samples("sign.denied")
    is_told = asked.state in (State.FRESH, State.EMPTY)
    stopped = tuple(signs.stopped(of("engaged"), denied, unknown="" if is_told else asked.reason))
    yield from stopped
    yield from signs.denying(denied, of("decided"), limits, short_seconds, is_stopped=bool(stopped))
    yield from signs.stuck(of("waiting"), of("oldest"), symptoms, short_seconds)
    yield from signs.losing(of("broken"), of("answered"), of("codes"), long_seconds)
    yield from signs.unaudited(of("lag"), of("written"), of("valid"))
    yield from side_signs.dearer(of("cost"), of("before"), longer, limits)
    yield from side_signs.burning(of("cpu"), of("requested"), pods, symptoms)
    lines = tuple(_lines(readings, now))
    yield from side_signs.flooding(lines, _by_pod(readings), pods)
    yield from side_signs.misdated(lines, symptoms, now)
    yield from side_signs.expiring(of("certificates"))
    yield from side_signs.ailing(health, of("probes"), awaited)


def known_now(reading: Reading[tuple[Sample, ...]]) -> tuple[Sample, ...]:
    """The samples of an answer that is about now."""
    return reading.value or () if reading.state is not State.STALE else ()


def _lines(readings: Readings, now: datetime) -> Iterator[Lines]:
    for track in Track:
        page = _page(readings.logs(f"lines.{track}"))
        if page is None or not page.entries:
            continue
        newest = page.entries[0]
        rates = [(at, count / _BUCKET_SECONDS) for at, count in page.histogram if _ends(at) <= now]
        past = [rate for at, rate in rates if _ends(at) <= now - 2 * _NEWEST]
        begun = next((i for i, rate in enumerate(past) if rate), len(past))
        recent = [rate for at, rate in rates if at >= now - _NEWEST - timedelta(seconds=_BUCKET_SECONDS)]
        yield Lines(
            service=newest.service,
            track=track.value,
            per_second=max(recent, default=0.0),
            before=tuple(past[begun:]),
            newest=newest.at,
        )


def _by_pod(readings: Readings) -> dict[str, float]:
    page = _page(readings.logs("lines.pods"))
    return {pod: count / _NEWEST.total_seconds() for pod, count in page.terms.get("pod", ())} if page else {}


def _page(reading: Reading[LogPage]) -> LogPage | None:
    """What was answered just now, where documents carry what was asked by."""
    page = reading.value if reading.state is not State.STALE else None
    return page if page is not None and not page.lacking else None


def _ends(bucket: datetime) -> datetime:
    return bucket + timedelta(seconds=_BUCKET_SECONDS)
