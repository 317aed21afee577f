"""Does the chain of an audit file hold? Names the first fault with its line, whatever was done to the file. Pure.

A record has to stand on its line byte for byte as it was written. A line without a record is no fault only where the
next record has its hash: there a crash left it. Whole records cut off at the end leave no trace in the file itself: the
newest record that was shipped tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dashboard.act.audit import (
    GENESIS,
    UNREADABLE,
    AuditLine,
    Before,
    Record,
    digest,
    digest_of_lines,
    encoded,
)


class Fault(StrEnum):
    """What happened to a record."""

    EDITED = "edited"
    DROPPED = "dropped"
    REORDERED = "reordered"
    FORKED = "forked"
    UNREADABLE = "made unreadable"
    CUT_SHORT = "cut short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first fault: which record it is about, on which line (1 is the first) it shows, and why in words."""

    fault: Fault
    seq: int
    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer about a whole file. `torn_lines` hold no record, as the next record says: a crash left them."""

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
    """One record's place in the chain.

    `problem` says why it is not as it was written. `others` are the lines before it that hold no record;
    `is_vouched` says whether it has their hash.
    """

    line: int
    seq: int
    before: str
    hash: str
    problem: str = ""
    others: tuple[int, ...] = ()
    is_vouched: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Records:
    """A file as it was read: its records, the lines after the last one, and whether the last of these has no end."""

    links: Sequence[_Link]
    rest: Sequence[int]
    is_torn: bool


_BEGINNING = _Link(line=0, seq=0, before="", hash=GENESIS)


def verify(lines: Iterable[AuditLine], *, shipped: tuple[int, str] | None = None) -> Verification:
    """Walk the chain from its beginning to the first fault.

    Args:
        lines: of the whole file.
        shipped: number and hash of the newest record that was shipped from this file, where that is known.
    """
    read = _read(lines)
    links = read.links
    finding = _first_fault(links) or _fault_of_the_end(read) or _against_shipped(links, shipped)
    torn = tuple(number for link in links if link.is_vouched for number in link.others)
    last = links[-1].seq if links else 0
    return Verification(records=len(links), last_seq=last, torn_lines=torn, finding=finding)


def misfit(line: AuditLine, before: Before) -> str:
    """Why the record on a line is not as it was written, or does not follow what stands before it; "" when it fits."""
    record = line.record
    if record is None:
        return "it can no longer be read"
    place, last = record["agentgov"]["audit"], before.record
    former: Mapping[str, Any] = last["agentgov"]["audit"] if last else {"seq": 0, "hash": GENESIS}
    if why_not := _own_problem(line.raw, record):
        return why_not
    if (place["seq"], place["prev_hash"]) != (former["seq"] + 1, former["hash"]):
        return f"it does not follow record {former['seq']}, which stands before it"
    return "" if place.get(UNREADABLE) == digest_of_lines(before.others) else "a line before it was changed"


def _against_shipped(links: Sequence[_Link], shipped: tuple[int, str] | None) -> Finding | None:
    """A chain that holds may have lost its end, or have a last record that was edited and hashed anew."""
    if shipped is None:
        return None
    seq, hash_then = shipped
    last = links[-1] if links else _BEGINNING
    if seq > last.seq:
        reason = (
            f"record {seq} was shipped to the log store, and the file ends with record {last.seq}. Who moves an audit "
            "file away on purpose moves the file beside it that ends in .shipped as well"
        )
        return Finding(fault=Fault.DROPPED, seq=last.seq + 1, line=last.line + 1, reason=reason)
    found = links[seq - 1]  # a chain that holds has every number once
    if found.hash != hash_then:
        return _finding(Fault.EDITED, found, seq, "another record of this number was shipped to the log store")
    return None


def _read(lines: Iterable[AuditLine]) -> _Records:
    links: list[_Link] = []
    rest: dict[int, bytes] = {}
    is_torn = False
    for number, line in enumerate(lines, start=1):
        is_torn = not line.is_whole
        record = line.record if line.is_whole else None
        if record is None:
            rest[number] = line.raw
        else:
            links.append(_link(number, line.raw, record, rest))
            rest = {}
    return _Records(links=links, rest=tuple(rest), is_torn=is_torn)


def _link(line: int, raw: bytes, record: Record, others: Mapping[int, bytes]) -> _Link:
    place = record["agentgov"]["audit"]
    return _Link(
        line=line,
        seq=place["seq"],
        before=place["prev_hash"],
        hash=place["hash"],
        problem=_own_problem(raw, record),
        others=tuple(others),
        is_vouched=place.get(UNREADABLE) == digest_of_lines(tuple(others.values())),
    )


def _own_problem(raw: bytes, record: Record) -> str:
    """Why a record is not what was written on its line; "" when it is, byte for byte."""
    try:
        if digest(record) != record["agentgov"]["audit"]["hash"]:
            return "its hash is not that of its content"
        return "" if encoded(record) == raw else "its line is spelled in another way than it was written"
    except (ValueError, RecursionError):
        return "it holds what no record can hold"


def _first_fault(links: Sequence[_Link]) -> Finding | None:
    hashes = {link.hash: link for link in reversed(links)}  # the first of each
    followers = Counter(link.before for link in links)
    last = _BEGINNING
    for link in links:
        if link.problem:
            # Its own number may be what was edited: the one that is due at its place is told.
            return _finding(Fault.EDITED, link, last.seq + 1, link.problem)
        if link.before != last.hash or link.seq != last.seq + 1:
            return _misplaced(link, last, hashes, followers)
        if not link.is_vouched:
            return _unvouched(link)
        last = link
    return None


def _unvouched(link: _Link) -> Finding:
    """The lines before a record that follows the one before it are not those that it knows."""
    if not link.others:
        reason = "a line without a record, which a crash had left before it, is gone"
        return _finding(Fault.DROPPED, link, link.seq, reason)
    reason = f"it holds no record, and record {link.seq}, which follows, knows no such line"
    return Finding(fault=Fault.UNREADABLE, seq=link.seq, line=link.others[0], reason=reason)


def _fault_of_the_end(read: _Records) -> Finding | None:
    """Lines after the last record, for which no record speaks yet."""
    if not read.rest:
        return None
    seq = (read.links[-1].seq if read.links else 0) + 1
    if read.is_torn and len(read.rest) == 1:
        reason = "the file ends within it, by a crash or because somebody cut it; the next record will have its hash"
        return Finding(fault=Fault.CUT_SHORT, seq=seq, line=read.rest[0], reason=reason)
    reason = "it holds no record, and no record follows that knows it"
    return Finding(fault=Fault.UNREADABLE, seq=seq, line=read.rest[0], reason=reason)


def _misplaced(link: _Link, last: _Link, hashes: Mapping[str, _Link], followers: Counter[str]) -> Finding:
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
    if link.seq > expected and link.others and not link.is_vouched:
        reason = "the line where it stood can no longer be read"
        return Finding(fault=Fault.UNREADABLE, seq=expected, line=link.others[0], reason=reason)
    if link.seq > expected:
        gone = f"record {expected} is" if link.seq == expected + 1 else f"records {expected} to {link.seq - 1} are"
        return _finding(Fault.DROPPED, link, expected, f"{gone} missing before record {link.seq}")
    if link.seq == expected and last.line:
        reason = f"its hash was made anew: record {link.seq} follows another one"
        return Finding(fault=Fault.EDITED, seq=last.seq, line=last.line, reason=reason)
    return _finding(Fault.FORKED, link, link.seq, f"it follows no record of this chain; record {expected} is due")


def _finding(fault: Fault, link: _Link, seq: int, reason: str) -> Finding:
    return Finding(fault=fault, seq=seq, line=link.line, reason=reason)
