"""What a search by level, service or track cannot see: words that nobody understands, lines that say nothing, indices
that lack a field. It is counted beside the search, so that "none found" is never said over lines not understood. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.model.words import LogLevel, Words, shown
from dashboard.queries import clauses, search
from dashboard.queries.clauses import LEVEL, OUTCOME, Clause
from dashboard.queries.request import Logs
from dashboard.queries.resolution import FieldKind, Resolution, stream_of

# What places a line; of these alone it is worth to say that an index lacks them.
_PLACES = ("namespace", "service", "track", "pod")
_LEVELS = ("severity", "severity_number")
_MOST_NAMED = 3


def is_needed(request: Logs, fields: Resolution) -> bool:
    """Whether lines may be missed: the request asks by level, or some index lacks a field that it asks by."""
    return _is_by_level(request) or _is_by_outcome(request) or bool(_missing_somewhere(request, fields))


def query(request: Logs, fields: Resolution, words: Words) -> Clause:
    """All that the request may mean: documents that fit, or lack a field to tell, whatever their level."""
    typed = search.typed(request, fields, words)
    return {"bool": {"filter": [search.window(request), *_loosely(request, fields, words), *typed]}}


def aggregations(request: Logs, fields: Resolution, words: Words) -> Clause:
    """The counts over that query."""
    placed = _placed(request, fields, words)
    known = clauses.either([{"exists": {"field": name}} for concept in _PLACES for name in fields.fields(concept)])
    asked: Clause = {
        "unplaced": {
            "filter": {"bool": {"must_not": [placed], "filter": [known]}},
            "aggs": {"where": {"terms": {"field": "_index", "size": _MOST_NAMED}}},
        }
    }
    if _is_by_outcome(request):
        asked["placed"] = {"filter": placed, "aggs": _outcomes(fields, words)}
    if _is_by_level(request):
        asked["placed"] = {"filter": placed, "aggs": _levels(_asked_levels(request), fields, words)}
    return asked


def findings(request: Logs, fields: Resolution, words: Words, counts: Mapping[str, Any]) -> tuple[str, ...]:
    """What was missed, in words."""
    said = list(_unplaced(request, fields, counts["unplaced"]))
    if "placed" in counts:
        said += (_odd if _is_by_outcome(request) else _unclear)(words, counts["placed"])
    return tuple(said)


def _is_by_level(request: Logs) -> bool:
    return request.stream == "logs" and bool(request.filters.get(LEVEL))


def _is_by_outcome(request: Logs) -> bool:
    return request.stream == "traces" and bool(request.filters.get(OUTCOME))


def _placed(request: Logs, fields: Resolution, words: Words) -> Clause:
    wanted = {name: value for name, value in request.filters.items() if name in _PLACES}
    return clauses.every(
        [search.scope(request.namespace, fields), *clauses.filters(wanted, fields, words, request.places)]
    )


def _loosely(request: Logs, fields: Resolution, words: Words) -> Iterable[Clause]:
    told_by_pod = ("pod",) if request.places else ()
    yield clauses.either([search.scope(request.namespace, fields), clauses.absent(fields, "namespace")])
    for name, value in request.filters.items():
        if not value or name in (LEVEL, OUTCOME):
            continue
        found = clauses.filters({name: value}, fields, words, request.places)
        if name in _PLACES:
            lacks = (name, *told_by_pod) if name in ("service", "track") else (name,)
            found.append(clauses.absent(fields, *lacks))
        yield clauses.either(found)


def _asked_levels(request: Logs) -> tuple[LogLevel, ...]:
    value = request.filters[LEVEL]
    return tuple(LogLevel(one) for one in ((value,) if isinstance(value, str) else value))


def _levels(asked_for: tuple[LogLevel, ...], fields: Resolution, words: Words) -> Clause:
    """The words that stand in the field, and how many lines have neither the field nor a level's word in the line."""
    settled = clauses.settled_numbers(asked_for, fields, words)
    without_number = {"bool": {"must_not": [clauses.numbered(fields), *settled]}}
    asked: Clause = {
        f"word+{number}": {
            "filter": without_number,
            "aggs": {"values": {"terms": {"field": use.name, "size": 50}}},
        }
        for number, use in enumerate(fields.uses("severity"))
        if use.kind is not FieldKind.TEXT and use.indices is None
    }
    unclear = {
        "bool": {
            "filter": [clauses.either([{"exists": {"field": name}} for name in fields.fields("severity")])],
            "must_not": [clauses.known_level(asked_for, fields, words), clauses.numbered(fields)],
        }
    }
    asked["unclear"] = {"filter": unclear, "aggs": {"where": {"terms": {"field": "_index", "size": _MOST_NAMED}}}}
    clear = [clauses.in_line(LogLevel, fields, words), *clauses.harmless_in_line(asked_for, fields, words)]
    silent = {"bool": {"filter": [clauses.without_level(fields)], "must_not": clear}}
    asked["silent"] = {"filter": silent, "aggs": {"where": {"terms": {"field": "_index", "size": _MOST_NAMED}}}}
    asked["contradicted"] = {
        "filter": clauses.contradicted(asked_for, fields, words),
        "aggs": {"where": {"terms": {"field": "_index", "size": _MOST_NAMED}}},
    }
    return asked


