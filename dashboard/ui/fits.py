"""The part of the Sources page on logs, rights and retention: what matches, what lacks and what the cluster refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import streamlit as st

from dashboard.model.reading import Reading, State
from dashboard.queries.fit import is_too_short, retention_says
from dashboard.queries.sources import FitAnswer
from dashboard.ui.lead import Tone, fact, facts, section

_MOST_STREAMS: Final = 6


def fits(fitting: FitAnswer, retention_days: int) -> None:
    """What the log patterns match and lack, the rights that the cluster refuses, and the retention of Prometheus."""
    section("Logs, rights and retention")
    st.html(facts([*_log_facts(fitting), _rights(fitting), _retention(fitting.retention, retention_days)]))


def _log_facts(fitting: FitAnswer) -> Iterator[str]:
    for stream, reading in fitting.logs.items():
        one = reading.value
        if one is None:
            yield fact(f"Index pattern of {stream}", f"not known: {reading.reason}", tone="quiet")
            continue
        streams = f"{', '.join(one.matched[:_MOST_STREAMS])}{' and more' * (len(one.matched) > _MOST_STREAMS)}"
        said = "; ".join(filter(None, (*one.says, _partly(reading))))
        tone: Tone = "warn" if one.is_wrong or _partly(reading) else "quiet" if said else "well"
        yield fact(f"Index pattern of {stream}", f"{one.pattern} matches {streams or 'nothing'}", said, tone=tone)


def _rights(fitting: FitAnswer) -> str:
    refused = fitting.refused
    if refused.value is None:
        return fact("Rights", f"not known: {refused.reason}", tone="quiet")
    if refused.value:
        mend = "“python -m dashboard rights --ask” prints a patch of the Role"
        listed = ", ".join(map(str, refused.value))
        return fact("Rights", f"the cluster refuses: {listed}", mend, tone="warn")
    partly = _partly(refused)
    return fact("Rights", "everything that the deck does is permitted", partly, tone="warn" if partly else "well")


def _retention(reading: Reading[str], wanted_days: int) -> str:
    said = retention_says(reading, wanted_days)
    if not said:
        return fact("Retention", f"not known: {reading.reason or 'Prometheus does not say'}", tone="quiet")
    tone: Tone = "warn" if is_too_short(reading) else "well"
    return fact("Retention", f"Prometheus {said}", tone=tone)


def _partly(reading: Reading[Any]) -> str:
    return "" if reading.state is State.FRESH else reading.reason
