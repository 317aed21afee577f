"""Whether a count of bad events can be believed: does each series say how its events ended, in words that are known?

0 failures is honest where series say that their events went well in words that are understood, or lack a label that
by convention only failures have. It is not where the label of the failures is not there at all, where a word is
neither good nor bad, and where a series says that it failed and is not counted. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from dashboard.decide.endings import Ended, beside, ended, of_table, outcome_labels, tells
from dashboard.model.bad_events import BadEvents, Condition, Place, SeenEvents
from dashboard.model.label_names import names_errors
from dashboard.model.series import Sample
from dashboard.model.words import Words, shown

# Concepts whose events are calls that the agents make: a status of 400 to 499 is their failure.
_CALLS = {"model_calls", "tool_calls"}


def doubts(told: BadEvents, seen: SeenEvents, words: Words) -> dict[Place, str]:
    """Why a count of bad events may lack some, by service and track; nothing where it can be believed."""
    if not told.conditions:
        return _unplaced(told, _asked(told, seen))
    found: dict[Place, str] = {}
    for row, why in judged_rows(told, seen, words):
        if why:
            found.setdefault((row.labels.get("service_name", ""), row.labels.get("track", "")), why)
    return found


def judged_rows(told: BadEvents, seen: SeenEvents, words: Words) -> Iterator[tuple[Sample, str]]:
    """Each series by service, and why it may hold bad events that are not counted; "" where it does not."""
    by_service: dict[str, list[Sample]] = {}
    for row in _asked(told, seen):
        by_service.setdefault(row.labels.get("service_name", ""), []).append(row)
    for service, of_service in sorted(by_service.items()):
        known = _Known(told, of_service, service in seen.failed_before, words)
        yield from ((row, known.doubt(row)) for row in of_service)


def telling_conditions(told: BadEvents) -> tuple[Condition, ...]:
    """The conditions that tell failures: those on labels for outcomes, or all where none is on such a label."""
    return tuple(one for one in told.conditions if tells(one.label)) or told.conditions


def is_bad(told: BadEvents, row: Sample) -> bool:
    """Whether a series counts as one of bad events."""
    return all(one.holds(row.labels) for one in told.conditions)


def meaning(told: BadEvents, label: str, value: str, words: Words) -> Ended:
    """How events ended whose series has this value of a label that tells."""
    if told.table != "outcome":
        mapped = told.words.get(value)
        return of_table(told.table, mapped, words) if mapped else of_table(told.table, value, words, label)
    word = told.words.get(value, value)
    found = ended(label, word, words, refused(told, label))
    return _by_the_other(told, label, word) if found is Ended.NOT_UNDERSTOOD else found


def refused(told: BadEvents, label: str) -> Ended:
    """What a status of 400 to 499 means: for calls of models and tools a failure, for a server its clients' mistake.

    A run that says so in a label which nobody named may be either.
    """
    parts = told.metric.casefold().split("_")
    if told.key in _CALLS or "client" in parts:
        return Ended.BADLY
    is_named = any(one.label == label for one in told.conditions)
    return Ended.WELL if is_named or "server" in parts else Ended.NOT_UNDERSTOOD


def _by_the_other(told: BadEvents, label: str, value: str) -> Ended:
    """Of a label of 0 and 1 the one is well where the settings call the other bad."""
    other = {"0": "1", "1": "0"}.get(value)
    is_told = told.is_own and other and any(one.label == label and one.value == other for one in told.conditions)
    return Ended.WELL if is_told else Ended.NOT_UNDERSTOOD


def with_value(told: BadEvents, label: str, values: Iterable[str]) -> str:
    """The matcher of PromQL that counts these values of a label as bad, beside those that count already."""
    same = [one for one in told.conditions if one.label == label and one.operator in ("=", "=~")]
    before = [_literal(one.value) if one.operator == "=" else one.value for one in same]
    wanted = tuple(values)
    is_one = not before and len(wanted) == 1
    pattern = wanted[0] if is_one else "|".join([*before, *map(_literal, wanted)])
    quoted = pattern.replace("\\", "\\\\").replace('"', '\\"')
    return f'{label}{"=" if is_one else "=~"}"{quoted}"'


def _asked(told: BadEvents, seen: SeenEvents) -> list[Sample]:
    return [row for row in seen.rows if all(one.holds(row.labels) for one in told.asked)]


def _unplaced(told: BadEvents, rows: Iterable[Sample]) -> dict[Place, str]:
    """A metric of bad events alone is counted for nobody where it does not say whose they are."""
    names = {"service_name": "service", "track": "track"}
    for row in rows:
        lacking = [names[label] for label in told.needs if not row.labels.get(label)]
        if lacking:
            said = " and ".join(lacking)
            why = f"{told.metric} has no label for the {said}, so its events are counted for nobody ({_setting(told)})"
            return {(row.labels.get("service_name", ""), ""): why}
    return {}


class _Known:
    """What is known of the series of one service."""

    def __init__(self, told: BadEvents, rows: Iterable[Sample], failed_before: bool, words: Words) -> None:
        self._told, self._words = told, words
        self._rows = tuple(rows)
        self._telling = outcome_labels(self._rows)
        self._matched = [row for row in self._rows if is_bad(told, row)]
        self._has_failed = bool(self._matched) or failed_before

    def doubt(self, row: Sample) -> str:
        """Why a series may hold bad events that are not counted; "" where it does not."""
        if is_bad(self._told, row) or row.value == 0:
            return ""  # counted, or a word that is declared and was never said
        tell = telling_conditions(self._told)
        return next(filter(None, (self._of_label(row, one) for one in tell if not one.holds(row.labels))), "")

    def _of_label(self, row: Sample, condition: Condition) -> str:
        value = row.labels.get(condition.label, "")
        if not value:
            return self._elsewhere(row) or self._absent(row, condition)
        if condition.operator.startswith("!"):
            return ""  # named as a good one
        match self._meaning(condition.label, value):
            case Ended.WELL:
                return ""
            case Ended.BADLY:
                return self._uncounted(condition.label, value)
            case _:
                return self._odd(condition.label, value)

    def _absent(self, row: Sample, condition: Condition) -> str:
        """Whether a series without the label is one of events that went well."""
        label = condition.label
        if condition.is_any_value:
            is_convention = names_errors(label)
            is_well = self._has_failed or is_convention or any(r.labels.get(label) for r in self._rows)
        else:
            says_well = any(
                self._meaning(label, value) is Ended.WELL for r in self._rows if (value := r.labels.get(label, ""))
            )
            is_well = self._has_failed and not says_well
        if is_well or self._table("") is Ended.WELL:
            return ""
        has = ", ".join(sorted(set(row.labels) - {"service_name", "track"})) or "none that tells"
        where = f" on {row.labels['track']}" if row.labels.get("track") else ""
        return (
            f"{self._told.metric}{where} has no label {label}, which tells what failed ({_setting(self._told)}); "
            f"it has: {has}"
        )

    def _elsewhere(self, row: Sample) -> str:
        """A label beside the one that tells, which says that the events failed or what nobody understands."""
        place = row.labels.get("track", "")
        is_proven = any(other.labels.get("track", "") == place for other in self._matched)
        told_by = {one.label for one in self._told.conditions}
        for label, value in sorted(row.labels.items()):
            how = None if label in told_by else self._beside(label, value)
            if how is Ended.BADLY:
                return self._uncounted(label, value)
            if how is Ended.NOT_UNDERSTOOD and not is_proven:
                return self._odd(label, value)
        return ""

    def _beside(self, label: str, value: str) -> Ended | None:
        return beside(label, value, self._telling, self._words, refused(self._told, label))

    def _meaning(self, label: str, value: str) -> Ended:
        return meaning(self._told, label, value, self._words)

    def _table(self, word: str) -> Ended:
        return of_table(self._told.table, word, self._words)

    def _odd(self, label: str, value: str) -> str:
        return (
            f"{self._told.metric} says {label}={shown(value)}, which is not understood{_left_out(self._told)}: "
            f"words.{self._told.table} in the settings can say what it means"
            f"{self._line(label, value, ' if it is a failure')}"
        )

    def _uncounted(self, label: str, value: str) -> str:
        line = self._line(label, value, "") or f"; words.{self._told.table} in the settings can say what it means"
        return f"{self._told.metric} says {label}={shown(value)}, a failure that is not counted as one{line}"

    def _line(self, label: str, value: str, when: str) -> str:
        """The line of the settings that would count it."""
        told = self._told
        if not told.key or told.table != "outcome":
            return ""
        return f"; metrics.{told.key}.bad = '{with_value(told, label, (value,))}' counts it{when}"


def _left_out(told: BadEvents) -> str:
    """What becomes of such an event in a share, where that is not plain."""
    return " and counts as neither kept nor broken" if told.table == "evaluation" and not told.is_own else ""


def _literal(word: str) -> str:
    return re.sub(r"([.+*?()\[\]{}|^$\\])", r"\\\1", word)


def _setting(told: BadEvents) -> str:
    return f"metrics.{told.key}.bad in the settings can name another" if told.key else "the emitter must add it"


def by_place(doubtful: Iterable[Mapping[Place, str]]) -> dict[Place, str]:
    """The doubts of several metrics together."""
    found: dict[Place, list[str]] = {}
    for each in doubtful:
        for place, why in each.items():
            found.setdefault(place, []).append(why)
    return {place: "; ".join(dict.fromkeys(said)) for place, said in found.items()}


def applies(labels: Mapping[str, str], doubtful: Mapping[Place, str]) -> bool:
    """Whether a value with these labels may be one of a doubtful place. A label that is not there is any."""
    service, track = labels.get("service_name", ""), labels.get("track", "")
    return any(_may_be(service, at) and _may_be(track, on) for at, on in doubtful)


def _may_be(one: str, other: str) -> bool:
    return not one or not other or one == other


def matching(doubtful: Mapping[Place, str], place: Place) -> Iterator[str]:
    """Why the value at a place is in doubt."""
    labels = {"service_name": place[0], "track": place[1]}
    for at, why in doubtful.items():
        if applies(labels, {at: why}):
            yield why
