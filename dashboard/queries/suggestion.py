"""A settings file from what was seen: the present connections, and the names that the telemetry turned out to have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from dashboard.model.mapping import Label, MetricNames
from dashboard.model.reading import Reading, combine
from dashboard.model.telemetry import ConceptCheck, Fit
from dashboard.queries.ask import Ask
from dashboard.queries.doctor import Suggestion, check
from dashboard.settings import EnvironmentSettings


def settings_file(
    environment: EnvironmentSettings, suggestion: Suggestion, checks: tuple[ConceptCheck, ...], now: datetime
) -> str:
    """The file as text. `checks` are those under the suggestion."""
    return "\n".join(_lines(environment, suggestion, checks, now)) + "\n"


def suggested(ask: Ask, suggestion: Reading[Suggestion], now: datetime) -> Reading[str]:
    """The file for what the environment of `ask` has now; the reason where Prometheus does not tell what it has."""
    checks = combine(suggestion, ask.telemetry())
    return checks.map(lambda pair: settings_file(ask.environment, pair[0], check(pair[0].mapping(), pair[1]), now))


def _lines(
    environment: EnvironmentSettings, suggestion: Suggestion, checks: tuple[ConceptCheck, ...], now: datetime
) -> Iterator[str]:
    table = f"environments.{environment.name}"
    yield f"# Suggested on {now:%Y-%m-%d} by `dashboard sources --suggest` from what Prometheus has. Read each line."
    yield ""
    yield f"[{table}]"
    yield f"namespaces = {_value(list(environment.namespaces))}"
    yield f"refresh_seconds = {environment.refresh_seconds}"
    for name in suggestion.presets:
        yield f"# {name}: {suggestion.remarks.get(name, '')}"
    yield f"presets = {_value(list(suggestion.presets))}"
    if suggestion.labels:
        yield ""
        yield f"[{table}.labels]"
        for name, label in suggestion.labels.items():
            yield f"# {suggestion.remarks.get(name, name)}"
            yield f"{name} = {_label(label)}"
    yield ""
    yield f"[{table}.metrics]"
    yield from (f"{key} = {_metric(metric)}" for key, metric in suggestion.metrics.items())
    yield from (_concept(check) for check in checks if check.key not in suggestion.metrics)
    for section in ("prometheus", "alertmanager", "elasticsearch", "kubernetes", "audit", "release"):
        kept = _changed(getattr(environment, section))
        if kept:
            yield ""
            yield f"[{table}.{section}]"
            yield from (f"{key} = {_value(value)}" for key, value in kept.items())


def _concept(check: ConceptCheck) -> str:
    if check.standing in (Fit.PRESENT, Fit.SILENT):
        return f"# {check.key}: {check.metric}{' (silent now)' if check.standing is Fit.SILENT else ''}"
    if check.standing is Fit.UNMEASURED:
        return f'# {check.key} = "..."  # nothing found that tells {check.what}'
    return f"# {check.key}: {check.says}"


def _changed(section: BaseModel) -> Mapping[str, Any]:
    """What is not as it is by default. Secrets are none of it: the settings name their files alone."""
    kept: dict[str, Any] = section.model_dump(mode="json", exclude_defaults=True)
    return {key: value for key, value in kept.items() if not isinstance(value, dict) or key == "headers"}


def _metric(metric: MetricNames) -> str:
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
