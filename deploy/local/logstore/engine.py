"""The engine: one tantivy index with the documents of all data streams.

`_stream` tells the streams apart. `_order` is time and arrival in one number, so every order has a tie-breaker. After a
failed commit (a full disk) the writer is unusable: a new one starts at the last commit, and the translog has the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import tantivy
from tantivy import Query

from deploy.local.logstore.mapping import TIME, Field

_HEAP_BYTES = 32 * 1024 * 1024
_ARRIVAL_BITS = 22  # arrival within a millisecond; 42 bits are left for the time, enough until the year 2109
LATEST = (1 << 41) - 1
Values = Iterable[tuple[Field, list[Any]]]


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it lies in the engine."""

    stream: str
    id: str
    version: int
    sequence: int
    source: dict[str, Any]


class Engine:
    """A tantivy index in a folder. One thread writes; searchers are safe for threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        try:
            self.index = tantivy.Index(_schema(), path=str(folder))
        except ValueError as error:
            mend = f"move {folder.parent} away to begin without logs"
            raise ValueError(f"{folder} is damaged or of another version ({error}): {mend}") from error
        self._analyzer = _analyzer()
        self.index.register_tokenizer("standard", self._analyzer)
        self.schema = self.index.schema
        self._writer = self._new_writer()

    def words(self, text: str) -> list[str]:
        """The words of a text as they are searched."""
        return self._analyzer.analyze(text)

    def searcher(self) -> tantivy.Searcher:
        """A snapshot of the last commit."""
        return self.index.searcher()

    def add(self, operation: Mapping[str, Any], values: Values) -> None:
        """Puts a document in place of one with the same key."""
        document = tantivy.Document()
        key = key_of(operation["stream"], operation["id"])
        if operation["version"] > 1:
            self._writer.delete_documents_by_term("_key", key)
        document.add_text("_key", key)
        document.add_text("_stream", operation["stream"])
        document.add_unsigned("_seq", operation["seq"])
        document.add_unsigned("_version", operation["version"])
        at, keywords, texts = 0, {}, {}
        for field, found in values:
            if field.name == TIME:
                at = found[0]
                document.add_integer("_ms", at)
            elif field.kind == "text":
                texts[field.name] = found
                keywords[field.name] = ""  # marks it as present: the engine cannot ask text itself
            elif found:
                keywords[field.name] = found if len(found) > 1 else found[0]
        document.add_unsigned("_order", order_of(at, operation["seq"]))
        document.add_json("k", keywords)
        document.add_json("t", texts)
        document.add_bytes("_source", orjson.dumps(operation["source"]))
        self._writer.add_document(document)

    def remove_matching(self, query: Query) -> None:
        self._writer.delete_documents_by_query(query)

    def commit(self) -> None:
        """Makes what was added durable and visible. Raises ValueError or OSError when the disk takes no more."""
        self._writer.commit()
        self.index.reload()

    def reset_writer(self) -> None:
        """Replaces a writer that failed; what was not committed is lost."""
        self._writer = None
        self._writer = self._new_writer()

    def last_sequence(self) -> int:
        """The highest sequence number that was committed; -1 when there is none."""
        found = self.searcher().search(Query.all_query(), limit=1, count=False, order_by_field="_seq").hits
        return int(found[0][0]) if found else -1

    def find(self, searcher: tantivy.Searcher, key: str) -> Stored | None:
        """A committed document by its key. The cheap question first: most keys of new documents are new."""
        if not searcher.doc_freq("_key", key):
            return None
        found = searcher.search(Query.term_query(self.schema, "_key", key), limit=1, count=False).hits
        return stored(searcher, found[0][1]) if found else None

    def _new_writer(self) -> Any:
        return self.index.writer(heap_size=_HEAP_BYTES, num_threads=1)


def stored(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> Stored:
    """A document that a search has found."""
    found = searcher.doc(address)
    stream, _, identity = found["_key"][0].partition("/")
    return Stored(stream, identity, found["_version"][0], found["_seq"][0], orjson.loads(bytes(found["_source"][0])))


def key_of(stream: str, identity: str) -> str:
    return f"{stream}/{identity}"


def order_of(milliseconds: int, sequence: int) -> int:
    """Time first, then arrival."""
    return min(max(0, milliseconds), LATEST) << _ARRIVAL_BITS | sequence & ((1 << _ARRIVAL_BITS) - 1)


def time_of(order: int) -> int:
    """The milliseconds of an order."""
    return order >> _ARRIVAL_BITS


def _analyzer() -> tantivy.TextAnalyzer:
    """Words as the standard analyzer cuts them: a dot or apostrophe between letters or digits does not part them."""
    letters, digits = r"\p{L}[\p{L}\p{M}]*(?:[.'’:·]\p{L}[\p{L}\p{M}]*)*", r"\p{N}+(?:[.,;'’]\p{N}+)*"
    words = tantivy.Tokenizer.regex(rf"(?:{letters}|{digits}|_+)+")
    return tantivy.TextAnalyzerBuilder(words).filter(tantivy.Filter.lowercase()).build()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("_key", tokenizer_name="raw", index_option="basic", stored=True)
    builder.add_text_field("_stream", tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_unsigned_field("_seq", fast=True, stored=True)
    builder.add_unsigned_field("_version", stored=True)
    builder.add_unsigned_field("_order", indexed=True, fast=True)
    builder.add_integer_field("_ms", fast=True)
    builder.add_json_field("k", fast=True, tokenizer_name="raw", index_option="basic", expand_dots_enabled=True)
    builder.add_json_field("t", tokenizer_name="standard", index_option="position", expand_dots_enabled=True)
    builder.add_bytes_field("_source", stored=True)
    return builder.build()
