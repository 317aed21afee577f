"""An answer of Prometheus as far as its bad events can be believed, place by place. Pure.

What may lack bad events is a lower bound: a share above 0 still proves harm, 0 proves nothing and is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from dashboard.decide.bad_events import applies, matching
from dashboard.model.bad_events import Place
from dashboard.model.reading import Reading, State, missing, unmeasured
from dashboard.model.series import Sample, Series

T = TypeVar("T")
U = TypeVar("U")


def doubted(
    answer: Reading[tuple[Any, ...]], doubts: Mapping[Place, str], unmeasured_of: Mapping[str, str]
) -> Reading[tuple[Any, ...]]:
    """The answer without the zeros that nobody can believe, and with why.

    Args:
        answer: samples or series; an empty one lacks what it should count.
        unmeasured_of: by service why nothing has ever measured a part of what is asked.
    """
    if not doubts and not unmeasured_of:
        return answer
    places = {**doubts, **{(service, ""): why for service, why in unmeasured_of.items()}}
    said = _said(doubts.values())
    rows = tuple(_without_zero(row) if applies(row.labels, places) else row for row in answer.value or ())
    marked = replace(answer, doubts=doubts, unmeasured_of=unmeasured_of)
    if not any(map(_has_value, rows)) and (answer.value is not None or doubts):
        how, why = (missing, said) if doubts else (unmeasured, _said(unmeasured_of.values()))
        nothing: Reading[tuple[Any, ...]] = how(why, source=answer.source, query=answer.query)
        return replace(nothing, doubts=doubts, unmeasured_of=unmeasured_of)
    if answer.value is None or not doubts:
        return replace(marked, value=rows if answer.value is not None else None)
    if answer.state is State.FRESH:
        return replace(marked, value=rows, state=State.PARTIAL, reason=said)
    return replace(marked, value=rows, reason="; ".join(dict.fromkeys((answer.reason, said))))


def is_lower_bound(answer: Reading[Any]) -> bool:
    """Whether an answer is whole but for bad events that are told in a way that nobody understands."""
    return bool(answer.doubts) and answer.state in (State.PARTIAL, State.MISSING) and _is_all(answer)


def at(answer: Reading[T], place: Place, pick: Callable[[T], U | None], *, empty: str) -> Reading[U]:
    """What an answer says of one place: whole where only another place is in doubt, "not measured" where it is so."""
    never = answer.unmeasured_of.get(place[0], "")
    why = _said(matching(answer.doubts, place))
    if answer.doubts and not why and answer.state is State.PARTIAL and _is_all(answer):
        answer = replace(answer, state=State.FRESH, reason="")
    elif why and _is_all(answer):
        answer = replace(answer, reason=why)
    found = answer.map(pick, empty=empty)
    if never and found.value is None:
        return unmeasured(never, source=answer.source, query=answer.query)
    return found


def _is_all(answer: Reading[Any]) -> bool:
    """Whether nothing but its doubts lowers an answer."""
    return answer.reason == _said(answer.doubts.values())


def _said(reasons: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))


def _without_zero(row: Sample | Series) -> Sample | Series:
    if isinstance(row, Sample):
        return replace(row, value=row.value or None)
    return replace(row, values=tuple(value or None for value in row.values))


def _has_value(row: Sample | Series) -> bool:
    return row.value is not None if isinstance(row, Sample) else any(value is not None for value in row.values)
