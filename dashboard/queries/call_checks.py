"""What is looked at before and beside a call: whether it is measured here, and whether its bad events are told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from dashboard.decide.bad_events import by_place, doubts
from dashboard.model.bad_events import BadEvents, Place, SeenEvents
from dashboard.model.reading import State, missing, unmeasured
from dashboard.model.words import Words
from dashboard.queries.believed import doubted
from dashboard.queries.cache import AnyReading
from dashboard.queries.dispatch import Awaiting, Dispatcher, at_once
from dashboard.queries.presence import lacking
from dashboard.queries.source_calls import SourceCall, SourceCalls
from dashboard.queries.source_calls.call import NAMES_SECONDS
from dashboard.settings import EnvironmentSettings

# The names of metrics are asked before the questions that depend on them; the answer is cached for minutes.
NAMES_PATIENCE_SECONDS = 0.5
# A metric that was missing may exist by now, so its absence is cached for seconds only.
NEW_NAMES_SECONDS = 5.0


class CallChecks:
    """Sets calls going with the looks that they need. Safe for threads."""

    def __init__(self, environment: EnvironmentSettings, calls: SourceCalls, dispatcher: Dispatcher) -> None:
        self._named = environment.named_metrics
        self._words: Words = environment.words.tables()
        self._calls = calls
        self._dispatcher = dispatcher

    def present(self, calls: Iterable[SourceCall]) -> Mapping[str, frozenset[str] | None]:
        """The metrics that there have been, for each selector of namespace and service that the calls read.

        Where metrics are missing, the question is repeated soon: they may exist by now.
        """
        return self._present_of([call.series for call in calls])

    def _present_of(self, asked: Collection[tuple[tuple[str, str], ...]]) -> Mapping[str, frozenset[str] | None]:
        selectors = {selector for series in asked for _, selector in series if selector}
        present = self._present_within(selectors, NAMES_SECONDS)
        short = {selector for series in asked if lacking(series, present) for _, selector in series if selector}
        return {**present, **self._present_within(short, NEW_NAMES_SECONDS)}

    def _present_within(self, selectors: Iterable[str], ttl_seconds: float) -> dict[str, frozenset[str] | None]:
        calls = {selector: self._calls.telemetry.present(selector) for selector in selectors}
        patience = NAMES_PATIENCE_SECONDS
        begun = {
            selector: self._dispatcher.begin(replace(call, ttl_seconds=ttl_seconds, timeout_seconds=patience))
            for selector, call in calls.items()
        }
        found = {selector: finish(0.0) for selector, finish in begun.items()}
        # Of a source with another clock the wrong times were looked through: what is not there is not known.
        return {selector: None if one.state is State.PARTIAL else one.value for selector, one in found.items()}

    def begin(self, call: SourceCall, present: Mapping[str, frozenset[str] | None]) -> Awaiting:
        """Sets the call going, and beside it the look at how its bad events are told."""
        answering = self._begin_measured(call, present)
        if not call.bad_events and call.series_of is None:
            return answering
        looks = [(told, self.begin_seen(told, call.told_at, call.told_over_seconds)) for told in call.bad_events]

        def finish(passed: float) -> AnyReading:
            answer = answering(passed)
            if answer.value is None and answer.state is not State.EMPTY:
                return answer
            doubtful = by_place(self._doubts(told, look(passed)) for told, look in looks)
            return doubted(answer, doubtful, self._unmeasured_of(call, answer))

        return finish

    def begin_seen(
        self, told: BadEvents, at: datetime | None, over_seconds: float
    ) -> Callable[[float], tuple[AnyReading, AnyReading]]:
        """Looks at how the series of a metric say that its events ended, and which of them failed before."""
        rows = self._dispatcher.begin(self._calls.told.seen(told, at, over_seconds))
        before = self._dispatcher.begin(self._calls.told.failed_before(told))
        return lambda passed: (rows(passed), before(passed))

    def _doubts(self, told: BadEvents, found: tuple[AnyReading, AnyReading]) -> Mapping[Place, str]:
        """Why bad events may be missing, by place; of all places while nobody knows how they are told."""
        rows, before = found
        if rows.state is State.EMPTY:
            return {}
        if rows.value is None or before.value is None:
            silent = rows if rows.value is None else before
            return {("", ""): f"which events of {told.metric} are bad is not known: {silent.reason}"}
        return doubts(told, SeenEvents(rows=rows.value, failed_before=before.value), self._words)

    def _unmeasured_of(self, call: SourceCall, answer: AnyReading) -> Mapping[str, str]:
        """By service of an answer about a whole namespace, what nothing has ever measured of it."""
        if call.series_of is None:
            return {}
        services = {row.labels.get("service_name", "") for row in answer.value or ()} - {""}
        series = {service: call.series_of(service) for service in sorted(services)}
        present = self._present_of(series.values())
        return {service: why for service, asked in series.items() if (why := lacking(asked, present))}

    def _begin_measured(self, call: SourceCall, present: Mapping[str, frozenset[str] | None]) -> Awaiting:
        """Starts the call, unless nothing here has ever measured what it asks for."""
        if reason := lacking(call.series, present):
            named = self._named & {name for name, _ in call.series}
            if named and lacking(tuple(pair for pair in call.series if pair[0] in named), present):
                # The settings name it, so its absence is a mistake or an outage and holds a release.
                return at_once(missing(f"the settings name it, but there is {reason}", source=call.source))
            return at_once(unmeasured(reason, source=call.source, query=call.text))
        return self._dispatcher.begin(call)
