"""Numbers and lengths of time as people read them, alike in tiles, tables and sentences.

Pure. What is missing is a dash, never a 0.
"""

from __future__ import annotations

import math
from datetime import timedelta

from dashboard.model.reading import Unit

DASH = "—"
# More than anybody measures: a time stamp taken for a length of time, in another unit.
_LONGEST_SECONDS = 100 * 365 * 86_400
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def number(value: float | None, unit: Unit) -> str:
    """The value with its unit, for example `8.3 %`, `840 ms`, `1.2 GiB`."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    match unit:
        case Unit.RATIO:
            return f"{percent(value)} %"
        case Unit.SECONDS:
            return _seconds(value)
        case Unit.PER_SECOND:
            return f"{_digits(value)} /s"
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
        return f"{percent:.{digits}f}"
    return f"{percent:.1f}".removesuffix(".0") if size < 99 else f"{percent:.0f}"


def _seconds(value: float) -> str:
    size = abs(value)
    if size == 0:
        return "0 s"
    if size < 0.001:
        return f"{value * 1e6:.0f} µs"
    if size < 0.9995:
        return f"{value * 1000:.0f} ms" if size >= 0.01 else f"{value * 1000:.1f} ms"
    if size < 10:
        return f"{value:.2f} s"
    if size < 60:
        return f"{value:.1f} s"
    if size > _LONGEST_SECONDS:
        return f"{value:.2g} s"
    return ("-" if value < 0 else "") + span(timedelta(seconds=value))


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
