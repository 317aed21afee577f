"""What an act on alerts needs of Alertmanager."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from connectors.alertmanager import FiringAlert, Silence


class Alerting(Protocol):
    """The part of `connectors.alertmanager.Alertmanager` that acts use. Every method may raise a `SourceError`."""

    def alerts(self, filters: Sequence[str] = ()) -> tuple[FiringAlert, ...]:
        """All alerts that fire now and fit each of the filters."""
        ...

    def silences(self) -> tuple[Silence, ...]:
        """All silences, ended ones too."""
        ...

    def silence_of(self, silence_id: str) -> Silence:
        """One silence; `NotFound` when there is none."""
        ...

    def silence(self, silence: Silence) -> str:
        """Creates a silence, or changes the one of its id; answers the id."""
        ...

    def expire(self, silence_id: str) -> None:
        """Ends a silence now; `NotFound` when there is none."""
        ...
