"""From the raw counters of pods to counts per interval: increases per pod, then sums by track.

What cannot be counted (a missed scrape, a restart, the first moments of a pod) is left out by the same rule on both
tracks. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dashboard.decide import counters
from dashboard.decide.factor import Array
from dashboard.decide.ordinary import Flags
from dashboard.model.reading import Reading
from dashboard.model.release import Track
from dashboard.model.series import Series
from dashboard.model.trial import Columns, PastColumns
from dashboard.queries.trial_clock import Beginning, Clock

# Its track and its name.
Pod = tuple[str, str]


def by_pod(reading: Reading[tuple[Series, ...]], length: int) -> dict[Pod, Array]:
    """The counter of each pod on the grid, NaN where there is no sample."""
    return by_pod_of(reading.value or (), length)


def by_pod_of(lines: Iterable[Series], length: int) -> dict[Pod, Array]:
    """The same for some lines. Lines of one pod are spellings of one counter: the largest value is the newest."""
    found: dict[Pod, Array] = {}
    for series in lines:
        rows = np.array([np.nan if value is None else value for value in series.values], dtype=float)
        if len(rows) == length:
            pod = series.labels.get("track", ""), series.labels.get("pod", "")
            found[pod] = np.fmax(found[pod], rows) if pod in found else rows
    return found


def one_sided(total_events: Mapping[Pod, Array], candidate: Track, what: str) -> str:
    """Why a metric cannot be compared at all; "" when both tracks report it."""
    silent = [track for track in (candidate, candidate.other) if not any(known == track for known, _ in total_events)]
    return f"{' and '.join(silent)} reported no {what} since the release began" if silent else ""


@dataclass(frozen=True, slots=True)
class Used:
    """Which intervals of which pods count."""

    beginning: Beginning
    clock: Clock
    moments: Array
    is_ordinary: Flags

    def increases(
        self,
        total_events: Array,
        bad_events: Array | None,
        *,
        is_missing_none: bool = True,
        are_of_own: bool = False,
    ) -> tuple[Array, Array]:
        """Total and bad events of one pod per interval, 0 where they are left out.

        Args:
            is_missing_none: a missing series means no bad events. Not so for buckets, which exist or are unknown.
            are_of_own: bad events are a metric of their own, so there may be more of them than events.
        """
        n, x = self._grown(total_events, bad_events, is_missing_none=is_missing_none)
        counts = np.isfinite(n) & np.isfinite(x) & self._warm(total_events) & self.is_ordinary
        if are_of_own:
            return counters.among(np.where(counts, n, 0.0), np.where(counts, x, 0.0))
        counts &= ~_contradicts(n, x)
        return np.where(counts, n, 0.0), np.where(counts, x, 0.0)

    def contradicted(self, total_events: Array, bad_events: Array | None) -> Flags:
        """The intervals of one pod that are left out because there were more bad events than events."""
        return _contradicts(*self._grown(total_events, bad_events, is_missing_none=True))

    def _grown(self, total_events: Array, bad_events: Array | None, *, is_missing_none: bool) -> tuple[Array, Array]:
        bad_rows = np.full_like(total_events, np.nan) if bad_events is None else bad_events
        # A sample without one of the total events does not count.
        events = np.where(np.isnan(total_events), np.nan, np.nan_to_num(bad_rows) if is_missing_none else bad_rows)
        grown = counters.without_leaps(total_events, counters.increases(total_events))
        return grown, counters.increases(events)

    def spent(self, runs: Array, cost: Array) -> Array:
        """The cost of one pod's runs per interval, 0 where cost or runs are left out."""
        n, spent = counters.without_leaps(runs, counters.increases(runs)), counters.increases(cost)
        counts = np.isfinite(n) & np.isfinite(spent) & self._warm(runs) & self.is_ordinary
        return np.where(counts, spent, 0.0)

    def level(self, runs: Array, rows: Array) -> Array:
        """A level of one pod at the end of each interval, such as its runs under way; 0 where runs are left out."""
        n, after = counters.without_leaps(runs, counters.increases(runs)), rows[1:]
        counts = np.isfinite(n) & np.isfinite(after) & self._warm(runs) & self.is_ordinary
        return np.where(counts, after, 0.0)

    def tracks(self, counts: Mapping[Pod, Array]) -> PastColumns:
        """The sums of both tracks, over pods of all releases."""
        candidate = self.beginning.candidate
        ours, theirs = (
            self._sum(rows for (known, _), rows in counts.items() if known == track)
            for track in (candidate, candidate.other)
        )
        return PastColumns(candidate=_whole(ours), baseline=_whole(theirs))

    def _warm(self, total_events: Array) -> Flags:
        """The intervals after the warm-up of a pod that started, or restarted, within the grid.

        Warm-up starts with the interval in which the pod's first run ended: a pod without traffic does not warm up.
        """
        seen = np.isfinite(total_events)
        anew = np.append(False, np.diff(np.nan_to_num(total_events)) < 0) & seen
        first = np.zeros_like(seen)
        begun = seen & (np.nan_to_num(total_events) > 0)
        if begun.any() and not seen[0]:
            at = int(begun.argmax())
            first[at - 1 if seen[at - 1] else at] = True
        started = np.where(anew | first, self.moments, -np.inf)
        warm: Flags = self.moments[:-1] >= np.maximum.accumulate(started)[:-1] + self.clock.warm_up
        return warm

    def left_out(
        self, runs: Mapping[Pod, Array], contradicted: Mapping[Pod, Flags] = MappingProxyType({})
    ) -> dict[Track, float]:
        """For each track, the share of its pods' intervals since the release began that could not be counted."""
        shares = {}
        for track in Track:
            lived = unknown = 0
            for pod, rows in runs.items():
                if pod[0] != track:
                    continue
                seen = np.isfinite(rows)
                # A pod lives between its first and its last sample.
                lives = np.maximum.accumulate(seen) & np.maximum.accumulate(seen[::-1])[::-1]
                now = self.moments[:-1] >= self.clock.begin
                alive = lives[:-1] & lives[1:] & now
                lived += int(alive.sum())
                known_growth = np.isfinite(counters.without_leaps(rows, counters.increases(rows)))
                is_odd = contradicted.get(pod, np.zeros_like(alive))
                unknown += int((alive & (~known_growth | is_odd)).sum())
            shares[track] = round(unknown / lived, 4) if lived else 0.0
        return shares

    def columns(self, counts: Mapping[Pod, Array], is_kept: Flags) -> Columns:
        """The candidate's sum since the release began, and the sums of two halves of the baseline's pods."""
        candidate = self.beginning.candidate
        ours = [rows for (t, pod), rows in counts.items() if t == candidate and pod.startswith(self.beginning.pods)]
        theirs = [counts[key] for key in sorted(counts) if key[0] == candidate.other]
        since = np.where(self.moments[:-1] >= self.clock.begin, self._sum(ours), 0.0)
        return Columns(
            candidate=_whole(since[is_kept]),
            first=_whole(self._sum(theirs[0::2])[is_kept]),
            second=_whole(self._sum(theirs[1::2])[is_kept]),
        )

    def _sum(self, rows: Iterable[Array]) -> Array:
        total = np.zeros(len(self.moments) - 1)
        for row in rows:
            total = total + row
        return total


def _contradicts(n: Array, x: Array) -> Flags:
    found: Flags = np.isfinite(n) & (np.nan_to_num(x) > np.nan_to_num(n))
    return found


def _whole(rows: Array) -> tuple[int, ...]:
    return tuple(map(int, np.rint(rows).tolist()))
