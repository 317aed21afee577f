"""What a page says, element by element, without a browser or a session: everything that Streamlit would send is read.

A drawing takes some milliseconds, so that a law can be held over all inputs of all pages.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from streamlit.delta_generator import DeltaGenerator

_CELL = re.compile(r'<td[^>]*data-label="([^"]*)"[^>]*>(.*?)</td>', re.S)
_PAIR = re.compile(r"<dt>(.*?)</dt><dd>(.*?)</dd>", re.S)
_CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.S)  # queries say nothing to a person
_TAG = re.compile(r"<[^>]*>")
_ALT = re.compile(r'(?:alt|aria-label)="([^"]*)"')
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+| · ")


def said(draw: Callable[[], object]) -> tuple[str, ...]:
    """Every sentence, figure (`Failed runs: 3 %`) and cell (`restarts: 0`) that a drawing shows, in order."""
    heard: list[tuple[str, Any]] = []

    def element(self: DeltaGenerator, kind: str, proto: Any, *args: Any, **more: Any) -> DeltaGenerator:
        heard.append((kind, proto))
        return self

    blocks = DeltaGenerator._block

    def block(self: DeltaGenerator, block_proto: Any = None, *args: Any, **more: Any) -> Any:
        heard.append(("block", block_proto))
        return blocks(self, block_proto, *args, **more)

    with patch.object(DeltaGenerator, "_enqueue", element), patch.object(DeltaGenerator, "_block", block):
        draw()
    return tuple(one for kind, proto in heard for one in _words(kind, proto))


def _words(kind: str, proto: Any) -> Iterator[str]:
    match kind:
        case "metric":
            yield f"{_plain(proto.label)}: {_plain(proto.body)}"
        case "html":
            yield from _of_html(proto.body)
        case "markdown" | "alert" | "heading":
            yield from _sentences(proto.body)
        case "progress":
            yield from _sentences(proto.text)
        case "block" if proto is not None and proto.HasField("expandable"):
            yield from _sentences(proto.expandable.label)


def _of_html(body: str) -> Iterator[str]:
    for name, text in (*_CELL.findall(body), *_PAIR.findall(body)):
        yield f"{_plain(name)}: {_plain(text)}"
    for words in _ALT.findall(body):
        yield from _sentences(words)
    rest = _PAIR.sub("\n", _CELL.sub("\n", _CODE.sub("\n", body)))
    yield from _sentences(re.sub(r"</?(p|div|li|h\d|tr|th|td|table|ul|dl)[^>]*>", "\n", rest))


def _sentences(text: str) -> Iterator[str]:
    yield from (whole for one in _SENTENCE.split(_plain(text, keeps_lines=True)) if (whole := one.strip()))


def _plain(text: str, *, keeps_lines: bool = False) -> str:
    bare = html.unescape(_TAG.sub(" ", text)).replace(":small[]", "")
    return bare if keeps_lines else " ".join(bare.split())
