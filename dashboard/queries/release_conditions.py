"""What a release depends on besides its comparison: budgets, kill switch, costs, error lines and declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dashboard.catalog import release as catalog
from dashboard.decide.error_lines import error_lines as as_patterns
from dashboard.decide.error_lines import said
from dashboard.model import service_annotations
from dashboard.model.conditions import Declared, ErrorLines
from dashboard.model.log import LogPage, LogPlace
from dashboard.model.reading import Reading, Source, State, missing, unmeasured
from dashboard.model.release import GovernedService, Track
from dashboard.model.series import Sample
from dashboard.model.words import LogLevel
from dashboard.model.written import span
from dashboard.queries.ask import Instant, Logs, Readings, Request

# By the seconds of their windows.
_BAD_SHARES = {
    "300": catalog.BAD_SHARE_5M,
    "1800": catalog.BAD_SHARE_30M,
    "3600": catalog.BAD_SHARE_1H,
    "21600": catalog.BAD_SHARE_6H,
}
# An error that the other track has not logged for this long counts as new.
LOOKED_BACK = timedelta(hours=6)
MOST_LINES = 500
# Hours of lines have little new in less.
_STEP_SECONDS = 15


def requests(namespace: str, service: str, now: datetime, places: tuple[LogPlace, ...] = ()) -> dict[str, Request]:
    """What the readings below are made of. `places` tells the track of lines that carry only the name of a pod."""
    values = {"namespace": namespace, "service": service}
    asked: dict[str, Request] = {f"burn.{name}": Instant(entry, values) for name, entry in _BAD_SHARES.items()}
    asked |= {
        "kill_switch": Instant(catalog.KILL_SWITCH, {"namespace": namespace}),
        "cost": Instant(catalog.COST, {**values, "window": "300s"}),
    }
    for track in Track:
        lines = Logs(
            stream="logs",
            namespace=namespace,
            start=now - LOOKED_BACK,
            end=now,
            filters={"service": service, "track": track},
            size=1,
            places=places,
            step_seconds=_STEP_SECONDS,
        )
        errors = replace(lines, filters={**lines.filters, "level": LogLevel.ERROR}, size=MOST_LINES)
        asked |= {f"newest.{track}": lines, f"errors.{track}": errors}
    return asked


def burn(answers: Readings, candidate: Track) -> Reading[Mapping[str, Mapping[str, float]]]:
    """The candidate's share of bad events by objective and window; without an answer for one none is known."""
    readings = {name: answers.samples(f"burn.{name}") for name in _BAD_SHARES}
    doubtful = next((each for each in readings.values() if each.state not in (State.FRESH, State.EMPTY)), None)
    if doubtful is not None:
        how = unmeasured if doubtful.state is State.UNMEASURED else missing
        return how(doubtful.reason, source=Source.PROMETHEUS, query=doubtful.query)

    def found(_: object) -> Mapping[str, Mapping[str, float]] | None:
        shares: dict[str, dict[str, float]] = {}
        for window, reading in readings.items():
            for sample in _of_track(reading.value or (), candidate):
                if sample.value is not None:
                    shares.setdefault(sample.labels.get("slo", ""), {})[window] = sample.value
        # An objective that only the other track has is one that the candidate does not show to keep.
        theirs = {sample.labels.get("slo", "") for sample in _of_track(readings["300"].value or (), candidate.other)}
        return {**{name: {} for name in sorted(theirs)}, **shares} if shares else None

    nothing = f"no budget of {candidate} is recorded: no traffic, or no rules that do so"
    return readings["300"].map(found, empty=nothing).said(nothing)


def kill_switch(answers: Readings) -> Reading[tuple[str, ...]]:
    """The scopes for which the agents are stopped. A switch that says no number (NaN) may be engaged."""

    def engaged(samples: tuple[Sample, ...]) -> tuple[str, ...] | None:
        found = tuple(sorted(sample.labels.get("scope", "") or "all" for sample in samples if sample.value))
        return found if found or all(sample.value is not None for sample in samples) else None

    return (
        answers.samples("kill_switch")
        .map(engaged, empty="it says no number")
        .said("nothing says whether the kill switch is engaged")
    )


