"""What counts of tasks mean: shares of outcomes, and cost and value of those that succeeded. Pure.

A share of no task is no figure. A task whose outcome no table knows is a task, and none that succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboard.model.business import Outcomes
from dashboard.model.series import Sample, Series
from dashboard.model.words import TASKS, TaskOutcome, Vocabulary, shown

KIND, OUTCOME = "task_type", "outcome"


def outcomes(samples: Iterable[Sample], table: Vocabulary[TaskOutcome] = TASKS) -> Outcomes | None:
    """How many tasks ended how; None where one of the counts is no number, since shares need all of them."""
    counted = [(sample.labels.get(OUTCOME, ""), sample.value) for sample in samples]
    known = dict.fromkeys(TaskOutcome, 0.0)
    unclear: dict[str, float] = {}
    for word, count in counted:
        if count is None:
            return None
        meaning = table.meaning(word)
        if meaning is not None:
            known[meaning] += count
        elif count:
            unclear[word] = unclear.get(word, 0.0) + count
    return Outcomes(
        succeeded=known[TaskOutcome.SUCCEEDED],
        failed=known[TaskOutcome.FAILED],
        handed_over=known[TaskOutcome.HANDED_OVER],
        unclear=unclear,
    )


def by_kind(samples: Iterable[Sample], table: Vocabulary[TaskOutcome] = TASKS) -> Mapping[str, Outcomes | None]:
    """The same for each kind of task."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.labels.get(KIND, ""), []).append(sample)
    return {kind: outcomes(of_kind, table) for kind, of_kind in found.items()}


def share(part: float | None, whole: float | None) -> float | None:
    """A part of a whole; None of nothing, and where one of them is not known."""
    return part / whole if part is not None and whole is not None and whole > 0 else None


def weighted(values: Mapping[str, float | None], weights: Mapping[str, float]) -> float | None:
    """The mean of ratios, by the tasks of each kind; of all kinds alike where none has any."""
    known = {kind: value for kind, value in values.items() if value is not None}
    total = sum(weights.get(kind, 0.0) for kind in known)
    if total > 0:
        return sum(value * weights.get(kind, 0.0) for kind, value in known.items()) / total
    return sum(known.values()) / len(known) if known else None


def summed(
    lines: Iterable[Series], *, only: TaskOutcome | None = None, table: Vocabulary[TaskOutcome] = TASKS
) -> Series:
    """Lines on one grid as their sum; `only` those of one outcome.

    A moment that no line knows is a gap, and one within the life of a line that has no number there: the rest of them
    is no sum. Before its first and after its last number a line adds nothing.
    """
    kept = [line for line in lines if only is None or table.meaning(line.labels.get(OUTCOME, "")) is only]
    times = max((line.times for line in kept), key=len, default=())
    living = [_life(line) for line in kept]
    columns = [[line[at] for line in living if at in line] for at in times]
    return Series(times=times, values=tuple(total(column) for column in columns))


def total(values: Iterable[float | None]) -> float | None:
    """The sum of all; None of nothing, and where one of them is not known."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if known and len(known) == len(found) else None


def _life(line: Series) -> Mapping[float, float | None]:
    """The values of a line by their times, from its first number to its last."""
    numbers = [at for at, value in zip(line.times, line.values, strict=True) if value is not None]
    return {
        at: value
        for at, value in zip(line.times, line.values, strict=True)
        if numbers and numbers[0] <= at <= numbers[-1]
    }


def divided(part: Series, whole: Series) -> Series:
    """One line over another: a gap where the whole is 0 or one of them is not known.

    No part of a known whole is 0: before its first number and after its last nothing of its kind was counted.
    """
    parts = _life(part)
    return Series(
        times=whole.times,
        values=tuple(
            None if not all_of_it else share(parts.get(at, 0.0), all_of_it)
            for at, all_of_it in zip(whole.times, whole.values, strict=True)
        ),
    )


def unclear_words(found: Outcomes) -> str:
    """Which outcomes are not understood, and which setting would mend it; "" when all are."""
    words = ", ".join(shown(word) for word in list(found.unclear)[:3])
    return f"{words}: not understood as an outcome; set its meaning in words.task in the settings" if words else ""
