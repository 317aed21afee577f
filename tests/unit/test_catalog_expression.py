"""Filling in an expression: whatever a value holds, it stays in its place and means what was typed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dashboard.catalog import escaping
from dashboard.catalog.expression import SCRAPE_SECONDS, Expression
from dashboard.model.reading import Unit
from deploy.local import programs


def _expression(promql: str) -> Expression:
    return Expression(name="probe", promql=promql, unit=Unit.COUNT, blind="nothing")


def _rendered(promql: str, **values: str) -> str:
    return _expression(promql).render(values)


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}


def _unquoted(text: str) -> str:
    """What Prometheus understands of a double-quoted string: Go's rules, written independently of the escaping."""
    assert text[0] == text[-1] == '"'
    assert not re.search(r'(?<!\\)(?:\\\\)*"', text[1:-1]), "the string ends early"
    assert "\n" not in text
    return re.sub(
        r"\\(?:u([0-9a-f]{4})|(.))",
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES[found[2]],
        text[1:-1],
    )


any_label = st.text(st.characters(exclude_categories=["Cs"]))


@given(any_label)
def test_any_label_value_reaches_prometheus_as_it_was_typed(value: str):
    query = _rendered('up{pod="$pod"}', pod=value)

    assert _unquoted(query.removeprefix("up{pod=").removesuffix("}")) == value


@given(any_label, any_label)
def test_an_optional_filter_matches_what_was_chosen_and_nothing_else(value: str, other: str):
    pattern = _unquoted(_rendered('up{pod=~"$pod"}', pod=value).removeprefix("up{pod=~").removesuffix("}"))

    assert re.fullmatch(pattern, value, re.DOTALL)
    if value:
        assert bool(re.fullmatch(pattern, other)) == (other == value)


@pytest.mark.parametrize("chosen", [None, ""])
def test_an_optional_filter_that_is_not_set_matches_everything(chosen: str | None):
    assert _rendered('up{pod=~"$pod"}', pod=escaping.any_or(chosen)) == 'up{pod=~".*"}'


def test_half_a_surrogate_becomes_the_sign_for_broken_text():
    assert _rendered('up{pod="$pod"}', pod="a\ud800b") == 'up{pod="a\\ufffdb"}'


def test_the_place_decides_how_a_value_is_written():
    query = _rendered(
        """histogram_quantile($quantile, sum by ($by) (
             rate(x_bucket{a="$a", b=~"$b|other", c!~"$c"}[$window] offset $ago)))""",
        quantile="0.95",
        by="le, track",
        a="a.b",
        b="a.b",
        c="",
        window="5m",
        ago="1h",
    )

    assert query == (
        "histogram_quantile(0.95, sum by (le, track) ( "
        'rate(x_bucket{a="a.b", b=~"a\\\\.b|other", c!~".*"}[5m] offset 1h)))'
    )


def test_a_subquery_takes_its_windows_too():
    assert _rendered("max_over_time(up[$window:$step])", window="1h", step="1m") == "max_over_time(up[1h:1m])"


def test_a_finished_pattern_is_not_escaped_again():
    assert _rendered('up{pod=~"$pod"}', pod=escaping.Regex("a|b")) == 'up{pod=~"a|b"}'


@pytest.mark.parametrize(
    ("promql", "value"),
    [
        pytest.param("rate(x[$v])", "5m])) or (up[1m", id="a window that closes its bracket"),
        pytest.param("rate(x[$v])", "", id="an empty window"),
        pytest.param("sum by ($v) (x)", "a) (up) or sum by (b", id="a grouping that closes its bracket"),
        pytest.param("x > $v", "1 or up", id="a limit that goes on"),
        pytest.param('x{a="$v"}', escaping.Regex(".*"), id="a pattern where one value is meant"),
    ],
)
def test_a_value_that_cannot_stand_in_its_place_is_refused_by_name(promql: str, value: str):
    with pytest.raises(ValueError, match=r"^probe, \$v: "):
        _rendered(promql, v=value)


def test_a_value_that_is_missing_is_named():
    with pytest.raises(KeyError, match=r"probe wants a value for \$pod"):
        _rendered('up{pod="$pod"}')


def test_a_capture_of_label_replace_is_no_placeholder():
    promql = 'label_replace(up{pod="$pod"}, "a", "$1", "pod", "(.*)-x")'

    assert '"$1"' in _rendered(promql, pod="p")


def test_prometheus_itself_reads_what_is_hard_to_write(tmp_path: Path):
    promtool = str(programs.find().promtool)
    hard = ['"', "\\", "\n", "a\x00b", "\ufffd", "\ud800", "größer 🦆", "$x", "a.b|c*", "`'", "\x7f\x85"]
    rules = [
        {"record": f"probe:{number}", "expr": _rendered('up{a="$v", b=~"$v", c!="$v"}', v=value)}
        for number, value in enumerate(hard)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "probe", "rules": rules}]}))

    checked = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("span", "asked"),
    [
        pytest.param({}, "rate(x[1m])", id="no span"),
        pytest.param({"span": "21599s"}, "rate(x[1m])", id="a little less than six hours"),
        pytest.param({"span": "6h"}, "avg_over_time(level:x:rate5m[1m])", id="six hours"),
        pytest.param({"span": "13d23h"}, "avg_over_time(level:x:rate5m[1m])", id="days and hours"),
    ],
)
def test_long_ranges_are_asked_of_the_recorded_series(span: dict[str, str], asked: str):
    expression = Expression(
        name="probe",
        promql="rate(x[$window])",
        recorded="avg_over_time(level:x:rate5m[$window])",
        unit=Unit.COUNT,
        blind="nothing",
    )

    assert expression.render({"window": "1m", **span}) == asked


@pytest.mark.parametrize(
    ("scrape_seconds", "memory"), [(None, "3600s"), ("3", "3600s"), ("30", "21600s"), ("300", "86400s")]
)
def test_counters_are_remembered_for_as_many_samples_but_an_hour_at_least(
    scrape_seconds: str | None, memory: str
) -> None:
    entry = Expression(name="x", promql="last_over_time(x{}[$memory])", unit=Unit.COUNT, blind="nothing")
    given = {} if scrape_seconds is None else {SCRAPE_SECONDS: scrape_seconds}
    assert entry.render(given) == f"last_over_time(x{{}}[{memory}])"
