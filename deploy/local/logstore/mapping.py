"""The mapping of a data stream or index: the type of each field, by its template or by the first value seen.

The engine has keywords, numbers, booleans and dates as paths below `k`, text below `t`, and the time as `_ms`.
"""

from __future__ import annotations

import fnmatch
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.local.logstore.errors import StoreError, illegal, undocumented
from deploy.local.logstore.times import instant

TIME = "@timestamp"
_KINDS = {
    "keyword": "keyword", "constant_keyword": "keyword", "wildcard": "keyword", "ip": "keyword", "version": "keyword",
    "flattened": "keyword", "text": "text", "match_only_text": "text", "boolean": "boolean", "date": "date",
    "date_nanos": "date", "long": "long", "integer": "long", "short": "long", "byte": "long",
    "double": "double", "float": "double", "half_float": "double", "scaled_float": "double",
}  # fmt: skip
_BITS = {"byte": 7, "short": 15, "integer": 31, "long": 63}
_OBJECTS = ("object", "passthrough")
_OPTIONS = {
    "type", "fields", "properties", "ignore_above", "path", "dynamic", "priority", "value", "meta", "subobjects",
    "time_series_dimension", "scaling_factor", "norms", "index", "format", "analyzer",
}  # fmt: skip
_LOOKS_LIKE_A_DATE = re.compile(r"\d{4}(-\d\d-\d\d(T\d\d:\d\d.*)?|/\d\d/\d\d)")
_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name and Elasticsearch's type, the engine's kind, and the fields made from the same values."""

    name: str
    type: str
    kind: str
    ignore_above: int = 2**31
    subs: tuple[Field, ...] = ()

    @property
    def path(self) -> str:
        """Where the engine has it."""
        if self.name == TIME:
            return "_ms"
        return f"{'t' if self.kind == 'text' else 'k'}.{self.name}"

    def all_fitted(self, values: list[Any]) -> list[Any]:
        """What is kept of a document's values. Most are one short string: those cost nothing here."""
        if self.kind != "keyword":
            return [self.fitted(one) for one in values]
        fitted = [one if type(one) is str else self.fitted(one) for one in values]
        return [one for one in fitted if len(one) <= self.ignore_above]

    def fitted(self, value: Any) -> Any:
        """A value as the type has it. Raises StoreError when it cannot be."""
        try:
            return _FITS[self.kind](self, value)
        except (TypeError, ValueError, OverflowError, StoreError) as error:
            shown = error.reason if isinstance(error, StoreError) else f"cannot be read from {value!r}"
            raise undocumented(f"failed to parse field [{self.name}] of type [{self.type}]: {shown}") from None