def cost_usd(answers: Readings, track: Track) -> Reading[float]:
    """What a track cost in the long window."""

    def of_track(samples: tuple[Sample, ...]) -> float | None:
        return next((sample.value for sample in _of_track(samples, track)), None)

    nothing = f"{track} reports no cost"
    return answers.samples("cost").map(of_track, empty=nothing).said(nothing)


def error_lines(answers: Readings, candidate: Track, since: datetime | None) -> Reading[ErrorLines]:
    """What both tracks log at error level: the candidate since its release began, the other one for hours.

    No error line of a track that logs nothing at all proves nothing: its lines may not arrive.
    """
    ours, theirs = answers.logs(f"errors.{candidate}"), answers.logs(f"errors.{candidate.other}")
    if ours.value is None or theirs.value is None:
        doubtful = ours if ours.value is None else theirs
        return missing(doubtful.reason, source=Source.ELASTICSEARCH, query=doubtful.query)
    others = theirs.value
    silent = _silent(answers, candidate, since) or (ours.value.total and _silent(answers, candidate.other, None))
    if silent:
        # What an answer leaves out may be the very line.
        asked = (ours, theirs, *(answers.logs(f"newest.{track}") for track in (candidate, candidate.other)))
        doubts = dict.fromkeys(one.reason for one in asked if one.state is State.PARTIAL)
        return missing("; ".join((*doubts, silent)), source=Source.ELASTICSEARCH, query=ours.query)

    def built(page: LogPage) -> ErrorLines:
        return as_patterns(
            (said(entry) for entry in page.entries if since is None or entry.at >= since),
            (said(entry) for entry in others.entries),
            is_whole=_is_whole(others) and theirs.state is State.FRESH,
            is_candidate_whole=_is_whole(page) or (since is not None and _reaches(page, since)),
        )

    return ours.map(built)


def _silent(answers: Readings, track: Track, since: datetime | None) -> str:
    """Why no error line of a track means nothing: it has logged none of any level; "" where it has."""
    errors = answers.logs(f"errors.{track}").value
    if errors is not None and errors.lacking:
        return f"no document here carries {', '.join(errors.lacking)}"
    if errors is not None and any(since is None or entry.at >= since for entry in errors.entries):
        return ""
    newest = answers.logs(f"newest.{track}")
    if newest.value is None:
        return newest.reason
    if any(since is None or entry.at >= since for entry in newest.value.entries):
        return ""
    when = f"within {span(LOOKED_BACK)}" if since is None else "since its release began"
    return f"{track} has logged no line of any level {when}: whether it logs errors is not known"


def _is_whole(page: LogPage) -> bool:
    return len(page.entries) >= page.total and not page.total_is_lower_bound


def _reaches(page: LogPage, since: datetime) -> bool:
    """Whether lines from before `since` are on the page: then all that came after it are there too."""
    return any(entry.at < since for entry in page.entries)


def declared(
    service: Reading[GovernedService], raw: Mapping[str, Any], deployments: Iterable[Mapping[str, Any]]
) -> Reading[Declared]:
    """What is written on the Service and on the Deployments of its tracks."""
    by_name = {item["metadata"]["name"]: item for item in deployments}

    def built(known: GovernedService) -> Declared:
        schemas = {
            track: found
            for track, status in known.tracks.items()
            if status.deployment in by_name
            and (found := service_annotations.read_schema(by_name[status.deployment])) is not None
        }
        return Declared(
            freeze=service_annotations.read_freeze(raw),
            backup_verified_at=service_annotations.read_backup_verified_at(raw),
            schemas=schemas,
        )

    return service.map(built)


def _of_track(samples: Iterable[Sample], track: Track) -> Iterable[Sample]:
    return (sample for sample in samples if sample.labels.get("track") == track)
