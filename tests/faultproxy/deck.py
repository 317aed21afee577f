"""The deck as viewers have it: its pages over its own connectors, drawn one at a time, with all that they read.

Each page looks at an environment of its own, so that each meets a fault with breakers and a cache of its own.
"""

from __future__ import annotations

import html
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from connectors.kubernetes import Kubernetes
from dashboard.app import NAVIGATION
from dashboard.model.reading import Reading, Source, State
from dashboard.queries.ask import Ask, Readings, Request
from dashboard.ui import session
from dashboard.ui.text import SPLIT

PAGES = tuple(entry.path for entry in NAVIGATION)
REFRESH_SECONDS = 2
_WHOLE = (State.FRESH, State.EMPTY)
_TAG = re.compile(r"<[^>]*>")
_ESCAPE = re.compile(r"\\([^\w\s])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One drawing of a page: what a person can read on it, what it read, how long it took, and whether it raised."""

    text: str
    readings: tuple[Reading[Any], ...]
    seconds: float
    raised: str

    def of(self, source: Source) -> tuple[Reading[Any], ...]:
        """The readings of one source; what it never measures is not asked of it."""
        return tuple(
            reading for reading in self.readings if reading.source is source and reading.state is not State.UNMEASURED
        )

    def is_whole(self, source: Source) -> bool:
        """Whether everything that was asked of the source was answered just now."""
        return all(reading.state in _WHOLE for reading in self.of(source))


class Deck:
    """The pages, each over the environment of its name; `cold` names further environments that nobody has seen yet."""

    def __init__(self, folder: Path, urls: Mapping[Source, str], ca_file: Path, token: str, *, cold: int = 0) -> None:
        self._seen: dict[str, list[Reading[Any]]] = defaultdict(list)
        self._cold = iter([f"cold-{number}" for number in range(cold)])
        environments = [*PAGES, *(f"cold-{number}" for number in range(cold))]
        kubeconfig = _kubeconfig(folder, urls[Source.KUBERNETES], ca_file, token)
        settings = [_environment(name, folder, urls, ca_file, kubeconfig) for name in environments]
        file = folder / "tealdeck.toml"
        file.write_text("\n".join(['default_environment = "triage"', *settings]))
        self._patch = pytest.MonkeyPatch()
        self._patch.setenv("TEALDECK_SETTINGS", str(file))
        self._patch.setattr(Ask, "gather", self._recorded(Ask.gather))
        session.close()
        self._pages = {name: _page(name, env=name) for name in PAGES}

    def draw(self, name: str) -> Drawn:
        """The page, drawn again in the session that has it open."""
        return self._drawn(self._pages[name], name)

    def draw_cold(self, name: str) -> Drawn:
        """The page as the first visitor of a process that has just started sees it."""
        env = next(self._cold)
        return self._drawn(_page(name, env=env), env)

    def close(self) -> None:
        """Ends what the pages have begun."""
        session.close()
        self._patch.undo()

    def _drawn(self, page: AppTest, env: str) -> Drawn:
        self._seen[env].clear()
        began = time.monotonic()
        page.run()
        seconds = time.monotonic() - began
        raised = "; ".join(str(error.value) for error in page.exception)
        return Drawn(text=_text(page), readings=tuple(self._seen[env]), seconds=seconds, raised=raised)

    def _recorded(self, gather: Any) -> Any:
        def recorded(ask: Ask, requests: Mapping[str, Request]) -> Readings:
            answers: Readings = gather(ask, requests)
            self._seen[ask.environment.name] += answers.readings()
            return answers

        return recorded


def _page(name: str, *, env: str) -> AppTest:
    made = AppTest.from_string(f"from pages.{name} import page\npage()", default_timeout=60)
    made.query_params["env"] = env
    return made


def _text(page: AppTest) -> str:
    """All words on the page, as a person reads them: without marks and escapes."""
    return " ".join(
        _ESCAPE.sub(r"\1", html.unescape(_TAG.sub(" ", one.replace(SPLIT, "")))) for one in _words(page.main)
    )


def _words(node: Any) -> Iterable[str]:
    children = getattr(node, "children", None)
    if children is not None:
        for child in children.values():
            yield from _words(child)
        return
    with suppress(AttributeError):
        yield str(node.proto.help)
    for name in ("body", "value"):
        if isinstance(found := getattr(node, name, None), str):
            yield found
            return


def _environment(name: str, folder: Path, urls: Mapping[Source, str], ca_file: Path, kubeconfig: Path) -> str:
    sources = "\n".join(
        f'[environments.{name}.{source}]\nurl = "{urls[source]}"\nca_file = "{ca_file}"'
        for source in (Source.PROMETHEUS, Source.ALERTMANAGER, Source.ELASTICSEARCH)
    )
    return f"""
[environments.{name}]
namespace = "agents"
refresh_seconds = {REFRESH_SECONDS}
{sources}
[environments.{name}.kubernetes]
kubeconfig = "{kubeconfig}"
[environments.{name}.audit]
file = "{folder / name}.jsonl"
"""


def _kubeconfig(folder: Path, url: str, ca_file: Path, token: str) -> Path:
    file = folder / "kubeconfig"
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": str(ca_file)}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    file.write_text(yaml.safe_dump(content))
    assert Kubernetes(str(file)).version()
    return file
