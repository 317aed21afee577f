"""Does the chain of an audit file hold? Names the first record that was edited, dropped, reordered or forked. Pure.

What was cut off at the end leaves no trace in the file itself: the newest record that was shipped tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dashboard.act.audit import GENESIS, AuditLine, Record, digest


class Fault(StrEnum):
    """What happened to a record."""

    EDITED = "edited"
    DROPPED = "dropped"
    REORDERED = "reordered"
    FORKED = "forked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first fault: which record it is about, on which line (1 is the first) it shows, and why in words."""

    fault: Fault
    seq: int
    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer about a whole file. `torn_lines` were cut short by a crash; no record is missing there."""

    records: int
    last_seq: int
    torn_lines: tuple[int, ...]
    finding: Finding | None

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return self.finding is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """One record's place in the chain; `is_true` says whether its hash is that of its content."""

    line: int
    seq: int
    before: str
    hash: str
    is_true: bool


_BEGINNING = _Link(line=0, seq=0, before="", hash=GENESIS, is_true=True)


def verify(lines: Iterable[AuditLine], *, shipped: tuple[int, str] | None = None) -> Verification:
    """Walk the chain from its beginning to the first fault.

    Args:
        lines: of the whole file.
        shipped: number and hash of the newest record that was shipped from this file, where that is known.
    """
    links, others = _read(lines)
    finding = _first_fault(links, others) or _against_shipped(links, shipped)
    last = links[-1].seq if links else 0
    return Verification(records=len(links), last_seq=last, torn_lines=tuple(others), finding=finding)


def _against_shipped(links: Sequence[_Link], shipped: tuple[int, str] | None) -> Finding | None:
    """A chain that holds may have lost its end, or have a last record that was edited and hashed anew."""
    if shipped is None:
        return None
    seq, hash_then = shipped
    last = links[-1] if links else _BEGINNING
    if seq > last.seq:
        reason = f"record {seq} was shipped to the log store, and the file ends with record {last.seq}"
        return Finding(fault=Fault.DROPPED, seq=last.seq + 1, line=last.line + 1, reason=reason)
    found = links[seq - 1]  # a chain that holds has every number once
    if found.hash != hash_then:
        return _finding(Fault.EDITED, found, seq, "another record of this number was shipped to the log store")
    return None


def _read(lines: Iterable[AuditLine]) -> tuple[list[_Link], list[int]]:
    links, others = [], []
    for number, line in enumerate(lines, start=1):
        record = line.record if line.is_whole else None
        if record is None:
            others.append(number)
        else:
            links.append(_link(number, record))
    return links, others


def _link(line: int, record: Record) -> _Link:
    place = record["agentgov"]["audit"]
    try:
        is_true = digest(record) == place["hash"]
    except (ValueError, RecursionError):
        is_true = False
    return _Link(line=line, seq=place["seq"], before=place["prev_hash"], hash=place["hash"], is_true=is_true)


def _first_fault(links: Sequence[_Link], others: Sequence[int]) -> Finding | None:
    hashes = {link.hash: link for link in reversed(links)}  # the first of each
    followers = Counter(link.before for link in links)
    last = _BEGINNING
    for link in links:
        if not link.is_true:
            return _finding(Fault.EDITED, link, link.seq, "its hash is not that of its content")
        if link.before != last.hash or link.seq != last.seq + 1:
            return _misplaced(link, last, hashes, followers, others)
        last = link
    return None


def _misplaced(
    link: _Link, last: _Link, hashes: dict[str, _Link], followers: Counter[str], others: Sequence[int]
) -> Finding:
    """Why a true record does not follow the one before it."""
    expected = last.seq + 1
    if link.before == last.hash:
        return _finding(Fault.EDITED, link, expected, f"it has the number {link.seq}")
    if followers[link.before] > 1 and link.seq <= last.seq:
        reason = f"more than one record follows record {link.seq - 1}"
        return _finding(Fault.FORKED, link, link.seq, reason)
    later = hashes.get(link.before)
    if later is not None and later.line > link.line:
        reason = f"record {later.seq}, which it follows, stands later, on line {later.line}"
        return _finding(Fault.REORDERED, link, link.seq, reason)
    between = [number for number in others if last.line < number < link.line]
    if link.seq > expected and between:
        reason = f"line {between[0]}, where it stood, can no longer be read"
        return Finding(fault=Fault.EDITED, seq=expected, line=between[0], reason=reason)
    if link.seq > expected:
        gone = f"record {expected} is" if link.seq == expected + 1 else f"records {expected} to {link.seq - 1} are"
        return _finding(Fault.DROPPED, link, expected, f"{gone} missing before record {link.seq}")
    if link.seq == expected and last.line:
        reason = f"its hash was made anew: record {link.seq} follows another one"
        return Finding(fault=Fault.EDITED, seq=last.seq, line=last.line, reason=reason)
    return _finding(Fault.FORKED, link, link.seq, f"it follows no record of this chain; record {expected} is due")


def _finding(fault: Fault, link: _Link, seq: int, reason: str) -> Finding:
    return Finding(fault=fault, seq=seq, line=link.line, reason=reason)
