"""An empty Streamlit page, plain and served as the deck is: what no page can be faster than."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = 'import streamlit as st\n\nst.markdown("empty")\n'
_SERVED = f"""
import sys
from pathlib import Path

sys.path.insert(0, {str(_ROOT)!r})
import streamlit as st
from dashboard.asgi import SERVING

app = st.App(Path(__file__).parent / "page.py", middleware=SERVING)
"""


@contextmanager
def empty_app(*, as_the_deck: bool) -> Iterator[str]:
    """The address of a Streamlit app that shows one word: as Streamlit serves it, or compressed as the deck is."""
    with tempfile.TemporaryDirectory(prefix="tealdeck-") as folder, socket.socket() as free:
        (Path(folder) / "page.py").write_text(_PAGE, encoding="utf-8")
        (Path(folder) / "served.py").write_text(_SERVED, encoding="utf-8")
        if as_the_deck:
            shutil.copytree(_ROOT / ".streamlit", Path(folder) / ".streamlit")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        script = "served.py" if as_the_deck else "page.py"
        command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}"]
        command += ["--server.address=127.0.0.1", "--server.headless=true", "--browser.gatherUsageStats=false"]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=10)


def _wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own
                return
        except (urllib.error.URLError, OSError) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{address} does not answer: {error}") from error
            time.sleep(0.05)
