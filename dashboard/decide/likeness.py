"""Which log lines are of one kind: equal except for numbers, ids and names, which are masked.

Used for log patterns and for new kinds of errors alike. The kind depends on the line alone, not on the order of lines
or their neighbours. Kinds that differ in one plain word stay apart: that word may be all that distinguishes a new error
from an old one. Time is linear in the length of a line. Pure.
"""

from __future__ import annotations

import re

from dashboard.decide import lines

MASK = "…"
LONGEST_KIND = 400
# Chinese, Japanese, Thai, Lao, Burmese and Khmer have no spaces between words, so no run of their letters is one word.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_LETTER = rf"[^\W{_UNSPACED}]"
# A longer token without a break is no word: an encoded value, or garbage.
_LONGEST_WORD = 40

# One word in quotes is a name. Several are what the line says. An apostrophe within a word opens no quote.
_QUOTED = re.compile(rf"""(?<!{_LETTER})(["'`])[^\s"'`{_UNSPACED}]{{1,100}}\1(?!{_LETTER})""")
_TOKEN = re.compile(rf"{_LETTER}++(?:[.-]++{_LETTER}++)*+|\d++")
# The class of an error says what went wrong, whatever package it is of: `org.h2.jdbc.LedgerCorrupt`.
_CLASS = re.compile(r"\.(?:[A-Z]++[a-z]++){2,}+$")
# What went wrong, by number: a status of HTTP, an exit code, a state of SQL.
_CODE = re.compile(
    r"(?i)\b(?:(?:status|exit|error|return)?[ _]?code|status|sqlstate|errno|http(?:/[12](?:\.\d)?)?)"
    r"[\"']?[ =:\[(]{1,2}[0-9a-z]{1,5}\b"
)
# An error in quotes behind its key is no name.
_STATED = re.compile(r"""\b((?:error|err|cause|exception|reason|code)=)(["'])([^\s"']{1,100})\2""")
# Digits of codes stand aside in signs that nobody writes, while numbers are masked.
_HIDDEN = {ord(digit): 0xE000 + int(digit) for digit in "0123456789"}
_SHOWN = {hidden: chr(digit) for digit, hidden in _HIDDEN.items()}
_DIGIT = re.compile(r"\d")
# A time or an address is one variable part, not one for each number in it; a sign, % or # belongs to its number.
_JOINED = re.compile(rf"(?<!\S)[-+#]{MASK}|{MASK}(?:[:,/x+% ]{{1,2}}{MASK})+%?|{MASK}%")


def kind(message: str) -> str:
    """The text that all lines of this kind have in common; "" for an empty line."""
    return _shortened(masked(lines.read(message).text)).strip()


def masked(text: str) -> str:
    """A text with its variable parts masked; long texts are cut. Codes of errors are no variable part."""
    text = " ".join(text[: lines.LONGEST_LINE].split())
    text = _CODE.sub(lambda found: found[0].translate(_HIDDEN), _STATED.sub(r"\1\3", text))
    return _JOINED.sub(MASK, _TOKEN.sub(_mask, _QUOTED.sub(MASK, text))).translate(_SHOWN)


def _shortened(text: str) -> str:
    """Its beginning and its end: a long line names its cause last."""
    half = LONGEST_KIND // 2
    return text if len(text) <= LONGEST_KIND else f"{text[:half]}{MASK}{text[len(MASK) - half :]}"


def _mask(found: re.Match[str]) -> str:
    token = found[0]
    if not (_DIGIT.search(token) or _is_unbroken(token)):
        return token
    named = _CLASS.search(token)
    return MASK + named[0] if named else MASK


def _is_unbroken(token: str) -> bool:
    return len(token) > _LONGEST_WORD and not ("." in token or "-" in token or "_" in token)
