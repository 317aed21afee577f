"""Adds to a settings file what fits the telemetry that was seen. What stands in the file stays as it is.

Own lines, comments, other environments, words, hosts and limits are kept to the letter. Only lines that are missing are
added, each with a comment. A second run on the result changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

from dashboard.model.mapping import Label, MetricNames
from dashboard.model.reading import Reading
from dashboard.model.telemetry import ConceptCheck, Fit, Telemetry
from dashboard.queries.ask import Ask
from dashboard.queries.doctor import check, suggest_more, with_lines
from dashboard.settings import EnvironmentSettings

_BY = "added by `dashboard sources --suggest`"


def suggested(ask: Ask, text: str) -> Reading[str]:
    """The settings file `text` with what the environment of `ask` lacks; the reason where Prometheus does not tell."""
    return ask.telemetry().map(lambda telemetry: with_suggestion(text, ask.environment, telemetry))


def with_suggestion(text: str, environment: EnvironmentSettings, telemetry: Telemetry) -> str:
    """The settings file `text` with the lines that the telemetry of one of its environments needs."""
    found = suggest_more(environment, telemetry)
    document = tomlkit.parse(text)
    table = _table(_table(document, "environments"), environment.name)
    if found.presets:
        own = [str(name) for name in table.get("presets", [])]
        said = "; ".join(f"{name}: {found.remarks.get(name, '')}" for name in found.presets)
        # Own presets come last, so that they win.
        _add(table, "presets", _value([*found.presets, *own]), f"{said} ({_BY})")
    for name, label in found.labels.items():
        _add(_table(table, "labels"), name, _label(label), f"{found.remarks.get(name, name)} ({_BY})")
    for key, metric in found.metrics.items():
        _add(_table(table, "metrics"), key, metric_table(metric), f"hidden by a later preset ({_BY})")
    named = {*environment.metrics, *found.metrics}
    checks = check(with_lines(environment, found), telemetry)
    _explain(table, [one for one in checks if one.key not in named and not _is_told(one.key, text)])
    return tomlkit.dumps(document)


def _is_told(key: str, text: str) -> bool:
    return re.search(rf"#\s*{key}\s*[:=]", text) is not None


def _explain(table: Any, missing: Iterable[ConceptCheck]) -> None:
    """A comment for each concept that no line of the file speaks of: what carries it, or that nothing does."""
    is_on_one_line = isinstance(table, InlineTable) or isinstance(table.get("metrics"), InlineTable)
    if is_on_one_line:  # which has no room for comments
        return
    for one in missing:
        _table(table, "metrics").add(tomlkit.comment(_concept(one)))


def _table(parent: Any, name: str) -> Any:
    if name not in parent:
        parent[name] = tomlkit.inline_table() if isinstance(parent, InlineTable) else tomlkit.table()
    return parent[name]


def _add(table: Any, key: str, value: str, comment: str) -> None:
    item = tomlkit.value(value)
    if not isinstance(table, InlineTable):
        item.comment(comment)
    table[key] = item


def _concept(check: ConceptCheck) -> str:
    if check.standing in (Fit.PRESENT, Fit.SILENT):
        return f"{check.key}: {check.metric}{' (silent now)' if check.standing is Fit.SILENT else ''}"
    if check.standing is Fit.UNMEASURED:
        return f'{check.key} = "..."  # nothing found that tells {check.what}'
    return f"{check.key}: {check.says}"


def metric_table(metric: MetricNames) -> str:
    """A metric as a table on one line, its labels by name or table."""
    parts = [f"{key} = {_value(value)}" for key, value in asdict(metric).items() if value and key != "labels"]
    labels = ", ".join(f"{name} = {_label(label)}" for name, label in metric.labels.items())
    return f"{{ {', '.join([*parts, *([f'labels = {{ {labels} }}'] if labels else [])])} }}"


def _label(label: Label) -> str:
    if label.pattern == "{}" and not label.values:
        return _value(label.name)
    parts = [f"name = {_value(label.name)}"]
    parts += [f"pattern = {_value(label.pattern)}"] if label.pattern != "{}" else []
    values = {word: theirs[0] if len(theirs) == 1 else theirs for word, theirs in label.values.items()}
    parts += [f"values = {_value(values)}"] if values else []
    return f"{{ {', '.join(parts)} }}"


def _value(value: Any) -> str:
    """A value as TOML writes it: its strings, numbers and lists look as in JSON."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(str(key))} = {_value(item)}' for key, item in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)
