"""What a page says about the audit: whether every record has reached the log store, and what keeps the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStatus:
    """The audit file beside the log store.

    `waiting` records were not shipped yet. `refused` ones were not taken by the store; `refusal` is the reason for the
    newest of them. `trouble` says why shipping stands still now. `unreadable` and `unwritable` say why the file itself
    cannot be read, or why no record can be appended, without which nothing may be switched.
    """

    file: str
    waiting: int = 0
    refused: int = 0
    refusal: str = ""
    trouble: str = ""
    unreadable: str = ""
    unwritable: str = ""
