"""What stops a governed system without any failed run: the kill switch, queues, lost requests, an audit that cannot be
written. Pure: samples in, incidents out. What is not measured is None or no sample, and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dashboard.decide.policy import Limits
from dashboard.decide.suspects import is_beyond, suspect, where
from dashboard.model.incident import CauseFamily, Incident, Symptoms
from dashboard.model.reading import Unit
from dashboard.model.series import Sample
from dashboard.model.words import PolicyDecision, Severity, Vocabulary
from dashboard.model.written import count, duration, number, rate

# Without runs that end, whatever has waited this long is stuck; with them, a queue may be that long on purpose.
STUCK_SECONDS, OLD_SECONDS = 10.0, 120.0
# What is lost between components is tried again, so few of it reaches users.
BROKEN_RATIO = 0.01
MOST_BROKEN_RATIO = 0.5
AUDIT_LAG_SECONDS = 5.0
_CODES = {
    "502": "a peer broke the connection",
    "503": "a peer refuses requests",
    "504": "a peer did not answer in time",
}

Samples = Iterable[Sample]
Place = tuple[str, str]


def stopped(engaged: Samples, denied: Samples, *, unknown: str = "") -> Iterator[Incident]:
    """The kill switch. Denied runs count as neither failed nor in breach, so no other figure shows it.

    Args:
        unknown: why it is not known what is denied; "" where that was answered.
    """
    scopes = sorted(sample.labels.get("scope", "") for sample in engaged if (sample.value or 0.0) > 0)
    if not scopes:
        return
    refused = [(sample, sample.value or 0.0) for sample in denied if (sample.value or 0.0) > 0]
    for_switch = [pair for pair in refused if _is_of_switch(pair[0])] or refused
    denials = sum(value for _, value in for_switch)
    said = ", ".join(filter(None, scopes))
    policies = ", ".join(sorted({sample.labels.get("policy", "") for sample, _ in for_switch} - {""}))
    reasons = (
        f"Policies deny {rate(denials, 'decisions')}" + (f": {policies}" if policies else "")
        if denials
        else f"How much is denied is not known: {unknown}"
        if unknown
        else "No denial was counted just now",
        "Denied runs count as neither failed nor in breach, so errors and contracts look well meanwhile",
    )
    headline = f"The kill switch is engaged ({said})" if said else "The kill switch is engaged"
    yield suspect(CauseFamily.STOPPED, f"{headline}: agents are stopped by policy", reasons=reasons)


def not_understood(decisions: Samples, words: Vocabulary[PolicyDecision]) -> tuple[str, ...]:
    """Words of decisions that no table knows and that are used now: nobody knows whether they are denials."""
    used = {sample.labels.get("decision", "") for sample in decisions if (sample.value or 0.0) > 0}
    return tuple(sorted(word for word in used if word and words.meaning(word) is None))


def denying(
    denied: Samples, decided: Samples, limits: Limits, window_seconds: float, *, is_stopped: bool
) -> Iterator[Incident]:
    """Tracks whose policies deny more than the limit. Denials by the kill switch have a card of their own."""
    denied = [sample for sample in denied if not (is_stopped and _is_of_switch(sample))]
    totals = {_place(sample): sample.value for sample in decided}
    by_place: dict[Place, dict[str, float]] = {}
    for sample in denied:
        if sample.value is not None:
            by_place.setdefault(_place(sample), {})[sample.labels.get("policy", "")] = sample.value
    for (service, track), policies in sorted(by_place.items()):
        total = totals.get((service, track))
        ratio = sum(policies.values()) / total if total else None
        if ratio is not None and is_beyond(ratio, limits.denial_ratio, total, window_seconds):
            most = max(policies, key=lambda name: policies[name])
            yield suspect(
                CauseFamily.STOPPED,
                f"Policies deny {number(ratio, Unit.RATIO)} of what {where(service, track)} asks for",
                service=service,
                track=track,
                severity=Severity.WARNING,
                reasons=(f"most by {most}" if most else "",),
            )


def stuck(waiting: Samples, oldest: Samples, symptoms: Iterable[Symptoms], window_seconds: float) -> Iterator[Incident]:
    """Queues that nobody processes, each track by itself.

    Args:
        waiting: the least number that waited at any time of the window.
        symptoms: over the same window: whether runs end there.
    """
    runs = {(s.service, s.track): s.runs_per_second for s in symptoms}
    ages = {_queue(sample): sample.value for sample in oldest}
    depths = {_queue(sample): sample.value for sample in waiting}
    for key in sorted({*ages, *depths}):
        service, track, queue = key
        depth, age = depths.get(key), ages.get(key)
        ended = runs.get((service, track))
        nothing_ends = ended is not None and ended <= 0.0
        waits = (depth or 0.0) >= 1.0 if depth is not None else (age or 0.0) > 0.0
        if nothing_ends and waits and (age is None or age >= STUCK_SECONDS):
            headline = f"No run of {where(service, track)} completes: {_wait(depth, age)}"
            severity = Severity.CRITICAL
        elif waits and age is not None and age >= OLD_SECONDS:
            headline = f"The queue of {where(service, track)} is stuck: {_wait(depth, age)}"
            severity = Severity.WARNING
        else:
            continue
        ends = f"no run completed within {duration(window_seconds)}" if nothing_ends else ""
        reasons = (f"queue {queue}" if queue else "", ends)
        yield suspect(CauseFamily.QUEUE, headline, service=service, track=track, severity=severity, reasons=reasons)


def losing(ratios: Samples, rates: Samples, codes: Samples, window_seconds: float) -> Iterator[Incident]:
    """Components that answer with 5xx: requests that are reset, refused or not answered behind them."""
    answered = {_component(sample): sample.value for sample in rates}
    by_code: dict[tuple[str, str, str], list[str]] = {}
    for sample in codes:
        if (sample.value or 0.0) > 0:
            code = sample.labels.get("code", "5xx")
            said = ": ".join(filter(None, (f"{code} ({number(sample.value, Unit.PER_SECOND)})", _CODES.get(code, ""))))
            by_code.setdefault(_component(sample), []).append(said)
    for sample in sorted(ratios, key=_component):
        key, ratio = _component(sample), sample.value
        if ratio is None or not is_beyond(ratio, BROKEN_RATIO, answered.get(key), window_seconds):
            continue
        service, track, component = key
        share = number(ratio, Unit.RATIO)
        yield suspect(
            CauseFamily.REQUESTS,
            f"{where(service or component, track)} answers {share} of its requests with a server error",
            service=service or component,
            track=track,
            severity=Severity.CRITICAL if ratio >= MOST_BROKEN_RATIO else Severity.WARNING,
            reasons=("; ".join(sorted(by_code.get(key, []))),),
        )


def unaudited(lag: Samples, written: Samples, valid: Samples) -> Iterator[Incident]:
    """An audit of the governed system that cannot be written, or whose chain is broken."""
    rates = {sample.labels.get("service_name", ""): sample.value for sample in written}
    for sample in lag:
        if (sample.value or 0.0) < AUDIT_LAG_SECONDS:
            continue
        service = sample.labels.get("service_name", "")
        stands = rates.get(service) == 0.0
        yield suspect(
            CauseFamily.AUDIT,
            f"The audit of {service or 'the governed system'} cannot be written: its oldest record has waited for"
            f" {number(sample.value, Unit.SECONDS)}",
            service=service,
            reasons=(_stream(sample.labels), "no record was written meanwhile" if stands else ""),
        )
    for sample in valid:
        if sample.value == 0.0:
            service = sample.labels.get("service_name", "")
            yield suspect(
                CauseFamily.AUDIT,
                f"The audit of {service or 'the governed system'} was changed afterwards: its chain is broken",
                service=service,
                reasons=(_stream(sample.labels),),
            )


def _is_of_switch(denied: Sample) -> bool:
    return "kill" in denied.labels.get("policy", "").lower()


def _stream(labels: Mapping[str, str]) -> str:
    return f"stream {labels['stream']}" if labels.get("stream") else ""


def _wait(depth: float | None, age: float | None) -> str:
    if depth is None:
        return f"the oldest task waits for {number(age, Unit.SECONDS)}"
    oldest = "" if age is None else f", the oldest for {number(age, Unit.SECONDS)}"
    return f"{count(depth, 'task waits', 'tasks wait')}{oldest}"


def _place(sample: Sample) -> Place:
    return sample.labels.get("service_name", ""), sample.labels.get("track", "")


def _queue(sample: Sample) -> tuple[str, str, str]:
    return *_place(sample), sample.labels.get("queue", "")


def _component(sample: Sample) -> tuple[str, str, str]:
    return *_place(sample), sample.labels.get("component", "")