def _outcomes(fields: Resolution, words: Words) -> Clause:
    """The spans whose outcome nobody understands, by their word where it can be counted."""
    counted: Clause = {
        f"word+{number}": {"terms": {"field": use.name, "size": 50}}
        for number, use in enumerate(fields.uses("status"))
        if use.kind is not FieldKind.TEXT and use.indices is None
    }
    return {"odd": {"filter": clauses.odd_outcome(fields, words), **({"aggs": counted} if counted else {})}}


def _odd(words: Words, counts: Mapping[str, Any]) -> Iterable[str]:
    odd, unknown = counts["odd"], Counter[str]()
    for part, counted in odd.items():
        if part.startswith("word+"):
            for bucket in counted["buckets"]:
                if words.outcome.meaning(str(bucket["key"])) is None:
                    unknown[str(bucket["key"])] += int(bucket["doc_count"])
    for word, count in unknown.most_common(_MOST_NAMED):
        yield f"{_spans(count)} with the outcome {shown(word)}, which is not understood (words.outcome in the settings)"
    named = sum(count for _, count in unknown.most_common(_MOST_NAMED))
    if (rest := int(odd["doc_count"]) - named) > 0:
        yield f"{_spans(rest)} with {'another ' if named else 'an '}outcome that is not understood"


def _spans(count: int) -> str:
    return "1 span" if count == 1 else f"{count:,} spans"


def _unclear(words: Words, counts: Mapping[str, Any]) -> Iterable[str]:
    unknown: Counter[str] = Counter()
    for part, counted in counts.items():
        if part.startswith("word+"):
            for bucket in counted["values"]["buckets"]:
                word = str(bucket["key"])
                if words.level.meaning(word) is None:
                    unknown[word] += int(bucket["doc_count"])
    for word, count in unknown.most_common(_MOST_NAMED):
        what = f"the level {shown(word)}, which is not understood (words.level in the settings)"
        yield f"{search.lines_of(count)} with {what}"
    # Words in a field that has another type in another index cannot be counted here.
    if (rest := int(counts["unclear"]["doc_count"]) - sum(unknown.values())) > 0:
        yield f"{search.lines_of(rest)} of {_where(counts['unclear'])} with a level that is not understood"
    if silent := int(counts["silent"]["doc_count"]):
        yield f"{search.lines_of(silent)} of {_where(counts['silent'])} without a level, in a field or in the line"
    if against := int(counts["contradicted"]["doc_count"]):
        where = _where(counts["contradicted"])
        yield f"{search.lines_of(against)} of {where} whose line says another level than its field"


def _unplaced(request: Logs, fields: Resolution, counted: Mapping[str, Any]) -> Iterable[str]:
    if not int(counted["doc_count"]):
        return
    asked = [name for name in search.asked_by(request) if name in _PLACES]
    lacking = [name for bucket in counted["where"]["buckets"] for name in fields.lacked_by(str(bucket["key"]), asked)]
    what = " or ".join(dict.fromkeys(lacking or asked))
    yield f"{search.lines_of(int(counted['doc_count']))} of {_where(counted)} that have no field for {what}"


def remarks(request: Logs, fields: Resolution) -> tuple[str, ...]:
    """What leaves nothing out and is worth to know: of which indices the level is read from the line itself."""
    if request.stream != "logs" or not request.filters.get(LEVEL):
        return ()
    lacking = {stream_of(i) for i in fields.indices if len(fields.lacked_by(i, _LEVELS)) == len(_LEVELS)}
    return tuple(f"{name} has no field for the level: it is read from the line" for name in sorted(lacking))


def _missing_somewhere(request: Logs, fields: Resolution) -> tuple[str, ...]:
    """The concepts that some indices have a field for and others lack."""
    asked = [name for name in search.asked_by(request) if name in _PLACES]
    return tuple(name for name in asked if fields.reached.get(name) and not fields.is_everywhere((name,)))


def _where(counted: Mapping[str, Any]) -> str:
    return ", ".join(dict.fromkeys(stream_of(str(bucket["key"])) for bucket in counted["where"]["buckets"]))
