"""Reads objects in Kubernetes' protobuf form, in which kubectl sends what it makes up itself (`kubectl create ...`).

Answers are always JSON, which every client accepts beside protobuf. The wire form cannot tell an unset field from a
zero one unless the field is a pointer, so zeros of other fields are left out, as JSON's omitempty does.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from . import errors
from .schema import Field, message_of, messages

Json = dict[str, Any]
CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def decode(body: bytes) -> Json:
    """The object of a request body. Raises ApiError 400."""
    if not body.startswith(MAGIC):
        raise errors.bad_request("couldn't get version/kind; protobuf data without its prefix")
    try:
        envelope = dict(_wire(body[len(MAGIC) :]))
        types = dict(_wire(envelope.get(1, b"")))
        api_version, kind = types.get(1, b"").decode(), types.get(2, b"").decode()
        message = message_of(api_version, kind)
        if message is None and kind == "DeleteOptions":
            message = "meta.v1.DeleteOptions"
        if message is None:
            raise errors.bad_request(f'no kind "{kind}" is registered for version "{api_version}"')
        return {"apiVersion": api_version, "kind": kind, **_message(message, envelope.get(2, b""))}
    except (ValueError, IndexError, AttributeError) as error:
        raise errors.bad_request(f"couldn't read protobuf data: {error}") from error


def _message(message: str, data: bytes) -> Json:
    fields = {field.number: (name, field) for name, field in messages()[message].items()}
    result: Json = {}
    for number, value in _wire(data):
        if number not in fields:
            continue
        name, field = fields[number]
        if field.shape == "~":
            result.update(_message(field.kind, value))
        elif field.shape == "[]":
            result.setdefault(name, []).append(_value(field.kind, value))
        elif field.shape == "{}":
            entry = dict(_wire(value))
            result.setdefault(name, {})[entry.get(1, b"").decode()] = _value(field.kind, entry.get(2, b""))
        elif not _is_zero(field, decoded := _value(field.kind, value)):
            result[name] = decoded
    return result


def _is_zero(field: Field, value: Any) -> bool:
    return value is None or (field.shape != "*" and value in ("", 0, False, {}))


def _value(kind: str, value: Any) -> Any:
    match kind:
        case "string":
            return value.decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "bool":
            return bool(value)
        case "int32" | "int64":
            return value - (1 << 64) if value >> 63 else value
        case "quantity":
            return dict(_wire(value)).get(1, b"0").decode()
        case "raw":
            return orjson.loads(dict(_wire(value)).get(1) or b"null")
        case "intstr":
            parts = dict(_wire(value))
            return parts.get(3, b"").decode() if parts.get(1) else _value("int32", parts.get(2, 0))
        case "time" | "microtime":
            return _time(dict(_wire(value)))
    if kind.endswith(".ExtraValue"):
        return [entry.decode() for _, entry in _wire(value)]
    return _message(kind, value)


def _time(parts: dict[int, Any]) -> str | None:
    if not parts:
        return None
    moment = datetime.fromtimestamp(parts.get(1, 0) + parts.get(2, 0) / 1e9, UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _wire(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message as number and raw value, in order."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(data, position)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if position + length > len(data):
            raise ValueError("it ends in the middle of a field")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
