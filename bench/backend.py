"""A Prometheus of a few lines in a process of its own: answers each query after a set time, and knows who asked when.

What it answers is always the same line; what matters is how often it is asked, and how long that takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

DELAYS, RATE = "/bench/delays", "/bench/rate"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection; what is shared by all stands on the class."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: in two, the kernel would hold the second back for 40 ms
    disable_nagle_algorithm = True
    usual_seconds = 0.0
    slow_seconds = 0.0
    slow_part = ""
    asked: dict[str, list[float]]
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = urlsplit(self.path).path
        if path == DELAYS:
            for name, value in json.loads(body).items():
                setattr(Handler, name, value)
            Handler.asked = defaultdict(list)
            return self._answer({})
        form = {name: values[0] for name, values in parse_qs(body).items()}
        query = form["query"]
        with self.lock:
            self.asked[f"{path} {query}"].append(time.monotonic())
        is_slow = self.slow_part and self.slow_part in query
        time.sleep(self.slow_seconds if is_slow else self.usual_seconds)
        if path.endswith("query_range"):
            start, end, step = (float(form[name]) for name in ("start", "end", "step"))
            values = [[start + step * at, f"{at % 97}.5"] for at in range(int((end - start) // step) + 1)]
            return self._answer(_data("matrix", [{"metric": {"track": "blue"}, "values": values}]))
        return self._answer(_data("vector", [{"metric": {"track": "blue"}, "value": [time.time(), "1.5"]}]))

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == RATE:
            with self.lock:
                return self._answer({"rate": sum(map(_rate, self.asked.values())), "questions": len(self.asked)})
        if path.endswith("buildinfo"):
            return self._answer(_data("", None) | {"data": {"version": "bench"}})
        return self._answer({"status": "success", "data": []})

    def _answer(self, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing: thousands of lines would be what is measured."""


class Server(ThreadingHTTPServer):
    """One thread a connection, none of which keeps the process alive."""

    daemon_threads = True
    request_queue_size = 64


class Backend:
    """The process, as a bench talks to it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def begin(self, *, usual_seconds: float = 0.0, slow_seconds: float = 0.0, slow_part: str = "") -> None:
        """Forgets what was asked; from now on queries that contain `slow_part` take the slow time."""
        delays = {"usual_seconds": usual_seconds, "slow_seconds": slow_seconds, "slow_part": slow_part}
        requests.post(self.url + DELAYS, json=delays, timeout=10).raise_for_status()

    def rate(self) -> float:
        """Requests a second since `begin`, each question's by the time between its first and its last asking."""
        found: float = requests.get(self.url + RATE, timeout=10).json()["rate"]
        return found


@contextmanager
def backend() -> Iterator[Backend]:
    """A running one, ended afterwards."""
    with subprocess.Popen([sys.executable, "-m", "bench.backend"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Backend(process.stdout.readline().strip())
        finally:
            process.terminate()


def _rate(moments: list[float]) -> float:
    span = moments[-1] - moments[0]
    return (len(moments) - 1) / span if span else 0.0


def _data(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def main() -> None:
    """Serves until it is told to end; its first line is its address."""
    Handler.asked = defaultdict(list)
    with Server(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
