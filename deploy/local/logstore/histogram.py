"""`date_histogram`: steps of equal length from the engine's histogram; those of the calendar as ranges of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tantivy import Query

from deploy.local.logstore.errors import StoreError, illegal
from deploy.local.logstore.times import duration, instant, rendered, steps, time_zone

if TYPE_CHECKING:
    from deploy.local.logstore.aggregations import Aggregator, Node

MOST_BUCKETS = 65_536
_HOUR, _DAY = 3_600_000, 86_400_000
_OPTIONS = {
    "field", "fixed_interval", "calendar_interval", "min_doc_count", "extended_bounds", "hard_bounds", "offset",
    "time_zone", "format", "order",
}  # fmt: skip
_UNITS = {"second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w", "month": "M", "quarter": "q", "year": "y"}
_CALENDAR = {**_UNITS, **{f"1{unit}": unit for unit in _UNITS.values()}}
_EVEN = {"s": 1000, "m": 60_000, "h": _HOUR}


def asked(aggregator: Aggregator, query: Query, node: Node) -> dict[str, Any]:
    """What the engine is asked."""
    for option in node.options:
        if option not in _OPTIONS:
            raise StoreError(400, "x_content_parse_exception", f"[date_histogram] unknown field [{option}]")
    path, field = aggregator.field(node)
    if field is not None and field.kind != "date":
        raise illegal(f"Field [{field.name}] of type [{field.type}] is not supported for aggregation [date_histogram]")
    bounds = {
        name: _bounds(aggregator, node, name) for name in ("extended_bounds", "hard_bounds") if name in node.options
    }
    even = interval(node.options)
    if even is None:
        return {"range": {"field": path, "ranges": _ranges(aggregator, query, node, path, bounds)}}
    if any((high - low) / even > MOST_BUCKETS for low, high in bounds.values()):
        raise StoreError(
            400, "too_many_buckets_exception", f"Trying to create too many buckets: more than {MOST_BUCKETS}"
        )
    wanted: dict[str, Any] = {
        "field": path,
        "interval": even,
        "offset": _shift(node, even),
        "min_doc_count": _least(node),
    }
    if _least(node) == 0 and "extended_bounds" in bounds:
        wanted["extended_bounds"] = dict(zip(("min", "max"), bounds["extended_bounds"], strict=True))
    if "hard_bounds" in bounds:
        wanted["hard_bounds"] = dict(zip(("min", "max"), bounds["hard_bounds"], strict=True))
    return {"histogram": wanted}


def answer(
    aggregator: Aggregator, node: Node, found: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], Mapping[str, Any], int]]:
    """Buckets with the engine's own and the end of their span."""
    zone, shown, even = _zone(node), node.options.get("format", ""), interval(node.options)
    if even is None:
        raw = [(int(one["from"]), int(one["to"]), one) for one in found["buckets"] if "from" in one and "to" in one]
        raw = _trimmed(raw, _bounds(aggregator, node, "extended_bounds") if "extended_bounds" in node.options else None)
    else:
        raw = [(int(one["key"]), int(one["key"] + even), one) for one in found["buckets"]]
    raw = [one for one in raw if one[2]["doc_count"] >= _least(node)]
    if node.options.get("order", {"_key": "asc"}) not in ({"_key": "asc"}, {"_key": "desc"}):
        raise illegal("[order] of a date_histogram is by [_key] here")
    if node.options.get("order") == {"_key": "desc"}:
        raw.reverse()
    for start, end, bucket in raw:
        yield (
            {"key_as_string": rendered(start, shown, zone), "key": start, "doc_count": bucket["doc_count"]},
            bucket,
            end,
        )


def interval(options: Mapping[str, Any]) -> int | None:
    """The length of equal steps in milliseconds; None for those of a calendar. Raises StoreError."""
    fixed, calendar = options.get("fixed_interval"), options.get("calendar_interval")
    if (fixed is None) == (calendar is None):
        raise illegal("Invalid interval specified, must be one of [calendar_interval, fixed_interval]")
    zone = time_zone(options.get("time_zone", "UTC"))
    if fixed is not None:
        found = duration(fixed, "fixed_interval")
        if found <= 0:
            raise illegal("Zero or negative time interval not supported")
        is_even = _is_fixed(zone) or _HOUR % found == 0
        if not is_even and found != _DAY:
            raise illegal(f"[fixed_interval] of [{fixed}] does not fit a [time_zone] whose clock changes")
        return found if is_even else None
    if calendar not in _CALENDAR:
        raise illegal(f"The supplied interval [{calendar}] could not be parsed as a calendar interval.")
    return _EVEN.get(_CALENDAR[calendar])


def _ranges(
    aggregator: Aggregator, query: Query, node: Node, path: str, bounds: Mapping[str, tuple[int, int]]
) -> list[dict[str, Any]]:
    edge = {"low": {"min": {"field": path}}, "high": {"max": {"field": path}}}
    found = aggregator.run(query, edge)
    low, high = found["low"]["value"], found["high"]["value"]
    extended = bounds.get("extended_bounds")
    if low is None and extended is None:
        return [{"from": 0, "to": 0}]
    known = [one for one in (low, high, *(extended or ())) if one is not None]
    first, last = min(known), max(known)
    if hard := bounds.get("hard_bounds"):
        first, last = max(first, hard[0]), min(last, hard[1] - 1)
    shift = _offset(node)
    unit = _CALENDAR[node.options["calendar_interval"]] if "calendar_interval" in node.options else "d"
    edges = [one + shift for one in steps(int(first) - shift, int(last) - shift, unit, _zone(node), MOST_BUCKETS)]
    return [{"from": start, "to": end} for start, end in pairwise(edges)]


def _trimmed(raw: list[Any], extended: tuple[int, int] | None) -> list[Any]:
    """Without the empty ones before the first and behind the last, as far as they were not asked for."""
    kept = [
        at
        for at, (start, end, one) in enumerate(raw)
        if one["doc_count"] or (extended and start <= extended[1] and end > extended[0])
    ]
    return raw[kept[0] : kept[-1] + 1] if kept else []


def _bounds(aggregator: Aggregator, node: Node, name: str) -> tuple[int, int]:
    asked_bounds = node.options[name]
    try:
        low, high = (instant(asked_bounds[key], aggregator.now, zone=_zone(node)) for key in ("min", "max"))
    except KeyError as error:
        raise illegal(f"[{name}] wants [min] and [max], {error} is missing") from error
    if low > high:
        raise illegal(
            f"[{name}.min][{low}] cannot be greater than [{name}.max][{high}] for histogram aggregation [{node.name}]"
        )
    return low, high


def _shift(node: Node, even: int) -> int:
    """Where equal steps begin: at the zone's midnight, moved by the offset."""
    ahead = _zone(node).utcoffset(None) if _is_fixed(_zone(node)) else timedelta()
    return (_offset(node) - int((ahead or timedelta()) / timedelta(milliseconds=1))) % even


def _offset(node: Node) -> int:
    text = str(node.options.get("offset", "0ms"))
    return duration(text.lstrip("+-"), "offset") * (-1 if text.startswith("-") else 1)


def _zone(node: Node) -> tzinfo:
    return time_zone(node.options.get("time_zone", "UTC"))


def _is_fixed(zone: tzinfo) -> bool:
    return zone is UTC or zone.utcoffset(None) is not None


def _least(node: Node) -> int:
    return int(node.options.get("min_doc_count", 0))
