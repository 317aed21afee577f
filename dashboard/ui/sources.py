"""Pieces of the Sources page: whether the deck can be trusted, what is wrong and how to mend it, then what is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import streamlit as st

from dashboard.decide.telling import told_words
from dashboard.model.health import SourceHealth, clock_words
from dashboard.model.reading import Reading, Source, State, Unit
from dashboard.model.telemetry import ConceptCheck, Fit
from dashboard.model.view import View
from dashboard.queries.fit import is_too_short
from dashboard.queries.lags import LINES, SAMPLES, SPANS
from dashboard.queries.own import OwnHealth
from dashboard.queries.sources import FitAnswer, MissingMetric, ServiceCheck, SourcesAnswer
from dashboard.ui import states
from dashboard.ui.format import ago, clock, number
from dashboard.ui.lead import Share, Tone, bar, fact, facts, lead, section
from dashboard.ui.tables import Column, table
from dashboard.ui.text import plain

# How a lag is read: younger than this is as it should be.
LATE_SECONDS: Final = 120.0
_LAGS_OF: Final = {Source.PROMETHEUS: (SAMPLES,), Source.ELASTICSEARCH: (LINES, SPANS)}
_MOST_BLINDS: Final = 6
_MOST_SUGGESTED: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The answer to the page's question in one sentence; `parts` are what it rests on."""

    sentence: str
    tone: Tone
    parts: tuple[str, ...] = ()


def trust(
    found: SourcesAnswer,
    troubles: Sequence[str],
    fitting: FitAnswer | None = None,
    behind: Mapping[str, Reading[float]] | None = None,
) -> Trust:
    """Can this deck be trusted: what speaks against it, the worst first. Pure.

    Args:
        fitting: how logs, rights and retention fit; None: not asked.
        behind: how far each store lies behind. One that leaves something out of this answer does so elsewhere too.
    """
    down = [one for one in found.health if one.reachable is False]
    off = [one for one in found.health if one.reachable is not False and not one.is_well]
    unset = [one for one in found.health if one.reachable is None]
    wrong, unmeasured = lacking(found.concepts.value or ()), _unmeasured(found.concepts.value or ())
    lame = [one for one in found.services.value or () if one.says]
    unread = [one.reason for one in (found.concepts, found.services) if one.state is not State.FRESH and not down]
    parts = [
        *_counted(len(down), "source does not answer", "sources do not answer"),
        *_counted(len(off), "source has another clock", "sources have another clock"),
        *(plain(reason) for reason in unread),
        *_counted(len(troubles), "thing is wrong with the audit", "things are wrong with the audit"),
        *_counted(len(wrong), "concept is not read as it should be", "concepts are not read as they should be"),
        *_counted(len(lame), "governed Service lacks something", "governed Services lack something"),
        *(_misfits(fitting, found.health) if fitting else ()),
        *dict.fromkeys(plain(one.reason) for one in (behind or {}).values() if one.state is State.PARTIAL),
    ]
    aside = [
        *_counted(len(unmeasured), "concept is not measured here", "concepts are not measured here"),
        *_counted(len(unset), "source was not asked", "sources were not asked"),
    ]
    if down or off or unread:
        return Trust(sentence="Not all that this deck shows can be trusted now", tone="sick", parts=(*parts, *aside))
    if parts:
        return Trust(sentence="The sources answer, and something should be mended", tone="warn", parts=(*parts, *aside))
    if unmeasured and len(unmeasured) == len(found.concepts.value or ()):
        return Trust(sentence="Nothing of what the pages read is measured here", tone="warn", parts=tuple(aside))
    if unset:
        return Trust(sentence="What was asked answers; not every source was", tone="quiet", parts=tuple(aside))
    return Trust(
        sentence="Every source answers, and what is measured here is read as it should be",
        tone="well",
        parts=tuple(aside),
    )


def _misfits(fitting: FitAnswer, health: Iterable[SourceHealth]) -> Iterator[str]:
    """What does not fit beyond metrics, and what is not known although its source answers."""
    logs = [one.value for one in fitting.logs.values() if one.value]
    refused = fitting.refused.value or ()
    yield from _counted(sum(one.is_wrong for one in logs), "log pattern does not fit", "log patterns do not fit")
    yield from _counted(len(refused), "right is refused by the cluster", "rights are refused by the cluster")
    if is_too_short(fitting.retention):
        yield "Prometheus keeps too few days"
    answering = {one.source for one in health if one.reachable}
    readings: tuple[Reading[Any], ...] = (*fitting.logs.values(), fitting.refused, fitting.retention)
    unread = (one.reason for one in readings if one.state is not State.FRESH and one.source in answering)
    yield from map(plain, dict.fromkeys(unread))


