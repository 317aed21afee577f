"""Answers to a view's questions under the names it gave them, typed at the point of use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from dashboard.decide.routing import Route
from dashboard.model.alert import Alert, GroupedAlerts
from dashboard.model.log import LogEntry, LogPage, Patterns, Surroundings
from dashboard.model.reading import Reading
from dashboard.model.series import Sample, Series
from dashboard.model.silence import Mute
from dashboard.queries.request import (
    AlertGroups,
    Alerts,
    Instant,
    LogContext,
    LogDocument,
    LogPatterns,
    Logs,
    MoreLogs,
    Objects,
    PodLog,
    Range,
    Request,
    Routes,
    Silences,
)

T = TypeVar("T")


class Readings:
    """What `Ask.gather` returns. A key read with the wrong method is a bug and raises."""

    def __init__(self, requests: Mapping[str, Request], readings: Mapping[str, Reading[Any]]) -> None:
        self._requests = requests
        self._readings = readings

    def samples(self, key: str) -> Reading[tuple[Sample, ...]]:
        """The series of an `Instant`; EMPTY when there is none."""
        return self._typed(key, Instant)

    def scalar(self, key: str) -> Reading[float]:
        """The one value of an `Instant`; EMPTY when there is no series or it is not a number (nothing to divide by).

        Raises:
            ValueError: there are several series; the expression lacks an aggregation.
        """
        return self.samples(key).map(self._only(key), empty="no traffic: nothing to compute the value from")

    def series(self, key: str) -> Reading[tuple[Series, ...]]:
        """The lines of a `Range` on one grid; EMPTY when there is none."""
        return self._typed(key, Range)

    def alerts(self, key: str) -> Reading[tuple[Alert, ...]]:
        """The alerts of an `Alerts`; no alert at all is a fresh empty tuple."""
        return self._typed(key, Alerts)

    def groups(self, key: str) -> Reading[tuple[GroupedAlerts, ...]]:
        """The groups of an `AlertGroups`; no alert at all is a fresh empty tuple."""
        return self._typed(key, AlertGroups)

    def silences(self, key: str) -> Reading[tuple[Mute, ...]]:
        """The silences of a `Silences`; none at all is a fresh empty tuple."""
        return self._typed(key, Silences)

    def routes(self, key: str) -> Reading[Route]:
        """The root route of a `Routes`; MISSING where Alertmanager's configuration cannot be understood."""
        return self._typed(key, Routes)

    def logs(self, key: str) -> Reading[LogPage]:
        """The page of a `Logs` or `MoreLogs`; no match at all is a fresh page with a total of 0."""
        return self._typed(key, Logs, MoreLogs)

    def entry(self, key: str) -> Reading[LogEntry]:
        """The document of a `LogDocument`; EMPTY when it is not there, or no longer."""
        return self._typed(key, LogDocument)

    def surroundings(self, key: str) -> Reading[Surroundings]:
        """What a `LogContext` found around a document; EMPTY when that is not there, or no longer."""
        return self._typed(key, LogContext)

    def patterns(self, key: str) -> Reading[Patterns]:
        """What a `LogPatterns` made of the newest lines; no line at all is fresh, with no pattern."""
        return self._typed(key, LogPatterns)

    def objects(self, key: str) -> Reading[tuple[Mapping[str, Any], ...]]:
        """The raw JSON objects of an `Objects` request, shared with other viewers: read, do not write."""
        return self._typed(key, Objects)

    def text(self, key: str) -> Reading[str]:
        """The text of a `PodLog`."""
        return self._typed(key, PodLog)

    def readings(self) -> tuple[Reading[Any], ...]:
        """All readings, of any type: for the state of a view as a whole."""
        return tuple(self._readings.values())

    def _typed(self, key: str, *kinds: type[Request]) -> Reading[Any]:
        request = self._requests[key]
        if not isinstance(request, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise TypeError(f"{key!r} was asked as {type(request).__name__}, not as {wanted}")
        return self._readings[key]

    def _only(self, key: str) -> Any:
        def value(samples: tuple[Sample, ...]) -> float | None:
            if len(samples) > 1:
                raise ValueError(f"{key!r} has {len(samples)} series where one is expected")
            found = samples[0].value if samples else None
            return found if found is not None and math.isfinite(found) else None

        return value
