"""Rewrites a finished PromQL question of the catalogue into the names of one environment. Pure.

Only the selectors change. Each gets the team's metric and labels, and `label_replace` gives its answer our labels.
Everything around it stays as the catalogue wrote it. Durations become seconds where they are read: at a sum, around a
quantile and in a matcher on bounds. Bounds in answers keep the metric's unit; see `bucket_factor`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dashboard.catalog import escaping
from dashboard.model.concepts import CONCEPT_OF, Concept
from dashboard.model.event_matchers import IN_WORDS, JUDGED, NO_ERROR
from dashboard.model.label_names import is_answer
from dashboard.model.mapping import LABELS, OURS, Label, Mapping, MetricNames
from dashboard.model.metric_units import UNIT_NOT_KNOWN, UNITS

# Labels that say what a figure is about: without one of them it would be shown for the wrong thing.
_KEYS = {"namespace", "service_name", "track", "pod"}
_OUR_PREFIXES = ("gen_ai_", "agentgov_")
_LOGICAL = {ours: logical for logical, ours in LABELS.items()}
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_.]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
# Under a label of these a word says what was found, and a yes only where the label's name says what it means.
_ASKED = {"outcome", "decision"}
_YES_OR_NO = re.compile(r"\|(?:true|false)(?=[|)])")
_STRING = r'"(?:[^"\\]|\\.)*"'
# A selector with what belongs to it: a range, an offset, and the function around a range.
_LEAF = re.compile(
    rf"""(?P<call>(?P<function>[a-z_]+)\()?
         (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\{{(?P<matchers>(?:[^{{}}"]|{_STRING})*)\}}
         (?P<range>\s*\[[^\]]*\])?(?P<offset>\s+offset\s+-?[0-9a-z]+)?(?P<close>\))?""",
    re.VERBOSE,
)
GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_QUANTILE = re.compile(r"\bhistogram_quantile\(")
_OVER_TIME = re.compile(r"rate|irate|increase|delta|deriv|resets|changes|[a-z]+_over_time")


class NotMeasuredError(Exception):
    """The environment has nothing that could answer; `str()` says what is missing and which setting fixes it."""


class UnitNotKnownError(Exception):
    """Nothing tells in which unit a metric's values are; `str()` says so, and which setting tells it."""


@dataclass(frozen=True, slots=True)
class LabelMatcher:
    """One condition on a label. `value` is the text between the quotes, escapes included."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f'{self.label}{self.operator}"{self.value}"'


def matchers(text: str) -> tuple[LabelMatcher, ...]:
    """The matchers between braces.

    Raises:
        ValueError: `text` is not a list of matchers.
    """
    found, at = [], 0
    while text[at:].strip():
        match = _MATCHER.match(text, at)
        if match is None:
            raise ValueError(f'{text[at:].strip()!r} is not a matcher such as status!="ok"')
        found.append(LabelMatcher(*match.groups()))
        at = match.end()
    return tuple(found)


def bad_matchers(metric: MetricNames) -> tuple[LabelMatcher, ...]:
    """What the settings call a bad event. Any error, as in `error!=""`, is none of the words for no error."""
    return tuple(
        replace(one, operator="!~", value=NO_ERROR) if one.operator == "!=" and not one.value else one
        for one in matchers(metric.bad)
    )


def translate(promql: str, mapping: Mapping) -> str:
    """The same question in the names of an environment.

    Raises:
        NotMeasuredError: a metric or a label that the question needs does not exist there.
        UnitNotKnownError: the question needs values in a unit that nothing tells.
    """
    if mapping == OURS:
        return promql
    grouped = {name.strip() for group in GROUPING.findall(promql) for name in group.split(",")}
    return _scaled_quantiles(_LEAF.sub(lambda leaf: _leaf(leaf, mapping, grouped), promql), promql, mapping)


def bucket_factor(promql: str, mapping: Mapping) -> float:
    """How many seconds one unit of the bucket bounds in an answer is."""
    factors = _bucket_factors(promql, mapping)
    return factors.pop() if factors else 1.0


def series_of(promql: str) -> tuple[tuple[str, tuple[LabelMatcher, ...]], ...]:
    """Each metric that a question reads, with its matchers."""
    return tuple((leaf["name"], matchers(leaf["matchers"])) for leaf in _LEAF.finditer(promql))


def of_service(promql: str, service: str) -> str:
    """A question of the catalogue about a whole namespace, for one service alone."""

    def narrowed(leaf: re.Match[str]) -> str:
        is_placed = any(matcher.label == "namespace" for matcher in matchers(leaf["matchers"]))
        if not is_placed or leaf["name"] == "up":
            return leaf[0]
        one = LabelMatcher("service_name", "=", escaping.label_value(service))
        return leaf[0].replace(f"{leaf['matchers']}}}", f"{leaf['matchers']}, {one}}}", 1)

    return _LEAF.sub(narrowed, promql)


def _leaf(leaf: re.Match[str], mapping: Mapping, grouped: set[str]) -> str:
    name = leaf["name"]
    concept = CONCEPT_OF.get(name)
    is_ours = concept is not None or name == "up" or name.startswith(_OUR_PREFIXES)
    if not is_ours or ":" in name:  # of a standard exporter, or recorded by our rules: in standard names
        return leaf[0]
    metric = mapping.metrics.get(concept.key) if concept else None
    found = matchers(leaf["matchers"])
    suffix = name.removeprefix(concept.series) if concept else ""
    if concept and metric:
        own_name, found = _of_metric(concept, metric, suffix, found)
    else:
        own_name = name
    if concept and metric and suffix == "_bucket" and (factor := _factor(concept, metric)) != 1.0:
        found = tuple(_bounds(m, factor) if m.label == "le" and m.value else m for m in found)
    own = own_matchers(found, mapping, metric, own_name)
    selector = f"{own_name}{{{', '.join(map(str, own))}}}{leaf['range'] or ''}{leaf['offset'] or ''}"
    is_call = bool(leaf["call"] and leaf["range"] and leaf["close"] and _OVER_TIME.fullmatch(leaf["function"]))
    read = f"{leaf['call']}{selector})" if is_call else selector
    if concept and metric and suffix in ("_sum", "") and (factor := _factor(concept, metric)) != 1.0:
        read = f"({factor:g} * {read})"
    read = with_our_labels(read, mapping, metric, grouped, own_name)
    return read if is_call else f"{leaf['call'] or ''}{read}{leaf['close'] or ''}"


def _of_metric(
    concept: Concept, metric: MetricNames, suffix: str, found: tuple[LabelMatcher, ...]
) -> tuple[str, tuple[LabelMatcher, ...]]:
    """The team's metric, and its matchers in place of ours; matchers on labels are not translated yet."""
    is_bad = any(str(matcher) in concept.bad for matcher in found)
    # Where the settings say what is bad, all other events are good: no word decides which of them count.
    is_told = bool(metric.bad or metric.bad_series)
    rest = tuple(m for m in found if str(m) not in concept.scope and not (is_told and str(m) == JUDGED))
    own_name = metric.name(suffix)
    if is_bad and metric.bad_series:
        if suffix not in ("_count", ""):
            raise NotMeasuredError(f"{metric.bad_series} says how many {concept.what} are bad, not how long they take")
        own_name, rest = metric.bad_series, tuple(m for m in rest if str(m) not in concept.bad)
    elif is_bad and metric.bad:
        rest = (*(m for m in rest if str(m) not in concept.bad), *map(_verbatim, bad_matchers(metric)))
    elif is_bad and not _says_what_is_bad(concept, metric):
        raise NotMeasuredError(
            f"{own_name or concept.what}: nothing says which events are bad (metrics.{concept.key}.bad or .bad_series)"
        )
    if not own_name:
        kind = {"_bucket": "buckets", "_sum": "sum", "_count": "count"}.get(suffix, "metric")
        raise NotMeasuredError(
            f"{concept.what}: the settings name no {kind} for it (metrics.{concept.key})"
            if metric.series or metric.count or metric.total
            else f"{concept.what}: no metric carries this here (metrics.{concept.key} names none)"
        )
    return own_name, (*rest, *map(_verbatim, matchers(metric.match)))


def _says_what_is_bad(concept: Concept, metric: MetricNames) -> bool:
    """Whether a metric has the label that marks bad events: the standard metric has, others if the settings say so."""
    label = _LOGICAL[matchers(concept.bad[0])[0].label]
    own = metric.labels.get(label)
    return bool(own.name) if own else metric.series == concept.series


def _verbatim(matcher: LabelMatcher) -> LabelMatcher:
    """A matcher in the team's own names, marked so that it is not translated again."""
    return replace(matcher, label=f"={matcher.label}")


def own_matchers(
    found: Iterable[LabelMatcher], mapping: Mapping, metric: MetricNames | None, name: str
) -> tuple[LabelMatcher, ...]:
    """Matchers of the catalogue on the labels, and in the words, that a metric of this environment has.

    Raises:
        NotMeasuredError: the metric has no such label.
    """
    return tuple(
        own
        for matcher in found
        for own in _own(_in_words(matcher, mapping), mapping, metric, name, beside=str(matcher) == JUDGED)
    )


def _in_words(matcher: LabelMatcher, mapping: Mapping) -> LabelMatcher:
    """The same with the words that the settings add to our tables."""
    written = IN_WORDS.get(str(matcher))
    return matcher if written is None else matchers(written(mapping.words))[0]


def _own(
    matcher: LabelMatcher, mapping: Mapping, metric: MetricNames | None, name: str, *, beside: bool = False
) -> Iterator[LabelMatcher]:
    """Args: `beside`: words of the tables count beside those that the settings name, since these may name but some."""
    if matcher.label.startswith("="):
        yield replace(matcher, label=matcher.label[1:])
        return
    logical = _LOGICAL.get(matcher.label)
    if logical is None:
        yield matcher
        return
    label = mapping.label(logical, metric)
    if matcher.operator == "=~" and matcher.value == ".*":
        return  # any value, and none
    if not label.name:
        raise NotMeasuredError(f"{name} has no label for the {logical} (labels.{logical} is empty)")
    if logical in _ASKED and not label.values and not is_answer(label.name):
        matcher = replace(matcher, value=_YES_OR_NO.sub("", matcher.value))
    yield _own_matcher(matcher, label, beside=beside)


def _own_matcher(matcher: LabelMatcher, label: Label, *, beside: bool) -> LabelMatcher:
    is_plain = label.pattern == "{}"
    if matcher.operator in ("=", "!="):
        values = label.values.get(matcher.value, (matcher.value,))
        if values == (matcher.value,) and (is_plain or not matcher.value):
            return replace(matcher, label=label.name)
        if is_plain and len(values) == 1:
            return LabelMatcher(label.name, matcher.operator, escaping.label_value(values[0]))
        return LabelMatcher(label.name, f"{matcher.operator[0]}~", _placed(label, _any_of(values)))
    asked = re.compile(matcher.value.replace("\\\\", "\\"))
    own = [value for ours, theirs in label.values.items() if asked.fullmatch(ours) for value in theirs]
    named = [_quoted(escaping.literal(value)) for value in own]
    # The team's word for no error stands beside those that anybody writes.
    beside = beside or matcher.value == NO_ERROR
    pattern = "|".join([*named, matcher.value] if beside else named) or matcher.value
    if is_plain:
        return LabelMatcher(label.name, matcher.operator, pattern)
    return LabelMatcher(label.name, matcher.operator, _placed(label, f"(?:{pattern})"))


def _quoted(pattern: str) -> str:
    return escaping.label_value(pattern)


def _placed(label: Label, pattern: str) -> str:
    before, _, after = label.pattern.partition("{}")
    return f"{_quoted(before)}{pattern}{_quoted(after)}"


def with_our_labels(read: str, mapping: Mapping, metric: MetricNames | None, grouped: set[str], name: str) -> str:
    """`read` with the labels that the question groups by under our names and in our words.

    A label that does not exist is left out of a group where another one tells the rows apart.

    Raises:
        NotMeasuredError: the metric lacks all of these labels, or one that places a figure.
    """
    wanted = {ours: mapping.label(_LOGICAL[ours], metric) for ours in sorted(grouped & _LOGICAL.keys())}
    lacking = [ours for ours, label in wanted.items() if not label.name]
    if lacking and (len(lacking) == len(wanted) or _KEYS & set(lacking)):
        logical = _LOGICAL[lacking[0]]
        raise NotMeasuredError(f"{name} has no label for the {logical} (labels.{logical} is empty)")
    for ours, label in wanted.items():
        if not label.name:
            continue
        if label.name != ours or label.pattern != "{}":
            read = _replaced(read, ours, "$1", label.name, _placed(label, f"({_any_value(label)})"))
        for word, theirs in label.values.items():
            if theirs != (word,):
                read = _replaced(read, ours, word, label.name, _placed(label, _any_of(theirs)))
    return read


def _any_value(label: Label) -> str:
    """The pattern of the value within a label; only the named values where the label holds more than the value."""
    if label.pattern == "{}":
        return ".+"
    return "|".join(_quoted(escaping.literal(value)) for theirs in label.values.values() for value in theirs) or ".+?"


def _any_of(values: tuple[str, ...]) -> str:
    """The pattern of one value or another."""
    patterns = [_quoted(escaping.literal(value)) for value in values]
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def _replaced(read: str, ours: str, value: str, theirs: str, pattern: str) -> str:
    return f'label_replace({read}, "{ours}", "{value}", "{theirs}", "{pattern}")'


def _factor(concept: Concept, metric: MetricNames) -> float:
    unit = metric.unit_of(concept)
    if unit == UNIT_NOT_KNOWN:
        units = " or ".join(f'"{each}"' for each in tuple(UNITS[concept.unit])[:2])
        raise UnitNotKnownError(
            f"unit not known: neither the name {metric.series or metric.total} nor what its targets declare says it "
            f"(metrics.{concept.key}.unit = {units} in the settings)"
        )
    return UNITS[concept.unit][unit] if unit else 1.0


def _scaled_quantiles(translated: str, promql: str, mapping: Mapping) -> str:
    """The same with quantiles in seconds, whatever unit the bounds are in. A question has buckets of one metric."""
    factors = _bucket_factors(promql, mapping)
    if not factors or not _QUANTILE.search(translated):
        return translated
    (factor,) = factors
    pieces, at = [], 0
    for start in _starts(translated):
        end = _end(translated, start)
        pieces += [translated[at:start], f"({factor:g} * {translated[start:end]})"]
        at = end
    return "".join([*pieces, translated[at:]])


def _bucket_factors(promql: str, mapping: Mapping) -> set[float]:
    return {
        _factor(concept, metric)
        for name, _ in series_of(promql)
        if name.endswith("_bucket") and (concept := CONCEPT_OF.get(name))
        if (metric := mapping.metrics.get(concept.key))
    } - {1.0}


def _bounds(matcher: LabelMatcher, factor: float) -> LabelMatcher:
    """A matcher on bounds in seconds, as a matcher on bounds in the metric's unit in every usual spelling."""
    told = (bound.replace("\\\\", "") for bound in matcher.value.split("|"))
    spelled = [spelling for bound in told for spelling in _spellings(float(bound) / factor)]
    return replace(matcher, value="|".join(_quoted(escaping.literal(each)) for each in dict.fromkeys(spelled)))


def _spellings(bound: float) -> tuple[str, ...]:
    if math.isinf(bound):
        return ("+Inf", "Inf")
    near = round(bound, 9)
    return f"{near:g}", f"{near:.1f}", repr(near), *((str(round(near)),) if near == round(near) else ())


def _starts(text: str) -> Iterable[int]:
    return (found.start() for found in _QUANTILE.finditer(text))


def _end(text: str, start: int) -> int:
    """The position after the parenthesis that closes the call at `start`; those within strings do not count."""
    depth = 0
    for token in re.finditer(rf"{_STRING}|[()]", text[start:]):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0 and token[0] == ")":
            return start + token.end()
    raise ValueError(f"{text!r} closes too few parentheses")