def lacking(checks: Iterable[ConceptCheck]) -> tuple[ConceptCheck, ...]:
    """What is there, or was, and is not read as it should be."""
    return tuple(one for one in checks if one.standing not in (Fit.PRESENT, Fit.UNMEASURED))


def _unmeasured(checks: Iterable[ConceptCheck]) -> tuple[ConceptCheck, ...]:
    return tuple(one for one in checks if one.standing is Fit.UNMEASURED)


def headline(
    found: SourcesAnswer, troubles: Sequence[str], fitting: FitAnswer, behind: Mapping[str, Reading[float]]
) -> None:
    """The sentence, and how many concepts stand how."""
    told = trust(found, troubles, fitting, behind)
    lead(told.sentence, told.tone, detail="; ".join(told.parts))
    counts = Counter(one.standing for one in found.concepts.value or ())
    bar([Share(name=fit.value, count=counts[fit], tone=_tone(fit)) for fit in Fit], label="Concepts")


def _tone(fit: Fit) -> Tone:
    if fit is Fit.PRESENT:
        return "well"
    return "quiet" if fit is Fit.UNMEASURED else "warn"


def backends(found: SourcesAnswer, lags: Mapping[str, Reading[float]], now: datetime, view: View) -> None:
    """Each source that is not well in a line of its own, and those that are in one."""
    section("Sources")
    told = [_backend(one, lags, now, view) for one in found.health]
    well = [one for one in told if one.tone == "well"]
    lines = [fact(one.name, one.how, one.more, tone=one.tone) for one in told if one.tone != "well"]
    if well:
        answers = "; ".join(f"{one.name} {one.how}" for one in well)
        lags_of = "; ".join(one.more for one in well if one.more)
        lines.append(fact("Well:", answers, lags_of, tone="well"))
    st.html(facts(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A source in words."""

    name: str
    how: str
    more: str = ""
    tone: Tone


def _backend(one: SourceHealth, lags: Mapping[str, Reading[float]], now: datetime, view: View) -> _Told:
    name = states.SOURCES[one.source]
    if one.reachable is None:
        return _Told(name=name, how=one.reason, tone="quiet")
    if one.reachable is False:
        since = f" since {clock(one.since, view.tz)} ({ago(one.since, now)})" if one.since else ""
        last = f"Last answer {ago(one.last_answer, now)}." if one.last_answer else "It has never answered."
        return _Told(name=name, how=f"does not answer{since}: {one.reason}", more=last, tone="sick")
    late, lag = _lags(one, lags)
    took = "" if one.latency_seconds is None else f" in {number(one.latency_seconds, Unit.SECONDS)}"
    version = f", version {one.version}" if one.version else ""
    ahead = one.clock_ahead_seconds
    if not one.is_well and ahead is not None:
        return _Told(name=name, how=f"answers{took}{version}, but {clock_words(ahead)}", more=lag, tone="sick")
    return _Told(name=name, how=f"answers{took}{version}", more=lag, tone="warn" if late else "well")


def _lags(one: SourceHealth, lags: Mapping[str, Reading[float]]) -> tuple[bool, str]:
    """Whether a store lies behind or leaves something out, and how far in words."""
    late, said, partial = False, [], {}
    for what in _LAGS_OF.get(one.source, ()):
        reading = lags[what]
        if reading.value is None:
            said.append(f"{what}: {reading.reason}")
            continue
        late = late or reading.value > LATE_SECONDS
        said.append(f"{what} {number(reading.value, Unit.SECONDS)} old")
        if reading.state is State.PARTIAL:
            partial[reading.reason] = True
    return late or bool(partial), "; ".join((*said, *partial))


def concepts(found: SourcesAnswer) -> None:
    """What the pages read, concept by concept: what is wrong with its lines to copy, then what is not, folded."""
    section("What the pages read")
    if found.concepts.value is None:
        states.note(found.concepts, "Not known which metrics are there")
        return
    states.note(found.concepts)
    for one in lacking(found.concepts.value):
        with st.container(key=f"concept-{one.key}", gap="xxsmall"):
            blinds = (f"Blind without it: {'; '.join(one.blinds[:_MOST_BLINDS])}",) if one.blinds else ()
            said = f"{one.standing.value}: {one.says}"
            st.html(facts([fact(one.what, said, "; ".join((*told_words(one.told), *blinds)), tone="warn")]))
            if one.lines:
                st.code("\n".join(one.lines), language=None, wrap_lines=True)
    _folded(found.concepts.value)


def _folded(checks: Sequence[ConceptCheck]) -> None:
    unmeasured = _unmeasured(checks)
    if unmeasured:
        with st.expander(f"{len(unmeasured)} not measured here: what nobody can see", icon=":material/visibility_off:"):
            told = (
                fact(one.what, one.says, f"Blind: {'; '.join(one.blinds[:_MOST_BLINDS])}", tone="quiet")
                for one in unmeasured
            )
            st.html(facts(told))
    present = [one for one in checks if one.standing is Fit.PRESENT]
    if present:
        with st.expander(f"{len(present)} of {len(checks)} read as they should be", icon=":material/check_circle:"):
            st.html(facts(map(_present, present)))


def _present(one: ConceptCheck) -> str:
    more = "; ".join(filter(None, (one.says, *told_words(one.told))))
    return fact(one.what, one.metric, more, tone="warn" if one.says else "well")


def suggestion(text: Reading[str]) -> None:
    """A settings file that fits what was seen, to copy or to save."""
    with st.expander("A settings file that fits what Prometheus has", icon=":material/content_copy:"):
        if text.value is None:
            states.note(text, "Nothing can be suggested")
            return
        st.caption("The same as “python -m dashboard sources --suggest”. Read each line before you use it.")
        st.code(text.value[:_MOST_SUGGESTED], language=None, wrap_lines=True)
        st.download_button(
            "tealdeck.toml",
            text.value,
            file_name="tealdeck.toml",
            mime="text/plain",
            icon=":material/download:",
            key="sources.suggestion",
            on_click="ignore",
        )


def services(reading: Reading[tuple[ServiceCheck, ...]]) -> None:
    """The governed Services: what each lacks, and in one line those that lack nothing."""
    section("Governed Services")
    if reading.value is None:
        states.note(reading, "Not known which Services are governed")
        return
    states.note(reading)
    if not reading.value:
        if reading.state is not State.FRESH:
            return  # the note says why there may be more
        st.caption("None is governed in these namespaces: neither by its label nor by name in the settings.")
        return
    lame = [one for one in reading.value if one.says]
    for one in lame:
        with st.container(key=f"service-{one.namespace}-{one.name}", gap="xxsmall"):
            st.html(facts([fact(f"{one.namespace}/{one.name}", "; ".join(one.says), tone="warn")]))
            if one.commands:
                st.code("\n".join(one.commands), language=None, wrap_lines=True)
    well = [f"{one.namespace}/{one.name}" for one in reading.value if not one.says]
    if well:
        st.html(facts([fact(", ".join(well), "can be judged and switched", tone="well")]))


def missing(reading: Reading[tuple[MissingMetric, ...]]) -> None:
    """The metrics that the pages ask for and that were not seen in the last hour."""
    if reading.value is None:
        states.note(reading, "Metrics by name")
        return
    columns: Sequence[Column[MissingMetric]] = (
        Column(name="metric", cell=lambda one: one.name, essential=True),
        Column(name="nobody sees", cell=lambda one: "; ".join(one.blinds), essential=True),
    )
    with st.expander(f"{len(reading.value)} metrics not seen in the last hour", icon=":material/search_off:"):
        st.caption("Either the telemetry lacks them, or nothing of their kind happened: failures begin with the first.")
        table(reading.value, columns, key="sources.missing", csv_name="metrics-not-seen")


def own(health: OwnHealth, troubles: Sequence[str], audit_file: str, now: datetime) -> None:
    """The deck itself: its audit, its memory and age, and how its questions were answered since it began."""
    section("The deck itself")
    told = [fact("Audit", trouble, tone="sick") for trouble in troubles]
    if not troubles:
        told.append(fact("Audit", f"{audit_file} can be read and written, and every record is on its way", tone="well"))
    memory = "" if health.memory_bytes is None else f"{number(health.memory_bytes, Unit.BYTES)} of memory"
    files = "" if health.open_files is None else f"{health.open_files:.0f} open files"
    began = "" if health.started is None else f"began {ago(health.started, now)}"
    process = ", ".join(filter(None, (memory, files, began)))
    told.append(fact("Process", process or "tells nothing here", tone="well" if process else "quiet"))
    for one in health.questions:
        slow = "more than 5 s" if one.p95_seconds is None else f"at most {number(one.p95_seconds, Unit.SECONDS)}"
        said = f"{one.total:,} questions, {one.failed:,} of them failed; 95 % took {slow}"
        told.append(fact(f"Asked {one.source.capitalize()}", said, tone="warn" if one.failed else "well"))
    st.html(facts(told))


def _counted(count: int, one: str, several: str) -> tuple[str, ...]:
    return (f"{count} {one if count == 1 else several}",) if count else ()
