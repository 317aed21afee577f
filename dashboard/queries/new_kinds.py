"""The kinds of lines that are shown, and which of them are new since the last release."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dashboard.decide import new_kinds
from dashboard.model.incident import Change
from dashboard.model.log import Pattern, Patterns
from dashboard.model.reading import Reading, State
from dashboard.queries.ask import Ask, Logs, Request
from dashboard.queries.request import LogPatterns

SAMPLE, SAMPLE_BEFORE = 1_000, 3_000
LOOKED_BACK = timedelta(hours=24)
_EXAMPLES = 50
_STEP_SECONDS = 60
# What names one release's pods: a kind is new only if no track and no pod had it before.
_OF_A_POD = ("track", "pod", "container")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKinds:
    """The kinds of the newest lines, and those that are new since `release` (None: no release to compare with).

    `unsure` may be new: it was not found before, but not all lines before were read. `why_not` says why nothing can
    be said of new kinds at all.
    """

    patterns: Reading[Patterns]
    release: Change | None = None
    new: tuple[Pattern, ...] = ()
    unsure: tuple[Pattern, ...] = ()
    why_not: str = ""


def last_release(changes: Iterable[Change], *, service: str, end: datetime) -> Change | None:
    """The newest deployment of a governed track before `end`."""
    deployed = (one for one in changes if one.track and service in ("", one.service) and one.at < end)
    return max(deployed, key=lambda one: one.at, default=None)


def find(ask: Ask, logs: Logs, release: Change | None) -> NewKinds:
    """The kinds of the lines that `logs` finds, each looked for before the release."""
    requests: dict[str, Request] = {"shown": LogPatterns(logs, SAMPLE)}
    if release is not None:
        before = _before(logs, release)
        requests |= {"before": LogPatterns(before, SAMPLE_BEFORE)}
        if release.at > logs.start:
            requests |= {"after": LogPatterns(replace(logs, start=release.at), SAMPLE)}
    answers = ask.gather(requests)
    shown = answers.patterns("shown")
    if release is None:
        return NewKinds(patterns=shown, why_not="no release of a governed service is known to compare with")
    after = answers.patterns("after") if "after" in requests else shown
    earlier = answers.patterns("before")
    found = NewKinds(patterns=shown, release=release)
    if after.value is None or earlier.value is None:
        lacking = after if after.value is None else earlier
        return replace(found, why_not=lacking.reason)
    if not earlier.value.total:
        return replace(found, why_not="no such line is kept from the 24 hours before the last release")
    return _checked(ask, logs, found, new_kinds.candidates(after.value, earlier.value))


def _before(logs: Logs, release: Change) -> Logs:
    filters = {name: value for name, value in logs.filters.items() if name not in _OF_A_POD}
    return replace(
        logs,
        filters=filters,
        start=release.at - LOOKED_BACK,
        end=release.at,
        step_seconds=_STEP_SECONDS,
        size=_EXAMPLES,
    )


def _checked(ask: Ask, logs: Logs, found: NewKinds, unseen: tuple[Pattern, ...]) -> NewKinds:
    """Each kind that the sample before the release lacks is looked for by its words."""
    assert found.release is not None  # noqa: S101 - the caller has just looked
    before = _before(logs, found.release)
    requests: dict[str, Request] = {}
    for number, pattern in enumerate(unseen):
        if text := new_kinds.words_of(pattern):
            typed = f"({logs.text}) {text}" if logs.text.strip() else text
            requests[f"before.{number}"] = replace(before, text=typed)
            requests[f"now.{number}"] = replace(logs, text=typed, size=1, step_seconds=_STEP_SECONDS)
    answers = ask.gather(requests)
    new: list[Pattern] = []
    unsure: list[Pattern] = []
    for number, pattern in enumerate(unseen):
        asked = f"before.{number}" in requests
        answer = (
            new_kinds.is_new(pattern, answers.logs(f"before.{number}"), answers.logs(f"now.{number}"))
            if asked
            else None
        )
        if answer is not False:
            (unsure if answer is None else new).append(pattern)
    return replace(found, new=tuple(new), unsure=tuple(unsure))


def is_whole(patterns: Reading[Patterns]) -> bool:
    """Whether every line that fits was sorted into its kind."""
    found = patterns.value
    return (
        found is not None
        and patterns.state is State.FRESH
        and not found.total_is_lower_bound
        and found.sampled >= found.total
    )
