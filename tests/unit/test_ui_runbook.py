"""A runbook on a card: ours in place, a team's own as a link, and nothing else that an alert may say."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def drawn(runbook: str) -> tuple[list[str], bool]:
    """The links on the card, and whether the text of one of ours is there."""

    def draw(runbook: str) -> None:
        from dashboard.ui import runbook as pieces

        pieces.button(runbook, (), key="x")

    app = AppTest.from_function(draw, default_timeout=30, args=(runbook,)).run()
    assert not app.exception
    links = [element.proto.url for element in app.get("link_button")]
    return links, bool(app.markdown)


@pytest.mark.parametrize(
    ("runbook", "links", "in_place"),
    [
        pytest.param("https://wiki.example.com/a?b=c#d", ["https://wiki.example.com/a?b=c#d"], False, id="an address"),
        pytest.param("agent-error-ratio-high", [], True, id="one of ours"),
        pytest.param("javascript:alert(1)", [], False, id="a script"),
        pytest.param("https://wiki.example.com/ x", [], False, id="an address with a space"),
        pytest.param("../../README", [], False, id="a path"),
        pytest.param("", [], False, id="none"),
    ],
)
def test_a_runbook_is_shown_in_place_or_linked_or_not_at_all(runbook: str, links: list[str], in_place: bool) -> None:
    assert drawn(runbook) == (links, in_place)
