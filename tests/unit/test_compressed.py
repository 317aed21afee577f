"""Streamlit's files reach browsers compressed, and every cache between can tell what it holds."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
import requests
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from streamlit import file_util

from dashboard.ui import compressed
from dashboard.ui.assets import FIRST, LATER, NEXT, Assets, closure, scripts_named, with_hints
from dashboard.ui.compressed import Compressed, accepted
from tests.waiting import eventually

SCRIPT = "import './b.js'; console.log('" + "far too often " * 200 + "')"
INDEX = '<html><head><script src="./static/js/a.1.js"></script></head><body></body></html>' + " " * 600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "static" / "js").mkdir(parents=True)
    (tmp_path / "static" / "css").mkdir()
    (tmp_path / "index.html").write_text(INDEX, encoding="utf-8")
    (tmp_path / "static" / "js" / "a.1.js").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "static" / "js" / "b.js").write_text("1", encoding="utf-8")
    (tmp_path / "static" / "js" / "Html.2.js").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "static" / "dot.png").write_bytes(b"\x89PNG" + b"0" * 2000)
    return tmp_path


class Client:
    """Asks a server for exactly these encodings."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        """The answer, decoded; `accept_encoding` is `identity` where it is not named."""
        sent = {"accept-encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, self._address + path, headers=sent, timeout=10)

    def raw(self, path: str, **headers: str) -> tuple[bytes, requests.structures.CaseInsensitiveDict[str]]:
        """The bytes as they came, and the headers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = requests.get(self._address + path, headers=sent, timeout=10, stream=True)
        return answer.raw.read(decode_content=False), answer.headers


@pytest.fixture
def client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(compressed.file_util, "get_static_dir", lambda: str(folder))
    assets = Assets(folder)
    app = Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=folder / "static")),
            Route("/healthz", lambda _: PlainTextResponse("ok\n")),
            Route("/{page:path}", lambda _: FileResponse(folder / "index.html")),
        ],
        middleware=[Middleware(Compressed, assets=assets)],
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started, "the server answers")
        found = Client(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
        found.get("/")  # builds the middleware, which begins to compress
        every = frozenset({"br", "gzip"})
        for name in ("static/js/a.1.js", "static/js/Html.2.js"):
            eventually(lambda name=name: assets.file(name, every), f"{name} is compressed")
        eventually(lambda: (page := assets.page(every)) and page.encoding == "br", "the page is compressed")
        yield found
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("asked", "encoding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")]
)
def test_a_script_comes_in_the_best_encoding_that_the_browser_takes(client: Client, asked: str, encoding: str) -> None:
    raw, headers = client.raw("/static/js/a.1.js", accept_encoding=asked)
    assert headers["content-encoding"] == encoding
    assert headers["vary"].lower() == "accept-encoding"
    assert "immutable" in headers["cache-control"]
    assert "javascript" in headers["content-type"]
    assert int(headers["content-length"]) == len(raw) < len(SCRIPT) / 10
    assert {"br": brotli.decompress, "gzip": gzip.decompress}[encoding](raw).decode() == SCRIPT


def test_a_browser_that_takes_no_encoding_gets_the_file_as_it_is(client: Client) -> None:
    answer = client.get("/static/js/a.1.js")
    assert (answer.text, "content-encoding" in answer.headers) == (SCRIPT, False)
    assert answer.headers["vary"].lower() == "accept-encoding"


def test_each_encoding_has_a_tag_of_its_own_and_is_not_sent_again_to_who_has_it(client: Client) -> None:
    tags = {
        asked: client.get("/static/js/a.1.js", accept_encoding=asked).headers["etag"]
        for asked in ("br", "gzip", "identity")
    }
    assert len(set(tags.values())) == 3
    again = client.get("/static/js/a.1.js", accept_encoding="br", if_none_match=f"W/{tags['br']}")
    other = client.get("/static/js/a.1.js", accept_encoding="br", if_none_match=tags["gzip"])
    assert (again.status_code, again.content, again.headers["vary"]) == (304, b"", "Accept-Encoding")
    assert other.status_code == 200


