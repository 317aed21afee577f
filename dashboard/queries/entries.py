"""Documents of logs, traces and the audit trail as log entries, whatever format a shipper wrote. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.elasticsearch import Found, Hit
from dashboard.catalog import durations
from dashboard.catalog.fields import FIELDS, STRUCTURED, TIME, OwnFields, names
from dashboard.decide import lines
from dashboard.decide.alerts import workload_of_pod
from dashboard.model import level_numbers
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.log import LogEntry, LogPlace
from dashboard.model.words import WORDS, LogLevel, SpanOutcome, Words

_ATTRIBUTES = ("attributes.", "labels.")
# Of a span, what is no attribute but belongs to the line a person reads.
_SPAN_FIELDS = ("kind", "parent_span_id", "status.code")
# Of these, what other formats call otherwise.
_NAMED = ("kind", "parent_span_id")
# As programs other than Elasticsearch write times, tried in this order.
_FORMATS = (
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S.%f",
    "%Y/%m/%d",
    "%a, %d %b %Y %H:%M:%S %z",
    "%b %d, %Y @ %H:%M:%S.%f",
)
# The attribute of a span whose duration is in a unit that nothing tells.
UNIT_NOT_KNOWN = "duration (unit not known)"
# A shorter time between begin and end may be no time at all, as it was cut.
_LEAST_SECONDS = 0.01
# A number of seconds, milliseconds, microseconds or nanoseconds since 1970: below each bound it would be far off.
_YEAR_2000 = 946_684_800_000
_EPOCHS = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (float("inf"), 1e9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How documents of one stream are read: whose pods tell a service and track, and what words mean here."""

    stream: str
    places: tuple[LogPlace, ...] = ()
    words: Words = WORDS
    own: OwnFields = field(default_factory=dict)
    tracks: BlueGreen = OURS
    # Names by concept, worked out once: a trace may have ten thousand documents.
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)
    _attribute_names: list[tuple[str, tuple[str, ...]]] = field(default_factory=list, repr=False, compare=False)

    def entries(self, found: Found) -> tuple[tuple[LogEntry, ...], tuple[str, ...]]:
        """The documents that can be read, and in words how many could not: one of them costs itself alone."""
        read: list[LogEntry] = []
        for hit in found.hits:
            try:
                read.append(self.entry(hit))
            except (KeyError, ValueError, TypeError, OverflowError):
                continue
        lost = len(found.hits) - len(read)
        said = f"{lost} of {len(found.hits)} documents have no readable time"
        return tuple(read), (said,) if lost else ()

    def entry(self, hit: Hit) -> LogEntry:
        """One document as a log entry.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: its time is missing or cannot be read.
        """
        flat = _flat(hit.source)
        message, place = self._message(flat), self._place(flat)
        word, level = self._level(flat, message)
        service = self._text(flat, "service") or place.service
        return LogEntry(
            at=_at(hit, flat),
            severity=word,
            message=message,
            service=service,
            track=self.tracks.word(self._text(flat, "track"), service) or place.track,
            pod=self._text(flat, "pod"),
            trace_id=self._text(flat, "trace_id"),
            span_id=self._text(flat, "span_id"),
            attributes=self._attributes(flat) | self._duration(flat),
            id=hit.id,
            index=hit.index,
            fields=flat if self.stream == "logs" else {},
            level=level,
            outcome=self._outcome(flat),
        )

    def _names(self, concept: str) -> tuple[str, ...]:
        if concept not in self._known:
            self._known[concept] = names(self.stream, concept, self.own)
        return self._known[concept]

    def _attributes(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """What the entry has no field of its own for, by its standard name; of an audit event everything."""
        if self.stream == "audit":
            return {key: value for key, value in flat.items() if key != TIME}
        found = {
            key.removeprefix(prefix): value
            for prefix in _ATTRIBUTES
            for key, value in flat.items()
            if key.startswith(prefix)
        }
        if self.stream == "traces":
            found |= {key: flat[key] for key in _SPAN_FIELDS if key in flat}
        for standard, named in self._standard():
            if (value := _first(flat, named)) is not None:
                found[standard] = value
        return found

    def _standard(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The attributes that other formats call otherwise, with the fields that may hold them."""
        if not self._attribute_names:
            of_span = _NAMED if self.stream == "traces" else ()
            attributes = (
                (standard.removeprefix("attributes."), self._names(concept))
                for concept, (standard, *_) in FIELDS[self.stream].items()
                if standard.startswith("attributes.")
            )
            self._attribute_names.extend((*attributes, *((name, self._names(name)) for name in of_span)))
        return tuple(self._attribute_names)

    def _text(self, flat: Mapping[str, Any], concept: str) -> str:
        return ", ".join(_values(flat, self._names(concept)))

    def _message(self, flat: Mapping[str, Any]) -> str:
        for name in self._names("message"):
            if found := _values(flat, (name,)):
                return "\n".join(found)
            if name in STRUCTURED and (tree := _below(flat, name)):
                return json.dumps(tree, ensure_ascii=False, default=str)
        return ""

    def _place(self, flat: Mapping[str, Any]) -> LogPlace:
        """The service and track that the document's pod is known to belong to."""
        workload = self._text(flat, "workload") or workload_of_pod(self._text(flat, "pod"))
        return next((place for place in self.places if place.workload == workload), LogPlace(workload=""))

    def _level(self, flat: Mapping[str, Any], message: str) -> tuple[str, LogLevel | None]:
        """The word for the level, and its meaning: None where it is not understood or there is no level."""
        said = _values(flat, self._names("status" if self.stream == "traces" else "severity"))
        if self.stream != "logs":
            return ", ".join(said), None
        numbers = [lines.of_number(one) for one in _values(flat, self._names("severity_number"))]
        numbers = [word for word in numbers if word]
        family = self._family(flat)
        if not said and not numbers:
            line = lines.read(message)
            said, family = tuple(filter(None, (line.level,))), line.family
        meanings = [level_numbers.level(word, family, self.words) for word in (*said, *numbers)]
        understood = [meaning for meaning in meanings if meaning is not None]
        worst = min(understood, key=list(LogLevel).index, default=None)
        is_clear = worst is LogLevel.ERROR or bool(numbers) or None not in meanings
        return ", ".join(said or numbers), worst if is_clear else None

    def _family(self, flat: Mapping[str, Any]) -> level_numbers.Family | None:
        """Whose number the level is, where it is a number and the fields beside it show that."""
        names = self._names("severity")
        said = next((name for name in names if _values(flat, (name,))), "")
        number = next(filter(level_numbers.bare, _values(flat, (said,))), "")
        return level_numbers.family_of(level_numbers.siblings_of(flat, said), number, said)

    def _duration(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """How long a span took, in nanoseconds; as it was written where nothing tells its unit."""
        if self.stream != "traces":
            return {}
        numbers = ((name, _number(flat.get(name))) for name in self._names("duration"))
        name, value = next(((name, value) for name, value in numbers if value is not None), ("", None))
        if value is None:
            return {}
        unit = durations.unit_in(name, value, flat, self.own, _seconds_to_its_end(flat))
        return {"duration": value * durations.NANOSECONDS[unit]} if unit else {UNIT_NOT_KNOWN: value}

    def _outcome(self, flat: Mapping[str, Any]) -> SpanOutcome | None:
        """How a span ended; UNSAID where it does not say, None where its word is not understood."""
        if self.stream != "traces":
            return SpanOutcome.UNSAID
        meanings = [self.words.outcome.meaning(word) for word in _values(flat, self._names("status"))]
        errors = [word for name in self._names("error_type") for word in _values(flat, (name,))]
        if SpanOutcome.FAILED in meanings or any(map(self.words.names_an_error, errors)):
            return SpanOutcome.FAILED
        if None in meanings:
            return None
        return next((one for one in meanings if one is not SpanOutcome.UNSAID), SpanOutcome.UNSAID)


def _values(flat: Mapping[str, Any], candidates: Iterable[str]) -> tuple[str, ...]:
    """The values of the first field that has any; a field may hold several."""
    for name in candidates:
        value = flat.get(name)
        if value is None or value == "":
            continue
        if type(value) is str:
            return (value,)
        several = value if isinstance(value, list) else [value]
        if found := tuple(str(one) for one in several if one not in (None, "") and not isinstance(one, Mapping)):
            return found
    return ()


def _below(flat: Mapping[str, Any], name: str) -> dict[str, Any]:
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in flat.items() if key.startswith(start)}


def _number(value: Any) -> float | None:
    """A number as documents write it, in figures or as text."""
    try:
        return None if isinstance(value, bool | list) or value is None else float(value)
    except (TypeError, ValueError):
        return None


def _seconds_to_its_end(flat: Mapping[str, Any]) -> float | None:
    """From a span's begin to its end, where it says both. Times that are cut to whole milliseconds may be the same."""
    end = _first(flat, durations.ENDS)
    try:
        seconds = (_time(end) - _time(flat[TIME])).total_seconds() if end is not None else 0.0
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return seconds if seconds > _LEAST_SECONDS else None


def _first(flat: Mapping[str, Any], candidates: Iterable[str]) -> Any:
    return next((flat[name] for name in candidates if flat.get(name) not in (None, "")), None)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves by dotted name: documents come nested, with dots in their keys, or both."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):  # of JSON; `Mapping` would take a third of the time of reading a large trace
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def _at(hit: Hit, flat: Mapping[str, Any]) -> datetime:
    """As it was written, or where only the index understands that, as it was sorted by."""
    try:
        return _time(flat[TIME])
    except (KeyError, TypeError, ValueError):
        milliseconds = [value for value in hit.sort if isinstance(value, int | float) and value > _YEAR_2000]
        if not milliseconds:
            raise
        return _time(milliseconds[0])


def _time(value: Any) -> datetime:
    """The time of a document; of several the latest, as Elasticsearch orders them."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return max(map(_time, value))
    if isinstance(value, bool):
        raise TypeError(f"{value} is no time")
    try:
        number = float(value)
    except ValueError:
        return _written(str(value).strip())
    divisor = next(divisor for bound, divisor in _EPOCHS if abs(number) < bound)
    return datetime.fromtimestamp(number / divisor, UTC)


def _written(text: str) -> datetime:
    at: datetime | None = None
    try:
        at = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        for form in _FORMATS:
            try:
                at = datetime.strptime(text, form)  # noqa: DTZ007 - a time without a zone is UTC, just below
                break
            except ValueError:
                continue
    if at is None:
        raise ValueError(f"{text[:40]!r} is no time")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
