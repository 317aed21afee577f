"""One JSON object a line on stdout. Warnings and errors always; what went well only now and then."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson

from deploy.local.workload.clock import Clock
from deploy.local.workload.identity import Identity
from deploy.local.workload.spans import Context


class Log:
    """Writes log lines. `info` keeps at most `info_per_second` lines, so that a quiet system costs little to read."""

    def __init__(self, identity: Identity, stream: BinaryIO | None = None, info_per_second: float = 1.0) -> None:
        self.clock = Clock()
        self._resource = identity.resource()
        self._stream = stream or sys.stdout.buffer
        self._info_interval = 1 / info_per_second
        self._next_info = 0.0

    def info(self, message: str, context: Context | None = None, **attributes: Any) -> None:
        """A sampled line: for what happens with every request."""
        now = time.monotonic()
        if now >= self._next_info:
            self._next_info = now + self._info_interval
            self._write("INFO", message, context, attributes)

    def event(self, message: str, **attributes: Any) -> None:
        """An unsampled line at info level: for what happens once, such as a start or a reload."""
        self._write("INFO", message, None, attributes)

    def warning(self, message: str, context: Context | None = None, **attributes: Any) -> None:
        self._write("WARN", message, context, attributes)

    def error(self, message: str, context: Context | None = None, **attributes: Any) -> None:
        self._write("ERROR", message, context, attributes)

    def _write(self, level: str, message: str, context: Context | None, attributes: dict[str, Any]) -> None:
        line = {
            "ts": datetime.fromtimestamp(self.clock.now_ns() / 1e9, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": level,
            "message": message,
            "trace_id": context.trace_id if context else "",
            "span_id": context.span_id if context else "",
            "resource": self._resource,
            "attributes": {name.replace("__", "."): value for name, value in attributes.items()},
        }
        self._stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self._stream.flush()
