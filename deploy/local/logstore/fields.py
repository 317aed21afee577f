"""The mapping: which fields there are and of which type, and the names under which the engine has them.

One engine holds all data streams: `_stream` tells them apart. Keywords, numbers and booleans are paths below `k`, text
is below `t`, and `_order` is time and arrival in one number, so that every order has a tie-breaker.
"""

from __future__ import annotations

from pathlib import Path

import orjson
import tantivy

from deploy.local.logstore.documents import TIME

_SEQUENCE_BITS = 22  # arrival within a millisecond; 42 bits are left for the time, enough until the year 2109
SEQUENCE_MASK = (1 << _SEQUENCE_BITS) - 1


def schema() -> tantivy.Schema:
    """The engine's own schema; every store has the same."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("_stream", tokenizer_name="raw", index_option="basic", fast=True, stored=True)
    builder.add_text_field("_id", tokenizer_name="raw", index_option="basic", stored=True)
    builder.add_unsigned_field("_seq", indexed=True, fast=True, stored=True)
    builder.add_unsigned_field("_order", indexed=True, fast=True, stored=True)
    builder.add_date_field("_at", indexed=True, fast=True)
    builder.add_json_field("k", fast=True, tokenizer_name="raw", index_option="basic", expand_dots_enabled=True)
    builder.add_json_field("t", tokenizer_name="default", index_option="position", expand_dots_enabled=True)
    builder.add_bytes_field("_source", stored=True)
    return builder.build()


def order(milliseconds: int, sequence: int) -> int:
    """Time first, then arrival."""
    return max(0, milliseconds) << _SEQUENCE_BITS | sequence & SEQUENCE_MASK


def time_of(order_value: int) -> int:
    """The milliseconds of an order."""
    return order_value >> _SEQUENCE_BITS


class Mapping:
    """Field types, learnt from the first document that has the field, and kept on disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._types: dict[str, str] = orjson.loads(file.read_bytes()) if file.exists() else {TIME: "date"}
        self._is_saved = True

    def __getitem__(self, name: str) -> str | None:
        return self._types.get(name)

    def all(self) -> dict[str, str]:
        return dict(self._types)

    def learn(self, name: str, kind: str) -> str:
        """The field's type from now on."""
        if name not in self._types:
            self._types[name] = kind
            self._is_saved = False
        return self._types[name]

    def save(self) -> None:
        """Before the documents that taught it are committed."""
        if not self._is_saved:
            scratch = self._file.with_suffix(".new")
            scratch.write_bytes(orjson.dumps(self._types))
            scratch.replace(self._file)
            self._is_saved = True
