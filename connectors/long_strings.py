"""Cuts very long strings out of a JSON text while it arrives, so that one huge value does not cost the whole answer.

A log line may hold a whole prompt, and a page of such lines is more than fits into memory. The text stays valid JSON; a
cut string ends with how much was left out. Time is linear: one regular expression does the scanning.
"""

from __future__ import annotations

import re

LONGEST_STRING_BYTES = 16 * 2**10

_WHOLE_STRINGS = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
# A cut must not fall into an escape or between the two escapes of a surrogate pair.
_HALF_ESCAPE = re.compile(rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\u?[0-9a-fA-F]{0,3})?|\\u[0-9a-fA-F]{0,3}|\\)\Z")


class StringCutter:
    """Takes a JSON text in pieces and returns it with no string longer than `longest_bytes`, counted as written."""

    def __init__(self, longest_bytes: int = LONGEST_STRING_BYTES) -> None:
        self._longest = longest_bytes
        self._is_inside = False
        self._kept = b""
        self._dropped = 0
        self._waiting = b""  # a backslash whose escape has not arrived

    def feed(self, piece: bytes) -> bytes:
        """The part of the text that is final after `piece`."""
        step = self._longest
        return b"".join(self._fed(piece[at : at + step]) for at in range(0, len(piece), step))

    def _fed(self, piece: bytes) -> bytes:
        """The same for a piece so small that no string within it needs a cut."""
        piece, self._waiting = self._waiting + piece, b""
        out: list[bytes] = []
        at = 0
        if self._is_inside:
            at = self._string_goes_on(piece, 0, out)
        if not self._is_inside:
            end = _WHOLE_STRINGS.match(piece, at).end()  # type: ignore[union-attr]  # it matches nothing too
            out.append(piece[at:end])
            if end < len(piece):
                out.append(b'"')
                self._is_inside = True
                self._string_goes_on(piece, end + 1, out)
        return b"".join(out)

    def _string_goes_on(self, piece: bytes, at: int, out: list[bytes]) -> int:
        """Reads the string that is open at `at`; returns where in the piece it ends."""
        end = _REST_OF_STRING.match(piece, at).end()  # type: ignore[union-attr]
        self._take(piece[at:end])
        if piece[end : end + 1] == b'"':
            out.append(self._ended() + b'"')
            self._is_inside = False
            return end + 1
        self._waiting = piece[end:]
        return len(piece)

    def rest(self) -> bytes:
        """What is left when the text ends within a string."""
        return self._ended() + self._waiting if self._is_inside else self._waiting

    def _take(self, part: bytes) -> None:
        room = self._longest - len(self._kept) if not self._dropped else 0
        self._kept += part[:room]
        self._dropped += max(0, len(part) - room)

    def _ended(self) -> bytes:
        """The string up to here, cut between two characters."""
        kept, dropped = self._kept, self._dropped
        self._kept, self._dropped = b"", 0
        if not dropped:
            return kept
        backslashes = len(kept) - len(kept.rstrip(b"\\"))
        if backslashes % 2 or not backslashes:
            kept = _HALF_ESCAPE.sub(b"", kept)
        whole = kept.decode("utf-8", "ignore").encode()
        return whole + f"… ({dropped:,} bytes left out)".encode()
