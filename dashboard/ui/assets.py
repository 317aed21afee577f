"""Streamlit's files for the browser, compressed once: which there are, what a page needs first, and their bytes.

Nothing waits for a compression: what is not ready is served as it is, and is ready for the next visitor.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Literal

import brotli

Encoding = Literal["br", "gzip", "identity"]
ENCODINGS: Final[tuple[Encoding, ...]] = ("br", "gzip")  # the smaller first

# Scripts by the name of what they draw. The first are in every page; the others a page that is opened next may need.
FIRST: Final = ("Html", "PageLink", "ButtonGroup", "Button", "Metric")
NEXT: Final = ("Selectbox", "DownloadButton", "Progress", "Checkbox", "TextInput")
LATER: Final = ("DataFrame", "DateTimeInput", "PlotlyChart")

_TEXT: Final = frozenset({".js", ".css", ".html", ".json", ".svg", ".map", ".txt"})
_IMPORT: Final = re.compile(r"(?:from|import)\s*[\"'`]\./([\w.-]+\.js)[\"'`]")
_LEAST_BYTES = 512  # below, a header costs more than it saves
_BROTLI_QUALITY = 9  # 10 and 11 take twenty times as long for a tenth less
_GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The bytes of one file in one encoding; `etag` tells the encodings of a file apart."""

    content: bytes
    encoding: Encoding
    media_type: str
    etag: str


def closure(scripts: Path, first: Iterable[str]) -> list[str]:
    """The scripts of these file names and all that they import, each once, in the order in which they are met."""
    found: dict[str, None] = {}
    waiting = list(first)
    while waiting:
        name = waiting.pop(0)
        if name in found or not (scripts / name).is_file():
            continue
        found[name] = None
        waiting += _IMPORT.findall((scripts / name).read_text(encoding="utf-8"))
    return list(found)


def scripts_named(scripts: Path, names: Sequence[str]) -> list[str]:
    """The file names of those scripts, whose hashes change with each version; none for a name that is not there."""
    return [file.name for name in names for file in sorted(scripts.glob(f"{name}.*.js"))]


def with_hints(page: str, first: Iterable[str], following: Iterable[str]) -> str:
    """The page with the scripts it needs first named in its head, so that they come side by side, and others after it.

    A script that the page names already is not named again. Pure.
    """
    lines = [
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in first if name not in page
    ] + [
        f'<link rel="prefetch" as="script" crossorigin href="./static/js/{name}">'
        for name in following
        if name not in page
    ]
    head, end, rest = page.partition("</head>")
    return head + "\n".join(lines) + end + rest if end else page


class Assets:
    """The files under one folder. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bodies: dict[tuple[str, Encoding], Body] = {}
        self._begun: set[str] = set()
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[tuple[str, bytes | None]] = SimpleQueue()
        # One thread, so that a start leaves the other cores to visitors; a daemon, so that no end waits for it.
        threading.Thread(target=self._work, name="compress", daemon=True).start()

    def prepare(self) -> None:
        """Begin to compress what pages need, the most urgent first; returns at once."""
        scripts = self._folder / "static" / "js"
        if not (self._folder / "index.html").is_file():
            return
        page = (self._folder / "index.html").read_text(encoding="utf-8")
        start = closure(scripts, re.findall(r"\./static/js/([\w.-]+\.js)", page))
        first = closure(scripts, scripts_named(scripts, FIRST))
        following = [name for name in closure(scripts, scripts_named(scripts, NEXT)) if name not in first]
        later = closure(scripts, scripts_named(scripts, LATER))
        self._page(with_hints(page, first, [name for name in following if name not in start]))
        styles = [f"static/css/{file.name}" for file in sorted((self._folder / "static" / "css").glob("*.css"))]
        for name in [*(f"static/js/{name}" for name in (*start, *first, *following, *later)), *styles]:
            self._begin(name)

    def page(self, accepted: frozenset[str]) -> Body | None:
        """The page that starts the app, in the best encoding; None before it was prepared."""
        return self._best("index.html", accepted) or self._bodies.get(("index.html", "identity"))

    def file(self, name: str, accepted: frozenset[str]) -> Body | None:
        """The compressed file at this path below the folder; None where it is not ready, or is not made smaller."""
        found = self._best(name, accepted)
        if found is None and accepted & set(ENCODINGS):
            self._begin(name)
        return found

    def _work(self) -> None:
        while True:
            name, content = self._waiting.get()
            self._store(name, (self._folder / name).read_bytes() if content is None else content)

    def _best(self, name: str, accepted: frozenset[str]) -> Body | None:
        known: Mapping[tuple[str, Encoding], Body] = self._bodies
        return next((known[name, one] for one in ENCODINGS if one in accepted and (name, one) in known), None)

    def is_begun(self, name: str) -> bool:
        """Whether this file is compressed, or about to be."""
        return name in self._begun

    def _begin(self, name: str) -> None:
        file = self._folder / name
        if file.suffix not in _TEXT or ".." in Path(name).parts or not file.is_relative_to(self._folder):
            return
        with self._lock:
            if name in self._begun or not file.is_file():
                return
            self._begun.add(name)
        self._waiting.put((name, None))

    def _page(self, text: str) -> None:
        content = text.encode("utf-8")
        self._bodies["index.html", "identity"] = _body("index.html", content, "identity")
        self._begun.add("index.html")
        self._waiting.put(("index.html", content))

    def _store(self, name: str, content: bytes) -> None:
        if len(content) < _LEAST_BYTES:
            return
        packed: Mapping[Encoding, bytes] = {
            "br": brotli.compress(content, quality=_BROTLI_QUALITY),
            "gzip": gzip.compress(content, _GZIP_LEVEL, mtime=0),
        }
        for encoding, smaller in packed.items():
            if len(smaller) < len(content):
                self._bodies[name, encoding] = _body(name, smaller, encoding)


def _body(name: str, content: bytes, encoding: Encoding) -> Body:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    digest = hashlib.blake2b(content, digest_size=12).hexdigest()
    return Body(content=content, encoding=encoding, media_type=media_type + charset, etag=f'"{digest}"')
