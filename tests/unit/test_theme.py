"""Text and state colours can be read in both themes: at least 4.5 : 1 against what they stand on."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashboard.ui.theme import DARK, LIGHT, OTHERS_DARK, OTHERS_LIGHT

ROOT = Path(__file__).parents[2]
NOT_STYLED = {"td-copied"}  # by it a script finds what to copy
CONFIG = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["text", "link", "red", "orange", "blue", "green", "gray"])
def test_what_is_written_can_be_read_on_both_grounds(scheme: str, name: str) -> None:
    theme = CONFIG["theme"][scheme]
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        assert contrast(theme[f"{name}Color"], theme[ground]) >= 4.5


@pytest.mark.parametrize(("colours", "others"), [(LIGHT, OTHERS_LIGHT), (DARK, OTHERS_DARK)], ids=["light", "dark"])
def test_lines_can_be_seen_and_no_other_line_has_the_colour_of_a_track_or_a_state(
    colours: Mapping[str, str], others: tuple[str, ...]
) -> None:
    for line in (colours["blue"], colours["green"], *others):
        assert contrast(line, colours["paper"]) >= 3
    assert not set(others) & {colours[name] for name in ("blue", "green", "sick", "warn")}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_words_on_primary_buttons_and_captions_can_be_read(colours: Mapping[str, str]) -> None:
    assert contrast(colours["on-brand"], colours["brand"]) >= 4.5
    assert min(contrast(colours["grey"], colours[ground]) for ground in ("paper", "quiet")) >= 4.5
    rules = (ROOT / "dashboard" / "ui" / "style.css").read_text()
    assert re.search(r'stBaseButton-primary"\]:not\(:disabled\) \* \{ color: var\(--td-on-brand\)', rules)
    assert re.search(r'stCaptionContainer"\] p \{ color: var\(--td-grey\)', rules)


def test_every_class_of_our_own_pages_has_a_rule_or_is_a_mark() -> None:
    rules = (ROOT / "dashboard" / "ui" / "style.css").read_text()
    sources = [*(ROOT / "dashboard" / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py")]
    used = {
        name
        for source in sources
        for classes in re.findall(r"""class=\\?["']([^"'{}]*)["']""", source.read_text())
        for name in classes.split()
        if name.startswith("td-")
    }
    assert "td-terms" in used
    assert {name for name in used if not re.search(rf"\.{name}(?![\w-])", rules)} == NOT_STYLED


def test_what_pieces_draw_has_the_colours_of_the_theme() -> None:
    for scheme, colours in (("light", LIGHT), ("dark", DARK)):
        theme = CONFIG["theme"][scheme]
        assert colours["paper"] == theme["backgroundColor"]
        assert colours["blue"] == theme["blueColor"]
        assert colours["green"] == theme["greenColor"]
        assert colours["brand"] == theme["primaryColor"]


def test_fonts_and_usage_statistics_leave_this_host_alone() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert "font" not in CONFIG["theme"]
