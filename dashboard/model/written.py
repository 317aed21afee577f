"""Numbers and lengths of time as people read them, alike in tiles, tables, gates, alerts, sentences and commands.

Pure, and the only place that formats a figure for people. What is missing is a dash, never a 0.
"""

from __future__ import annotations

import math
from datetime import timedelta

from dashboard.model.reading import Unit

DASH = "—"
# More than anybody measures: a time stamp taken for a length of time, in another unit.
_LONGEST_SECONDS = 100 * 365 * 86_400
# Beyond it a figure in per cent, or by the hour, would be endless.
_LARGEST = 1e300
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def number(value: float | None, unit: Unit) -> str:
    """The value with its unit, for example `8.3 %`, `840 ms`, `1.2 GiB`."""
    if value is None or math.isnan(value):
        return DASH
    if abs(value) > _LARGEST:
        return "∞" if value > 0 else "-∞"
    match unit:
        case Unit.RATIO:
            return f"{percent(value)} %"
        case Unit.SECONDS:
            return _seconds(value)
        case Unit.PER_SECOND:
            figure, per = _per(value)
            return f"{figure} /{per}"
        case Unit.BYTES:
            return _bytes(value)
        case Unit.CORES:
            return f"{_digits(value)} cores"
        case Unit.USD:
            return _usd(value)
        case Unit.TOKENS:
            return f"{_short(value)} tokens"
        case Unit.TIMES:
            return f"{_digits(value)} ×" if value >= 0.01 or value == 0 else "< 0.01 ×"
        case Unit.COUNT:
            return _short(value)
        case Unit.LEFT:
            return f"{percent(value)} %" if value >= 0 else f"overspent {_digits(1 - value)} ×"


def count(value: float, noun: str = "", plural: str = "") -> str:
    """A count in full, with what is counted: `1 run`, `5,747 runs`, `2 kinds`."""
    written = f"{value:,.0f}"
    return f"{written} {noun if written == '1' else plural or f'{noun}s'}" if noun else written


def rate(per_second: float, nouns: str) -> str:
    """A rate as a sentence says it: `12.3 runs a second`, `1.2 denials a minute`."""
    figure, per = _per(per_second)
    return f"{figure} {nouns} a{'n' if per == 'h' else ''} { {'s': 'second', 'min': 'minute', 'h': 'hour'}[per] }"


def duration(seconds: float) -> str:
    """A length of time in whole seconds, for windows and for time left: `45 s`, `5 min`, `6 h 12 min`."""
    return span(timedelta(seconds=round(seconds)))


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `4 min 10 s`, `2 d 3 h`."""
    seconds = int(abs(length.total_seconds()))
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{count} {word}" for count, word in parts[:2] if count) or "0 s"


def percent(ratio: float) -> str:
    """A ratio in per cent, with more digits towards 0 and 100, where they decide."""
    percent = ratio * 100
    size = abs(percent)
    if size == 0 or size >= 1000:
        return f"{percent:.0f}"
    if size < 1 or 99 <= size < 100:
        # 99.996 % must not be shown as 100 %: the missing part is the message.
        digits = next((digits for digits in (2, 3, 4) if abs(round(percent, digits)) not in (0.0, 100.0)), None)
        if digits is None:
            return "<0.0001" if size < 1 else ">99.9999"
        return f"{percent:.{digits}f}".rstrip("0").rstrip(".")
    return f"{percent:.1f}".removesuffix(".0") if size < 99 else f"{percent:.0f}"


def _seconds(value: float) -> str:
    size = abs(value)
    if size == 0:
        return "0 s"
    if size < 0.001:
        return f"{value * 1e6:.0f} µs"
    if size < 0.9995:
        return f"{value * 1000:.0f} ms" if size >= 0.01 else f"{value * 1000:.1f} ms"
    if size < 59.95:
        return f"{value:.0f} s" if value == round(value) else f"{value:.{2 if size < 9.995 else 1}f} s"
    if size > _LONGEST_SECONDS:
        return f"{value:.2g} s"
    return ("-" if value < 0 else "") + duration(value)


def rates_beside(per_second: float, top: float) -> str:
    """A rate in the unit of `top`, the highest beside it: the marks of one axis do not change their unit."""
    figure, per = _per(per_second, by=top)
    return f"{figure} /{per}"


def _per(per_second: float, by: float | None = None) -> tuple[str, str]:
    """A rate by the time in which a person could count some: per second, minute or hour; never in thousandths."""
    size = abs(per_second if by is None else by)
    if size >= 0.1 or size == 0 or math.isinf(size) or math.isnan(size):
        return _digits(per_second), "s"
    return (_digits(per_second * 60), "min") if size * 60 >= 0.1 else (_digits(per_second * 3600), "h")


def _bytes(value: float) -> str:
    size, index = abs(value), 0
    while size >= 1024 and index < len(_BINARY) - 1:
        size, index = size / 1024, index + 1
    return f"{'-' if value < 0 else ''}{_digits(size)} {_BINARY[index]}"


def _usd(value: float) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size == 0:
        return "$0"
    if size < 0.01:
        return f"{sign}${size:.2g}" if size >= 0.0001 else f"{sign}${size:.1e}"
    return f"{sign}${size:,.2f}" if size < 1000 else f"{sign}${_short(size)}"


def _digits(value: float) -> str:
    """Three significant digits, no exponent for everyday sizes."""
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.001:
        return f"{value:.1e}"
    if size < 1:
        return f"{value:.3f}".rstrip("0")
    if size < 100:
        return f"{value:.1f}".removesuffix(".0") if size >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")
    return _short(value)


def _short(value: float) -> str:
    """Counts: whole up to 10,000, then k, M, G."""
    size = abs(value)
    if size < 10_000:
        return f"{value:,.0f}" if float(value).is_integer() or size >= 100 else f"{value:.3g}"
    for power, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= power:
            return f"{value / power:.1f} {word}"
    return f"{value:.0f}"
