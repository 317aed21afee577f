"""Traces that were read lately, so that a refresh does not read ten thousand spans again that have not changed.

Spans are only ever added. A look at the newest span and the number of them therefore tells whether a trace is the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from dashboard.model.log import LogPage
from dashboard.model.reading import Reading, State
from dashboard.model.trace import WholeTrace
from dashboard.queries.ask import Ask

# Some 30 MiB; one trace has 10,000 at most.
MOST_SPANS: Final = 20_000
Trace: TypeAlias = Reading[WholeTrace]


@dataclass(frozen=True, slots=True)
class _Kept:
    look: Hashable
    trace: Trace
    spans: int


class KeptTraces:
    """The traces of one environment that were asked for last. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: OrderedDict[Hashable, _Kept] = OrderedDict()

    def same(self, key: Hashable, look: Reading[LogPage]) -> Trace | None:
        """The trace under `key` if it is as it was, by a new look at it; None where it has to be read.

        While nothing can be looked at, it is stale and says why.
        """
        with self._lock:
            kept = self._traces.get(key)
            if kept is None:
                return None
            self._traces.move_to_end(key)
        if look.state in (State.STALE, State.MISSING):
            said = "; ".join(filter(None, (kept.trace.reason, look.reason)))
            return replace(kept.trace, state=State.STALE, reason=said)
        return replace(kept.trace, as_of=look.as_of) if kept.look == _seen(look) else None

    def keep(self, key: Hashable, look: Reading[LogPage], trace: Trace) -> None:
        """Keep what was read just after `look`; the traces that nobody asked for the longest make room."""
        seen = _seen(look)
        if trace.value is None or trace.state not in (State.FRESH, State.PARTIAL) or seen is None:
            return
        if trace.value.total != look_total(look):  # spans came in between
            return
        with self._lock:
            self._traces[key] = _Kept(seen, trace, len(trace.value.tree.nodes))
            self._traces.move_to_end(key)
            while len(self._traces) > 1 and sum(one.spans for one in self._traces.values()) > MOST_SPANS:
                self._traces.popitem(last=False)


def look_total(look: Reading[LogPage]) -> int:
    """How many spans a look counted."""
    return look.value.total if look.value is not None else 0


def _seen(look: Reading[LogPage]) -> Hashable:
    """What a look tells; None where it tells nothing certain."""
    if look.state is not State.FRESH or look.value is None or look.value.total_is_lower_bound:
        return None
    return (look.value.total, tuple((one.index, one.id) for one in look.value.entries))


_of_asks: WeakKeyDictionary[Ask, KeptTraces] = WeakKeyDictionary()
_making = threading.Lock()


def kept_by(ask: Ask) -> KeptTraces:
    """The traces of the environment that `ask` is about."""
    with _making:
        return _of_asks.setdefault(ask, KeptTraces())
