"""Which values tell how events ended, what each is taken for, and what would mend a count that lacks failures. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dashboard.decide.bad_events import (
    doubts,
    is_bad,
    judged_rows,
    meaning,
    refused,
    telling_conditions,
    with_value,
)
from dashboard.decide.endings import Ended, beside, outcome_labels
from dashboard.model.bad_events import BadEvents, Condition, SeenEvents
from dashboard.model.series import Sample
from dashboard.model.telemetry import ToldValue, Understood
from dashboard.model.words import Words, shown

_MEANS = {
    Ended.WELL: Understood.GOOD,
    Ended.BADLY: Understood.FAILED,
    Ended.NOT_UNDERSTOOD: Understood.NOT_UNDERSTOOD,
}
# What is shown first, and what wins where two series with one value are taken differently.
_WORST_FIRST = (Understood.NOT_UNDERSTOOD, Understood.FAILED, Understood.GOOD)
_MOST_VALUES = 8
_PLAIN_WORDS = re.compile(r"[\w -]+(\|[\w -]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How one metric tells its bad events.

    Attributes:
        values: seen in the last day, with what each is taken for.
        doubts: why a count of failures may lack some; empty where it can be believed.
        bad: the matcher that would count the failures that are not counted; "" where there are none.
        strange: words that nobody understands.
        labels: of the series, where the label that should tell is not there.
        never_matched: no event was bad, now or as far back as that is known.
    """

    values: tuple[ToldValue, ...] = ()
    doubts: tuple[str, ...] = ()
    bad: str = ""
    strange: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    never_matched: bool = False


def telling(told: BadEvents, seen: SeenEvents, words: Words) -> Telling:
    """What the series of an hour say. Those that counted nothing say nothing."""
    said = dict.fromkeys(doubts(told, seen, words).values())
    if not told.conditions:
        return Telling(doubts=tuple(said))
    judged = [(row, why) for row, why in judged_rows(told, seen, words) if row.value != 0]
    doubtful = [row for row, why in judged if why]
    never = bool(judged) and not seen.failed_before and not any(is_bad(told, row) for row, _ in judged)
    if never and told.is_own:
        said |= dict.fromkeys(_unknown_words(told, words))
    values = _values(told, judged, words)
    odd = [one for one in values if one.understood is Understood.NOT_UNDERSTOOD]
    bad = _mending(told, doubtful, values)
    strange = tuple(dict.fromkeys(one.value for one in odd if one.value))
    is_silent = bool(odd) and not bad and not strange
    return Telling(
        values=values,
        doubts=tuple(said),
        bad=bad,
        strange=strange,
        labels=tuple(sorted({label for row in doubtful for label in row.labels})) if is_silent else (),
        never_matched=never,
    )


def told_words(values: Iterable[ToldValue]) -> tuple[str, ...]:
    """The values in words, a sentence for each label."""
    by_label: dict[str, list[ToldValue]] = {}
    for one in values:
        by_label.setdefault(one.label, []).append(one)
    return tuple(f"label {label}: {', '.join(_listed(found))}" for label, found in by_label.items())


def _listed(values: list[ToldValue]) -> Iterator[str]:
    ranked = sorted(values, key=lambda one: _WORST_FIRST.index(one.understood))
    for one in ranked[:_MOST_VALUES]:
        yield f"{shown(one.value) if one.value else 'series without it'} is {one.understood}"
    if len(ranked) > _MOST_VALUES:
        yield f"and {len(ranked) - _MOST_VALUES} more"


def _values(told: BadEvents, judged: list[tuple[Sample, str]], words: Words) -> tuple[ToldValue, ...]:
    found: dict[tuple[str, str], Understood] = {}
    labels = outcome_labels(row for row, _ in judged)
    suspects = {label for row, why in judged if why for label in _suspects(told, row, labels, words)}
    for row, why in judged:
        for label, value, how in _said(told, row, why, words):
            found[label, value] = min(found.get((label, value), how), how, key=_WORST_FIRST.index)
        for label in sorted(suspects & set(row.labels)):
            ending = beside(label, row.labels[label], labels, words, refused(told, label))
            if ending is not None:
                found.setdefault((label, row.labels[label]), _MEANS[ending])
    return tuple(ToldValue(label=label, value=value, understood=how) for (label, value), how in sorted(found.items()))


def _suspects(told: BadEvents, row: Sample, labels: frozenset[str], words: Words) -> Iterator[str]:
    """Labels that nobody named and by which a doubtful series says that it failed, or what nobody understands."""
    named = {one.label for one in told.conditions}
    for label, value in row.labels.items():
        how = None if label in named else beside(label, value, labels, words, refused(told, label))
        if how in (Ended.BADLY, Ended.NOT_UNDERSTOOD):
            yield label


def _said(told: BadEvents, row: Sample, why: str, words: Words) -> Iterator[tuple[str, str, Understood]]:
    for condition in telling_conditions(told):
        value = row.labels.get(condition.label, "")
        yield condition.label, value, _understood(told, row, condition, why, words)


def _understood(told: BadEvents, row: Sample, condition: Condition, why: str, words: Words) -> Understood:
    value = row.labels.get(condition.label, "")
    if is_bad(told, row):
        return Understood.NOT_UNDERSTOOD if why else Understood.FAILED
    if not value:
        return Understood.NOT_UNDERSTOOD if why else Understood.GOOD
    if condition.operator.startswith("!") and not condition.holds(row.labels):
        return Understood.GOOD
    return _MEANS[meaning(told, condition.label, value, words)]


def _mending(told: BadEvents, doubtful: list[Sample], values: tuple[ToldValue, ...]) -> str:
    """One matcher for the failures of one label; those of a second label are found by the next check."""
    if not told.key or (told.table != "outcome" and not told.is_own):
        return ""
    failed: dict[str, dict[str, None]] = {}
    for one in values:
        is_uncounted = any(row.labels.get(one.label) == one.value for row in doubtful)
        if one.understood is Understood.FAILED and one.value and is_uncounted:
            failed.setdefault(one.label, {})[one.value] = None
    label = next(iter(failed), "")
    return with_value(told, label, failed[label]) if label else ""


def _unknown_words(told: BadEvents, words: Words) -> Iterator[str]:
    """Words that the settings call bad, that were never seen, and that are no word for a failure: likely a typo."""
    for one in telling_conditions(told):
        if one.operator not in ("=", "=~") or not _PLAIN_WORDS.fullmatch(one.value):
            continue
        meant = {meaning(told, one.label, word, words) for word in one.value.split("|")}
        if Ended.BADLY not in meant:
            yield (
                f"the bad events of {told.metric} are {one}, which never matched while others were counted, and which "
                f"is no word for a failure that is known here"
            )
