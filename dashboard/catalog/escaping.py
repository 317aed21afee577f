"""Escapes text from outside for PromQL: a value can never break out of its placeholder.

PromQL's double-quoted strings have Go's escapes; its regexes are RE2, always anchored at both ends. Pure.
"""

from __future__ import annotations

import re

_REGEX_SIGNS = re.compile(r"[\\.+*?()|\[\]{}^$]")
_WINDOW = re.compile(r"(?:[1-9][0-9]*(?:ms|s|m|h|d|w|y))+")
_PART = re.compile(r"([0-9]+)(ms|s|m|h|d|w|y)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_NAMES = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(?:\s*,\s*[a-zA-Z_][a-zA-Z0-9_]*)*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?")
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Regex(str):
    """A finished RE2 pattern: goes into `=~"..."` with only the string's own characters escaped."""

    __slots__ = ()


def label_value(text: str) -> str:
    """`text` as it stands between the double quotes of PromQL.

    Prometheus takes a raw U+FFFD for broken UTF-8 and refuses it, so it is written as an escape, as control characters
    are. Lone surrogates, which no label can hold, become U+FFFD.
    """
    return "".join(map(_escaped, text))


def literal(text: str) -> Regex:
    """The pattern that matches exactly `text`."""
    return Regex(_REGEX_SIGNS.sub(lambda sign: "\\" + sign.group(), text))


def any_or(text: str | None) -> Regex:
    """The pattern of an optional filter: exactly `text`; any value or none where `text` is empty."""
    if isinstance(text, Regex):
        return text
    return literal(text) if text else Regex(".*")


def window(text: str) -> str:
    """`text` if it is a PromQL duration such as `1m` or `1h30m`.

    Raises:
        ValueError: it is anything else.
    """
    return _checked(_WINDOW, text, "a duration such as 30s, 5m or 1h")


def seconds(text: str) -> float:
    """How long a PromQL duration is; 0 for none."""
    return sum(int(amount) * _UNIT_SECONDS[unit] for amount, unit in _PART.findall(text))


def bare(text: str) -> str:
    """`text` if it may stand outside quotes: a number, a name or names with commas between, as in `by ($by)`.

    Raises:
        ValueError: it is anything else.
    """
    if _NUMBER.fullmatch(text):
        return text
    return _checked(_NAMES, text, "a number or label names with commas between")


def _checked(allowed: re.Pattern[str], text: str, what: str) -> str:
    if not allowed.fullmatch(text):
        raise ValueError(f"{text!r} is not {what}")
    return text


def _escaped(sign: str) -> str:
    if sign in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[sign]
    code = ord(sign)
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    if code < 0x20 or 0x7F <= code < 0xA0 or code == 0xFFFD:
        return f"\\u{code:04x}"
    return sign
