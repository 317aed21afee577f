"""A catalogue entry: one PromQL expression under a stable name, and the only way to fill it in.

The place of a placeholder decides how its value is written: in `="$x"` as a label value, in `=~"$x"` as a pattern
(empty means any), in `[$x]` or after `offset` as a duration, elsewhere as a bare number or name. So a value from a URL
cannot change the question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache

from dashboard.catalog import escaping
from dashboard.model.reading import Unit

# One token of a template: a matcher's string with the operator before it, any other string, a placeholder in the
# place of a duration, a bare placeholder.
_TOKEN = re.compile(
    r"""(?P<operator>=~|!~|!=|=)?\s*"(?P<string>(?:[^"\\]|\\.)*)"
      | (?P<before>\[\s*|:\s*|\boffset\s+-?\s*)\$(?P<window>[a-z_]+)
      | \$(?P<bare>[a-z_]+)""",
    re.VERBOSE,
)
_METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_PLACEHOLDER = re.compile(r"\$([a-z_]+)")
# How long a counter that an exporter dropped is remembered. In samples, since a question's cost grows with them.
_LEAST_MEMORY_SECONDS, _MOST_MEMORY_SECONDS = 3600, 86400
_MEMORY_SCRAPES = 720
_MOST_RECENT_SECONDS = 120.0
_OBJECTIVE = 0.99
# The name of the value that holds the scrape interval.
SCRAPE_SECONDS = "scrape_seconds"
# The value that holds the pattern of the instances at which series began; empty for any.
_FRESH = "fresh"
# Ranges from this length on read recorded series: raw ones cost too much, and 5-minute means are fine enough.
LONG_SECONDS = 6 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """The same question under older or newer metric names, used where `metric` exists and `instead_of` does not."""

    instead_of: str
    metric: str
    promql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """One question to Prometheus. Placeholders are written `$name`; `$selector` style free text does not exist.

    Attributes:
        name: stable, snake_case: tests, the Sources page and links know the expression by it.
        promql: the expression with its placeholders.
        unit: what the answer counts.
        blind: one sentence: what a person cannot see without it.
        aliases: the question for backends that have other names; the first that fits is asked.
        recorded: the same question to recorded series; asked when the values carry a `span` of LONG_SECONDS or more.
        newcomers: the instances at which a series began within the window; "" where that does not matter.
        steady: a cheaper question with the same answer while `newcomers` has none; over a range, while no counter
            disappears.
        falls: over a range, a counter that disappears makes a line of `steady` go down.
    """

    name: str
    promql: str
    unit: Unit
    blind: str
    aliases: tuple[Alias, ...] = ()
    recorded: str = ""
    newcomers: str = ""
    steady: str = ""
    falls: bool = False

    def render(self, values: Mapping[str, str], names: Collection[str] = ()) -> str:
        """The expression as Prometheus gets it, on one line, each value escaped for its place.

        `names` are the metrics that the backend has; empty: not known, and the standard names are used.

        Raises:
            KeyError: a placeholder has no value; names the expression and the placeholder.
            ValueError: a value cannot stand where its placeholder is.
        """
        return self._written(self._template(escaping.seconds(values.get("span", "")), names), values)

    def shortcut(self, values: Mapping[str, str], names: Collection[str] = ()) -> tuple[str, str] | None:
        """`newcomers` and `steady` as Prometheus gets them; None where there is no cheaper way. Raises as `render`."""
        if not self.newcomers or self._template(escaping.seconds(values.get("span", "")), names) != self.promql:
            return None
        return self._written(self.newcomers, values), self._written(self.steady, values)

    def at_fresh(self, values: Mapping[str, str], instances: Collection[str]) -> str:
        """The whole expression, cheaper, where series began only at these instances; () for any. Raises as `render`."""
        fresh = escaping.Regex("|".join(map(escaping.literal, sorted(instances)))) if instances else ""
        return self._written(self.promql, {**values, _FRESH: fresh})

    def steadily(self, values: Mapping[str, str]) -> str:
        """`steady` over a range, as Prometheus gets it; "" where there is none. Raises as `render`."""
        return self._written(self.steady, values) if self.steady and not self.newcomers else ""

    def _written(self, template: str, values: Mapping[str, str]) -> str:
        one_line = " ".join(line.strip() for line in template.strip().splitlines())
        complete = {_FRESH: "", **values, **_derived(values)}
        return _TOKEN.sub(lambda token: self._filled(token, complete), one_line)

    def _template(self, span_seconds: float, names: Collection[str]) -> str:
        for alias in self.aliases:
            if alias.metric in names and alias.instead_of not in names:
                return alias.promql
        return self.recorded if self._is_long(span_seconds) and self._is_recorded(names) else self.promql

    def _is_recorded(self, names: Collection[str]) -> bool:
        """Whether the backend has our recorded series; assumed while its names are not known."""
        return not names or any(name in names for name in _metrics(self.recorded))

    def _is_long(self, span_seconds: float) -> bool:
        return bool(self.recorded) and span_seconds >= LONG_SECONDS

    def metrics(self, names: Collection[str] = ()) -> frozenset[str]:
        """The metrics that the question reads, over short ranges."""
        return _metrics(self._template(0.0, names))

    def _filled(self, token: re.Match[str], values: Mapping[str, str]) -> str:
        def put(name: str, write: Callable[[str], str]) -> str:
            if name not in values:
                raise KeyError(f"{self.name} wants a value for ${name}")
            try:
                return write(values[name])
            except ValueError as error:
                raise ValueError(f"{self.name}, ${name}: {error}") from error

        if token["window"]:
            return token["before"] + put(token["window"], escaping.window)
        if token["bare"]:
            return put(token["bare"], escaping.bare)
        write = _pattern if token["operator"] in ("=~", "!~") else _exact
        start = token.start("string") - token.start()
        end = token.end("string") - token.start()
        filled = _PLACEHOLDER.sub(lambda found: put(found[1], write), token["string"])
        return token[0][:start] + filled + token[0][end:]


@cache
def _metrics(template: str) -> frozenset[str]:
    """The metrics that a template names. The check of sources asks thousands of times for those of the catalogue."""
    return frozenset(_METRIC.findall(_STRING.sub('""', template)))


def renamed(promql: str, standard: str, other: str) -> Alias:
    """The alias of a question about a histogram that has another name elsewhere."""
    return Alias(
        instead_of=f"{standard}_count", metric=f"{other}_count", promql=promql.replace(f"{standard}_", f"{other}_")
    )


def _derived(values: Mapping[str, str]) -> Mapping[str, str]:
    """What follows from other values, or is the same for all questions.

    `window_seconds` is the window as a number, `recent` how recent the scrape before a window must be, `memory` how far
    back counters are remembered, and `budget` which share of bad events the `objective` leaves.
    """
    scrape_seconds = int(values.get(SCRAPE_SECONDS, "0"))
    window_seconds = escaping.seconds(values.get("window", "")) or _MOST_RECENT_SECONDS
    return {
        "window_seconds": f"{window_seconds:.3f}".rstrip("0").rstrip("."),
        "recent": f"{max(1, round(min(window_seconds, _MOST_RECENT_SECONDS)))}s",
        "memory": f"{min(max(_LEAST_MEMORY_SECONDS, _MEMORY_SCRAPES * scrape_seconds), _MOST_MEMORY_SECONDS)}s",
        "budget": f"{1.0 - float(values.get('objective', _OBJECTIVE)):.6g}",
    }


def _exact(value: str) -> str:
    if isinstance(value, escaping.Regex):
        raise ValueError("a pattern cannot stand behind = or !=: use =~")
    return escaping.label_value(value)


def _pattern(value: str) -> str:
    return escaping.label_value(escaping.any_or(value))
