"""The app as a whole without a browser: set-up words, and pages whose sources are all dead.

What a person clicks and sees in a browser is in tests/browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import NAVIGATION
from dashboard.ui import session, url

SCRIPT = Path(__file__).parents[2] / "dashboard" / "app.py"

# Ports on which nothing listens: refused at once, as by a source that is down.
DEAD = """
default_environment = "local"
[environments.local]
namespace = "agents"
refresh_seconds = 5
[environments.local.prometheus]
url = "http://127.0.0.1:9"
[environments.local.alertmanager]
url = "http://127.0.0.1:9"
[environments.local.elasticsearch]
url = "http://127.0.0.1:9"
[environments.local.kubernetes]
kubeconfig = "{kubeconfig}"
"""


@pytest.fixture(autouse=True)
def _nothing_owned() -> Iterator[None]:
    session.close()
    yield
    session.close()


def open_app(settings: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    file = folder / "tealdeck.toml"
    file.write_text(settings)
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    return AppTest.from_file(str(SCRIPT), default_timeout=30).run()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param("x =", "is not TOML", id="no TOML"),
        pytest.param("[environments.local]\nnamespac = 'a'", "environments.local.namespac", id="a word misspelt"),
        pytest.param("[environments]", "environments", id="no environment"),
    ],
)
def test_settings_that_cannot_be_used_are_explained_in_place(
    settings: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app(settings, tmp_path, monkeypatch)
    assert not app.exception
    said = " ".join(element.value for element in app.text)
    assert "tealdeck.toml" in said
    assert words in said
    assert "[environments.production]" in app.code[0].value


def test_a_missing_settings_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "nowhere.toml"))
    app = AppTest.from_file(str(SCRIPT), default_timeout=30).run()
    assert "nowhere.toml" in " ".join(element.value for element in app.text)


def test_triage_with_all_sources_dead_names_each_once_and_never_says_that_nothing_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app(DEAD.format(kubeconfig=tmp_path / "no-kubeconfig"), tmp_path, monkeypatch)
    assert not app.exception
    boxes = [element.value for element in (*app.markdown, *app.warning)]
    for source in ("Prometheus", "Alertmanager", "Kubernetes"):
        assert len([said for said in boxes if f"{source} does not answer" in said]) == 1, source
    assert "Not known until it answers&#58; runs, error ratios" in " ".join(boxes)
    assert "No problem found" not in " ".join(boxes)


def test_a_link_that_cannot_be_read_is_explained_and_the_page_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text(DEAD.format(kubeconfig=tmp_path / "no-kubeconfig"))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    app = AppTest.from_file(str(SCRIPT), default_timeout=30)
    app.query_params["env"] = "moon"
    app.query_params["range"] = "9y"
    app.run()
    assert not app.exception
    said = " ".join(element.value for element in app.markdown)
    assert "moon" in said
    assert "9y" in said


ODD_PERIODS = (
    {"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-14:00"},
    {"from": "1772366340000", "to": "now"},
    {"from": "now/d", "to": "now/d"},
)


@pytest.mark.parametrize("name", [entry.path for entry in NAVIGATION])
def test_every_page_is_drawn_for_every_period_that_a_link_can_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text(DEAD.format(kubeconfig=tmp_path / "no-kubeconfig"))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    for found in ODD_PERIODS:
        page = AppTest.from_string(f"from pages.{name} import page\npage()", default_timeout=60)
        for key, value in found.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception, (found, page.exception)
        assert not any("This part of the page failed" in element.value for element in page.error), found
        for button in ("bar.earlier", "bar.later"):
            page.button(key=button).click().run()
            assert not page.exception, (found, button, page.exception)


def test_a_typed_time_that_comes_twice_can_mean_the_second_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tealdeck.toml"
    settings = DEAD.format(kubeconfig=tmp_path / "no-kubeconfig")
    file.write_text(settings.replace("refresh_seconds = 5", "refresh_seconds = 5\nretention_days = 900"))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    # Clocks go back in Berlin in the night to the last Sunday of October. It lies ahead: inputs hold the real time too.
    october = datetime(datetime.now(UTC).year + 1, 10, 31, tzinfo=UTC)
    day = october - timedelta(days=october.isoweekday() % 7)
    monkeypatch.setattr(session, "now", lambda: day + timedelta(days=1))
    monkeypatch.setattr(url, "local_zone", lambda: "Europe/Berlin")
    page = AppTest.from_string("from pages.agents import page\npage()", default_timeout=60)
    given = {"tz": "local", "from": f"{day:%Y-%m-%d} 02:30", "to": f"{day:%Y-%m-%d}T05:00:00Z"}
    for key, value in given.items():
        page.query_params[key] = value
    page.run()

    other = page.button(key="bar.twin.from")
    assert other.label == "From 02:30 CET instead of 02:30 CEST"
    assert not [button for button in page.button if button.key == "bar.twin.to"]

    other.click().run()
    assert page.query_params["from"] == f"{day:%Y-%m-%d}T01:30:00Z"
    assert page.button(key="bar.twin.from").label == "From 02:30 CEST instead of 02:30 CET"