@pytest.mark.parametrize("path", ["/static/js/a.1.js", "/static/dot.png", "/", "/agents"])
@pytest.mark.parametrize("asked", ["br", "gzip", "identity"])
def test_head_says_what_get_would_say(client: Client, path: str, asked: str) -> None:
    got = client.get(path, accept_encoding=asked)
    head = client.get(path, "HEAD", accept_encoding=asked)
    assert head.content == b""
    assert {name: value for name, value in head.headers.items() if name != "date"} == {
        name: value for name, value in got.headers.items() if name != "date"
    }


def test_a_part_of_a_file_is_a_part_of_the_file_as_it_is(client: Client) -> None:
    answer = client.get("/static/js/a.1.js", accept_encoding="br", range="bytes=7-17")
    assert (answer.status_code, answer.text) == (206, SCRIPT[7:18])
    assert "content-encoding" not in answer.headers


def test_what_is_compressed_already_is_left_alone(client: Client) -> None:
    answer = client.get("/static/dot.png", accept_encoding="br")
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/agents"])
def test_every_page_names_what_it_needs_first_and_is_asked_for_again(client: Client, path: str) -> None:
    answer = client.get(path, accept_encoding="br")
    assert 'rel="modulepreload" crossorigin href="./static/js/Html.2.js"' in answer.text
    assert (answer.headers["cache-control"], answer.headers["content-encoding"]) == ("no-cache", "br")
    again = client.get(path, accept_encoding="br", if_none_match=answer.headers["etag"])
    assert again.status_code == 304


def test_other_answers_and_methods_pass_as_they_are(client: Client) -> None:
    assert client.get("/healthz", accept_encoding="br").text == "ok\n"
    assert client.get("/static/js/a.1.js", "POST").status_code == 405
    assert client.get("/static/js/no.js", accept_encoding="br").status_code == 404
    assert client.get("/static/../index.html", accept_encoding="br").status_code == 200


def test_a_path_out_of_the_folder_is_no_file_of_it(folder: Path) -> None:
    (folder.parent / "secret.js").write_text(SCRIPT, encoding="utf-8")
    assets = Assets(folder)
    for name in ("static/../../secret.js", f"static/{folder.parent}/secret.js", "static/js/../../../secret.js"):
        assert assets.file(name, frozenset({"br"})) is None
        assert not assets.is_begun(name)


def test_the_scripts_that_are_hinted_are_those_of_the_installed_streamlit() -> None:
    """A new version of Streamlit may name its scripts otherwise: the hints would be lost without a word."""
    scripts = Path(file_util.get_static_dir()) / "static" / "js"
    for name in (*FIRST, *NEXT, *LATER):
        assert len(scripts_named(scripts, [name])) == 1, name
    first = closure(scripts, scripts_named(scripts, FIRST))
    assert any(name.startswith("StreamlitMarkdown.") for name in first)
    heavy = ("PlotlyChart", "DataFrame", "StreamlitSyntaxHighlighter")
    assert not [name for name in closure(scripts, scripts_named(scripts, (*FIRST, *NEXT))) if name.startswith(heavy)]


def test_hints_name_no_script_twice_and_need_a_head() -> None:
    page = with_hints('<head><script src="./static/js/a.js"></script></head>', ["a.js", "b.js"], ["c.js"])
    assert [page.count(name) for name in ("a.js", "b.js", "c.js")] == [1, 1, 1]
    assert with_hints("no page", ["b.js"], []) == "no page"


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_no_header_of_a_stranger_breaks_the_choice(header: str) -> None:
    found = accepted(Headers(raw=[(b"accept-encoding", header.encode("latin-1"))]))
    assert len(found) <= 20
