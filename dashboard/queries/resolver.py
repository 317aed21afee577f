"""Asks a backend which fields it has, once a minute and index pattern at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from connectors.elasticsearch import Elasticsearch, Unavailable
from connectors.errors import BadAnswer, NotFound, Rejected, SourceError
from dashboard.catalog.fields import OwnFields
from dashboard.queries.resolution import Resolution, resolve, wanted

# A field begins to exist with the first document that carries it.
KEPT_SECONDS = 60.0
LONGEST_SECONDS = 2.0


class Resolver:
    """The resolutions by index pattern. Safe for threads; two that come at the same time may both ask.

    Args:
        own: the environment's own names of fields, by stream and concept.
        seconds: counts seconds and never goes back.
    """

    def __init__(
        self,
        elasticsearch: Elasticsearch,
        *,
        own: Mapping[str, OwnFields] = MappingProxyType({}),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._elasticsearch = elasticsearch
        self._own = own
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, Resolution]] = {}

    def resolution(self, stream: str, indices: str, *, timeout_seconds: float = LONGEST_SECONDS) -> Resolution:
        """What stands for the concepts of `stream` in `indices`: known for up to KEPT_SECONDS, else asked.

        If the backend does not answer, the last known resolution is used; if we may search but not read mappings, the
        standard names.

        Raises:
            SourceError: nothing is known yet, and the backend did not answer.
        """
        with self._lock:
            at, known = self._known.get((stream, indices), (0.0, None))
        if known is not None and self._seconds() - at < KEPT_SECONDS:
            return known
        own = self._own.get(stream, {})
        patience = min(timeout_seconds, LONGEST_SECONDS)
        try:
            types = self._elasticsearch.field_types(indices, wanted(stream, own), timeout_seconds=patience)
            unavailable = self._unavailable(indices, patience)
        except Rejected:
            found = known or Resolution(stream=stream, own=own)
        except SourceError:
            if known is None:
                raise
            return known
        else:
            if not types.indices:
                return Resolution(stream=stream, unavailable=unavailable, own=own)  # there may be one in a second
            found = resolve(stream, types, unavailable, own)
        with self._lock:
            self._known[stream, indices] = (self._seconds(), found)
        return found

    def _unavailable(self, indices: str, timeout_seconds: float) -> tuple[Unavailable, ...]:
        """What cannot be searched, as far as we may know."""
        try:
            return self._elasticsearch.unavailable(indices, timeout_seconds=timeout_seconds)
        except (Rejected, NotFound, BadAnswer):  # no right to look, or a backend that cannot tell
            return ()
