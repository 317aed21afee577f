"""An alert as Alertmanager holds it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One firing alert. `suppressed` means that somebody silenced it or another alert inhibits it.

    `expression` is the rule's PromQL; "" where the alert has no link to it.
    """

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    state: Literal["active", "suppressed"]
    fingerprint: str
    silenced_by: tuple[str, ...] = ()
    expression: str = ""