class StreamMapping:
    """The fields of one data stream or index; grows with what is written. `definition` is a template's `mappings`."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.definition = definition
        self._dynamic = {"": str(definition.get("dynamic", True)).lower()}
        self._passthrough: list[tuple[int, str]] = []
        self._objects: dict[str, None] = {}
        self.fields: dict[str, Field] = {}
        self.aliases: dict[str, str] = {}
        self._written: dict[str, Field | None] = {}
        self.has_changed = False
        for name, body in _properties(definition.get("properties", {})):
            self._declare(name, body)

    def learn(self, known: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes over fields that were added before a restart."""
        for name, body in known.items():
            if name not in self.fields:
                self._declare(name, body)

    def learnt(self) -> dict[str, dict[str, Any]]:
        """All top fields as a mapping's definition has them."""
        subs = {sub.name for field in self.fields.values() for sub in field.subs}
        return {name: _definition(field) for name, field in self.fields.items() if name not in subs}

    def resolved(self, name: str) -> Field | None:
        """A field by its name, an alias, or without the prefix of an object that passes its fields through."""
        found = self.fields.get(self.aliases.get(name, name))
        if found:
            return found
        for _, prefix in self._passthrough:
            if found := self.fields.get(f"{prefix}.{name}"):
                return found
        root = name.partition(".")[0]
        return None if root == name else self._flattened(name)

    def values(self, document: Mapping[str, Any]) -> list[tuple[Field, list[Any]]]:
        """Each field with its values as the engine takes them.

        New fields are learnt, but not from a document that is refused. Raises StoreError.
        """
        learnt = (self.fields, self._written, self._objects)
        before = [len(one) for one in learnt]
        try:
            return list(self._values(document))
        except StoreError:
            for one, length in zip(learnt, before, strict=True):
                while len(one) > length:
                    one.popitem()
            raise

    def _values(self, document: Mapping[str, Any]) -> Iterator[tuple[Field, list[Any]]]:
        found: dict[str, list[Any]] = {}
        self._leaves(document, "", found)
        for name, raw in found.items():
            field = self._written[name] if name in self._written else self._added(name, raw[0])
            if field is not None:
                yield field, field.all_fitted(raw)
                for sub in field.subs:
                    yield sub, sub.all_fitted(raw)

    def _leaves(self, node: Mapping[str, Any], prefix: str, found: dict[str, list[Any]]) -> None:
        for key, value in node.items():
            name = prefix + key
            if type(value) is dict:
                self._enter(name)
                self._leaves(value, f"{name}.", found)
            elif type(value) is list:
                for one in value:
                    self._leaves({key: one}, prefix, found)
            elif value is not None:  # a null is no value, among others or alone
                found.setdefault(name, []).append(value)

    def _enter(self, name: str) -> None:
        """Remembers an object; below attributes that are passed through it is flattened."""
        if name in self._objects:
            return
        if field := self.fields.get(name):
            if field.type != "flattened":
                raise undocumented(f"failed to parse field [{name}] of type [{field.type}]: it is an object")
            return
        self._objects[name] = None
        if any(name.startswith(f"{prefix}.") for _, prefix in self._passthrough):
            self._declare(name, {"type": "flattened"})

    def _flattened(self, name: str) -> Field | None:
        parts = name.split(".")
        for end in range(len(parts) - 1, 0, -1):
            root = self.resolved(".".join(parts[:end]))
            if root is not None and root.type == "flattened":
                return Field(name, "flattened", "keyword")
        return None

    def _added(self, name: str, value: Any) -> Field | None:
        """What the first value of a new field makes of it; nothing where new fields are not indexed."""
        if name in self.aliases:
            raise undocumented(f"Cannot write to a field alias [{name}].")
        if name in self._objects:
            raise undocumented(
                f"object mapping for [{name}] tried to parse field [{name}] as object, but found a concrete value"
            )
        self._written[name] = self.fields.get(name) or self._flattened(name)
        if self._written[name] is not None:
            return self._written[name]
        rule = self._rule(name)
        if rule == "strict":
            raise StoreError(
                400,
                "strict_dynamic_mapping_exception",
                f"mapping set to strict, dynamic introduction of [{name}] is not allowed",
            )
        if rule == "false":
            return None
        self._declare(name, self._dynamic_definition(name, value))
        self._written[name] = self.fields[name]
        return self.fields[name]

    def _rule(self, name: str) -> str:
        while name:
            name = name.rpartition(".")[0]
            if name in self._dynamic:
                return self._dynamic[name]
        return self._dynamic[""]

    def _dynamic_definition(self, name: str, value: Any) -> dict[str, Any]:
        seen = _seen(value, dates=self.definition.get("date_detection", True))
        for template in self.definition.get("dynamic_templates", ()):
            ((_, rule),) = template.items()
            if _applies(rule, name, seen):
                return dict(rule["mapping"])
        if any(name.startswith(f"{prefix}.") for _, prefix in self._passthrough) and seen == "string":
            return {"type": "keyword", "ignore_above": 1024}
        if seen == "string":
            return {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
        return {"type": "float" if seen == "double" else seen}

    def _declare(self, name: str, body: Mapping[str, Any]) -> None:
        kind = body.get("type", "object")
        for option in body:
            if option not in _OPTIONS:
                raise _unmappable(f"unknown parameter [{option}] on mapper [{name}] of type [{kind}]")
        if kind == "alias":
            self.aliases[name] = body["path"]
        elif kind in _OBJECTS:
            self._objects[name] = None
            if "dynamic" in body or kind == "passthrough":
                self._dynamic[name] = str(body.get("dynamic", True)).lower()
            if kind == "passthrough":
                self._passthrough = sorted([*self._passthrough, (body.get("priority", 0), name)], reverse=True)
        elif kind in _KINDS:
            subs = tuple(_field(f"{name}.{key}", inner) for key, inner in body.get("fields", {}).items())
            self.fields[name] = _field(name, body, subs)
            self.fields.update({sub.name: sub for sub in subs})
            self.has_changed = True
        else:
            raise _unmappable(f"No handler for type [{kind}] declared on field [{name}]")


class View:
    """The mappings of the streams that one request is about."""

    def __init__(self, mappings: Sequence[StreamMapping]) -> None:
        self._mappings = mappings

    def fields(self, name: str) -> list[Field]:
        """What the name stands for: none where no stream knows it, several where the streams differ in its type."""
        found = {field.name + field.kind: field for one in self._mappings if (field := one.resolved(name))}
        return list(found.values())

    def names(self) -> dict[str, set[str]]:
        """Every field with its types."""
        found: dict[str, set[str]] = {}
        for one in self._mappings:
            for name, field in dict(one.fields).items():
                found.setdefault(name, set()).add(field.type)
            for alias, name in one.aliases.items():
                if field := one.fields.get(name):
                    found.setdefault(alias, set()).add(field.type)
        return found

    def matching(self, pattern: str) -> list[str]:
        """Names that a pattern with `*` stands for; a name without stands for itself."""
        if "*" not in pattern:
            return [pattern]
        return sorted(name for name in self.names() if fnmatch.fnmatchcase(name, pattern))


def _field(name: str, body: Mapping[str, Any], subs: tuple[Field, ...] = ()) -> Field:
    if body.get("type") not in _KINDS:
        raise _unmappable(f"No handler for type [{body.get('type')}] declared on field [{name}]")
    if name == TIME and _KINDS[body["type"]] != "date":
        raise illegal(
            f"data stream timestamp field [{TIME}] is of type [{body['type']}], but [date,date_nanos] is expected"
        )
    return Field(name, body["type"], _KINDS[body["type"]], body.get("ignore_above", 2**31), subs)


def _definition(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"type": field.type}
    if field.ignore_above < 2**31:
        found["ignore_above"] = field.ignore_above
    if field.subs:
        found["fields"] = {sub.name.removeprefix(f"{field.name}."): _definition(sub) for sub in field.subs}
    return found


def _properties(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, body in tree.items():
        name = f"{prefix}{key}"
        yield name, {option: value for option, value in body.items() if option != "properties"}
        yield from _properties(body.get("properties", {}), f"{name}.")


def _seen(value: Any, *, dates: bool) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "long"
    if isinstance(value, float):
        return "double"
    if dates and _LOOKS_LIKE_A_DATE.fullmatch(value):
        return "date"
    return "string"


def _applies(rule: Mapping[str, Any], name: str, seen: str) -> bool:
    def among(patterns: Any, text: str) -> bool:
        return any(fnmatch.fnmatchcase(text, one) for one in ([patterns] if isinstance(patterns, str) else patterns))

    last = name.rpartition(".")[2]
    return (
        among(rule.get("match_mapping_type", "*"), seen)
        and among(rule.get("match", "*"), last)
        and among(rule.get("path_match", "*"), name)
        and not among(rule.get("unmatch", ()), last)
        and not among(rule.get("path_unmatch", ()), name)
        and not among(rule.get("unmatch_mapping_type", ()), seen)
    )


def _unmappable(reason: str) -> StoreError:
    return StoreError(400, "mapper_parsing_exception", f"Failed to parse mapping: {reason}")


def _fit_text(_: Field, value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _fit_boolean(_: Field, value: Any) -> bool:
    if value in (True, False, "true", "false", "") and not isinstance(value, int | float) ^ isinstance(value, bool):
        return value in (True, "true")
    raise ValueError


def _fit_long(field: Field, value: Any) -> int:
    if type(value) is bool:
        raise TypeError
    number = (
        value if isinstance(value, int) else int(value) if re.fullmatch(r"-?\d+", str(value)) else int(float(value))
    )
    if not -(1 << _BITS[field.type]) <= number < 1 << _BITS[field.type]:
        raise ValueError
    return number


def _fit_double(field: Field, value: Any) -> float:
    number = float("nan") if isinstance(value, bool) else float(value)
    if not math.isfinite(number):
        raise ValueError
    return struct.unpack("f", struct.pack("f", number))[0] if field.type == "float" else number


def _fit_date(field: Field, value: Any) -> int:
    if type(value) is str and value[10:11] == "T" and value[19:]:  # what nearly all documents have
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return (at - _EPOCH) // _MILLISECOND
    if isinstance(value, str) and (value.startswith("now") or "||" in value):
        raise ValueError
    return instant(value, _EPOCH, field=field.name)


_FITS = {
    "keyword": _fit_text,
    "text": _fit_text,
    "boolean": _fit_boolean,
    "long": _fit_long,
    "double": _fit_double,
    "date": _fit_date,
}
