"""What fields a built-in kind has, and whether an object keeps to them.

The table is `schema.json`, written by `compile_schema.py`. As the real server does while decoding, `conform` refuses a
value of the wrong type, leaves out fields that do not exist, naming them, and writes times and quantities in one form.
Custom kinds are checked in their metadata alone.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from . import errors

Json = dict[str, Any]
METADATA = "meta.v1.ObjectMeta"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message. Shape is `[]` list, `{}` map, `~` inlined into its parent, or empty."""

    shape: str
    kind: str


@cache
def messages() -> dict[str, dict[str, Field]]:
    """Every message by its name (`core.v1.Pod`), each with its fields by name."""
    table = orjson.loads(Path(__file__).with_name("schema.json").read_bytes())
    return {name: {field: _field(text) for field, text in fields.items()} for name, fields in table.items()}


@cache
def properties(message: str) -> dict[str, Field]:
    """The fields as JSON has them: an inlined message is replaced by its fields."""
    found: dict[str, Field] = {}
    for name, field in messages()[message].items():
        found.update(properties(field.kind) if field.shape == "~" else {name: field})
    return found


def message_of(api_version: str, kind: str) -> str | None:
    """The message of a kind; None for kinds that the table does not hold."""
    group, _, version = api_version.rpartition("/")
    name = f"{group.partition('.')[0] or 'core'}.{version}.{kind}"
    return name if name in messages() else None


def conform(obj: Json) -> tuple[Json, list[str]]:
    """The object as decoded, and the paths of fields that do not exist. Raises ApiError 400 for a wrong type."""
    message = message_of(obj["apiVersion"], obj["kind"])
    unknown: list[str] = []
    if message is None:
        metadata = _message(METADATA, obj["metadata"], "metadata", unknown)
        return {**obj, "metadata": metadata}, unknown
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
    checked = _message(message, rest, "", unknown)
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **checked}, unknown


def _field(text: str) -> Field:
    for shape in ("[]", "{}", "~"):
        if text.startswith(shape):
            return Field(shape, text.removeprefix(shape))
    return Field("", text)


def _message(message: str, value: Any, path: str, unknown: list[str]) -> Json:
    if not isinstance(value, dict):
        raise _wrong(value, path, message.rpartition(".")[2])
    fields = properties(message)
    result: Json = {}
    for name, entry in value.items():
        inner = f"{path}.{name}" if path else name
        if name not in fields:
            unknown.append(inner)
        elif entry is not None:
            result[name] = _shaped(fields[name], entry, inner, unknown)
    return result


def _shaped(field: Field, value: Any, path: str, unknown: list[str]) -> Any:
    if field.shape == "[]":
        if not isinstance(value, list):
            raise _wrong(value, path, f"[]{field.kind}")
        return [_value(field.kind, entry, f"{path}[{index}]", unknown) for index, entry in enumerate(value)]
    if field.shape == "{}":
        if not isinstance(value, dict):
            raise _wrong(value, path, f"map[string]{field.kind}")
        return {key: _value(field.kind, entry, f"{path}.{key}", unknown) for key, entry in value.items()}
    return _value(field.kind, value, path, unknown)


def _value(kind: str, value: Any, path: str, unknown: list[str]) -> Any:
    scalar = _SCALARS.get(kind)
    if scalar is None:
        if kind.endswith(".ExtraValue"):
            return value
        return _message(kind, value, path, unknown)
    try:
        return scalar(value)
    except (TypeError, ValueError) as error:
        raise _wrong(value, path, kind) from error


def _wrong(value: Any, path: str, kind: str) -> errors.ApiError:
    name = "string"
    if isinstance(value, bool):
        name = "bool"
    elif isinstance(value, int | float):
        name = "number"
    elif isinstance(value, dict | list):
        name = "object" if isinstance(value, dict) else "array"
    return errors.bad_request(f"json: cannot unmarshal {name} into Go struct field {path} of type {kind}")


def _only(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError
        return value

    return check


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


def _number_or_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    return value


def _bytes(value: Any) -> str:
    text: str = _only(str)(value)
    base64.b64decode(text, validate=True)
    return text


def _time(value: Any) -> str:
    return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: Any) -> str:
    return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _only(str),
    "bool": _only(bool),
    "int32": _only(int),
    "int64": _only(int),
    "quantity": _quantity,
    "intstr": _number_or_text,
    "bytes": _bytes,
    "time": _time,
    "microtime": _micro_time,
    "raw": lambda value: value,
}
