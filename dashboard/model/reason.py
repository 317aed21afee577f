"""A person's reason, made fit for the audit: tidied, bounded, and long enough to explain something. Pure.

Length is counted in visible characters, since readers of the audit see glyphs: blanks, zero-width characters, combining
marks and letters without a glyph do not count.
"""

from __future__ import annotations

import unicodedata

SHORTEST_REASON = 10
LONGEST_REASON = 500
LONGEST_NAME = 128

# Letters that Unicode marks as ignorable (Default_Ignorable_Code_Point), and the blank Braille cell.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Joiners shape words of several scripts and emoji; they stay, but are not visible themselves.
_JOINERS = frozenset("\u200c\u200d")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Mc", "Zs", "Zl", "Zp"})


def tidy(text: str, *, longest: int = LONGEST_REASON) -> str:
    """`text` on one line, without control and direction characters, and cut to `longest` characters.

    A lone surrogate, which no encoding can carry, becomes U+FFFD.
    """
    words = "".join(_tidied(character) for character in text).split()
    line = " ".join(words)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def visible_length(text: str) -> int:
    """How many characters of `text` have a visible glyph."""
    return sum(
        unicodedata.category(character) not in _INVISIBLE_CATEGORIES and character not in _BLANK_LETTERS
        for character in text
    )


def problem(text: str) -> str:
    """Why `text` cannot stand as a reason; "" when it can."""
    if visible_length(text) < SHORTEST_REASON:
        return f"needs a reason of at least {SHORTEST_REASON} visible characters"
    if len(text) > LONGEST_REASON:
        return f"needs a reason of at most {LONGEST_REASON} characters"
    return ""


def _tidied(character: str) -> str:
    match unicodedata.category(character):
        case "Cs":
            return "\ufffd"
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" if character not in _JOINERS:
            return ""
        case _:
            return character
