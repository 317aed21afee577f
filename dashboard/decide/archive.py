"""Evidence and policy as text and back, so that a verdict can be recomputed from its evidence alone.

One writer for all frozen types: a dataclass becomes an object with its fields, an enum its value, a time its ISO form.
Numbers keep every bit, keys are sorted: the same evidence is the same text. Pure.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from dashboard.decide.policy import Policy
from dashboard.decide.verdict import judge
from dashboard.model.reading import Reading
from dashboard.model.verdict import Evidence, Verdict

# Incremented when a change makes old evidence give another verdict.
FORMAT = 7
T = TypeVar("T")


class NotEvidenceError(Exception):
    """The text is not evidence that this version can judge; `str()` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Everything that one verdict was computed from. `version` is the program's, for later readers."""

    format: int
    version: str
    policy: Policy
    evidence: Evidence

    def judge(self) -> Verdict:
        """The verdict, computed again."""
        return judge(self.evidence, self.policy)


def program() -> str:
    """The version of this program by its package metadata, which may be missing."""
    try:
        return version("tealdeck")
    except PackageNotFoundError:
        return "unreleased"


def write(evidence: Evidence, policy: Policy) -> str:
    """The evidence as JSON on one line."""
    archive = Archive(format=FORMAT, version=program(), policy=policy, evidence=evidence)
    return as_json(archive) + "\n"


def as_json(value: object) -> str:
    """Any of our frozen types as JSON; the same value gives the same text."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def read(text: str) -> Archive:
    """The archive that `write` wrote.

    Raises:
        NotEvidenceError: it is something else, or of another format.
    """
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            known = found.get("format") if isinstance(found, dict) else None
            raise NotEvidenceError(f"format {known!r} where this version reads {FORMAT}")
        archive: Archive = _read(Archive, found, "evidence")
    except (ValueError, TypeError, KeyError) as error:
        raise NotEvidenceError(str(error)) from error
    return archive


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
    return value


def _read(kind: Any, value: Any, place: str) -> Any:
    """`value` as the type `kind`; `place` is the path to it, for errors."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or origin is Literal:
        return value
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _read(inner, value, place)
    if origin is tuple:
        return tuple(_read(arguments[0], item, place) for item in _of(list, value, place))
    if origin is not None and issubclass(origin, Mapping):
        items = _of(dict, value, place).items()
        return {_read(arguments[0], key, place): _read(arguments[1], item, f"{place}.{key}") for key, item in items}
    if origin is Reading:
        return _dataclass(Reading, value, place, {"value": arguments[0] | None})
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, place, {})
    if kind is datetime:
        return datetime.fromisoformat(_of(str, value, place))
    if kind is timedelta:
        return timedelta(seconds=value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return _scalar(kind, value, place)


def _dataclass(kind: Any, value: Any, place: str, known: Mapping[str, Any]) -> Any:
    given = _of(dict, value, place)
    hints = get_type_hints(kind) | dict(known)
    names = {field.name for field in dataclasses.fields(kind)}
    if given.keys() != names:
        odd = sorted(given.keys() ^ names)
        raise ValueError(f"{place}: {odd[0]} is {'unknown' if odd[0] in given else 'missing'}")
    return kind(**{name: _read(hints[name], item, f"{place}.{name}") for name, item in given.items()})


def _scalar(kind: Any, value: Any, place: str) -> Any:
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{place}: {value!r} is not {getattr(kind, '__name__', kind)}")
    return value


def _of(kind: type[T], value: Any, place: str) -> T:
    if not isinstance(value, kind):
        raise ValueError(f"{place}: {type(value).__name__} where {kind.__name__} is expected")
    return value
