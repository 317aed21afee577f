"""Where cards and rows lead: to the log line, the trace, the card of an alert, the span of a violation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.decide import incidents, log_query
from dashboard.model.figures import FigureRow
from dashboard.model.incident import CauseFamily, Standing
from dashboard.model.log_query import AllOf, FieldIs
from dashboard.model.reading import Reading, State, missing
from dashboard.model.view import View
from dashboard.queries import line_query
from dashboard.queries.ask import Logs, Request
from dashboard.queries.triage import triage
from dashboard.ui import contracts, log_lines, session, spans, url
from dashboard.ui.tables import Column, as_html
from tests.unit.test_incidents import alert
from tests.unit.test_triage import NOW, VIEW, FakeAsk, page, service

FAULTS = {
    CauseFamily.ERRORS: {"track_error_ratio": 0.31},
    CauseFamily.LATENCY: {"track_p95": 30.0},
    CauseFamily.CONTRACTS: {"track_violation_ratio": 0.4},
}


class Traced(FakeAsk):
    """Spans beside log lines; `lost` is the answer in place of the spans."""

    lost: Reading[Any] | None = None

    def _one(self, request: Request) -> Reading[Any]:
        found = super()._one(request)
        if not isinstance(request, Logs) or request.stream != "traces":
            return found
        one = replace(page().entries[0], message="invoke_agent planner", trace_id="t1", span_id="s1")
        return self.lost or found.map(lambda logs: replace(logs, entries=(one,)))


def asked(green: Mapping[str, float]) -> Traced:
    return Traced(green=green, objects={"services": (service(),)})


@pytest.mark.parametrize("family", FAULTS)
def test_a_card_names_the_trace_that_shows_its_fault(family: CauseFamily) -> None:
    ask = asked(FAULTS[family])
    found = triage(ask, VIEW, NOW)  # type: ignore[arg-type]
    (incident,) = found.incidents
    assert incident.family is family
    worst = found.evidence[incident.key].trace
    assert worst is not None
    assert worst.value is not None
    assert (worst.value.trace_id, worst.value.span_id) == ("t1", "s1")
    (spans_asked,) = (
        one for asked in ask.asked for one in asked.values() if isinstance(one, Logs) and one.stream == "traces"
    )
    assert spans_asked.filters["track"] == "green"
    assert spans_asked.size == 1


def test_a_slow_track_leads_to_its_slowest_run_and_a_failing_one_to_a_failed_run() -> None:
    wanted = {}
    for family, green in FAULTS.items():
        ask = asked(green)
        triage(ask, VIEW, NOW)  # type: ignore[arg-type]
        wanted[family] = next(
            one for asked in ask.asked for one in asked.values() if isinstance(one, Logs) and one.stream == "traces"
        )
    assert wanted[CauseFamily.ERRORS].filters["outcome"] == "failed"
    assert "outcome" not in wanted[CauseFamily.LATENCY].filters
    assert {one.sort for one in (wanted[CauseFamily.ERRORS], wanted[CauseFamily.LATENCY])} == {"duration"}
    assert wanted[CauseFamily.CONTRACTS].sort == "@timestamp"


def drawn(monkeypatch: pytest.MonkeyPatch, *, lost: str = "", **filters: str) -> tuple[list[tuple[Any, ...]], str]:
    """The doors of Triage with a failing track and one firing alert, and its words."""

    def draw(filters: dict[str, str], lost: str) -> None:
        from dataclasses import replace

        from dashboard.model.reading import Source, missing
        from dashboard.queries.triage import triage
        from dashboard.ui import triage as pieces
        from tests.unit.test_doors import NOW, VIEW, Traced, alert, service

        ask = Traced(green={"track_error_ratio": 0.31}, alerts=(alert("Odd"),), objects={"services": (service(),)})
        ask.lost = missing(lost, source=Source.ELASTICSEARCH) if lost else None
        view = replace(VIEW, **filters)
        pieces.cards(triage(ask, view, NOW), view, NOW)

    doors: list[tuple[Any, ...]] = []
    monkeypatch.setattr(session, "now", lambda: NOW)
    monkeypatch.setattr("dashboard.ui.page.go", lambda to, label, view, **more: doors.append((to, label, more)))
    monkeypatch.setattr("dashboard.ui.page.link", lambda to, label, view, **more: doors.append((to, label, view)))
    app = AppTest.from_function(draw, args=(filters, lost), default_timeout=30).run()
    assert not app.exception
    return doors, " ".join(element.value for element in (*app.markdown, *app.caption))


def test_a_card_has_the_log_line_and_the_trace_as_links(monkeypatch: pytest.MonkeyPatch) -> None:
    doors, said = drawn(monkeypatch)
    leads = {to: (label, more) for to, label, more in doors}
    assert leads["logs"][1]["line"] == str(page().entries[0].document)
    assert leads["traces"] == ("Longest failed run", {"icon": ":material/account_tree:", "trace": "t1", "span": "s1"})
    assert "Longest failed run" in said


def test_without_the_store_of_traces_a_card_has_no_door_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    doors, said = drawn(monkeypatch, lost="connection refused")
    assert "traces" not in {to for to, *_ in doors}
    assert "Longest failed run" not in said


def test_the_link_of_an_alert_opens_its_card_first_and_leads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = alert("Odd")
    found = incidents.group([alert("Other"), odd, alert("Another")])
    assert incidents.with_first(found, odd.fingerprint)[0].alerts == ("Odd",)
    assert incidents.with_first(found, "") == found
    doors, said = drawn(monkeypatch, alert=odd.fingerprint)
    assert "First the incident of the alert that you came from" in said
    (back,) = (view for _, label, view in doors if label == "Usual order")
    assert isinstance(back, View)
    assert back.alert == ""


def test_an_alert_that_has_ended_is_said_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no longer fires" in drawn(monkeypatch, alert="gone")[1]


def test_a_suppressed_incident_never_stands_before_an_open_one() -> None:
    quiet = replace(alert("Quiet"), state="suppressed")
    found = incidents.with_first(incidents.group([quiet, alert("Loud")]), quiet.fingerprint)
    assert [one.standing for one in found] == [Standing.FIRING, Standing.SUPPRESSED]


@pytest.fixture(autouse=True)
def _links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url, "link", lambda view, **changes: {k: v for k, v in changes.items() if v})


@pytest.mark.parametrize("rule", ["max-cost", 'say "no"', "back\\slash", "a:b (c) OR d", "ü <b>"])
def test_a_rule_leads_to_the_lines_of_exactly_this_rule(rule: str) -> None:
    to = contracts.rule_link(VIEW)(FigureRow(labels=(rule, "privacy", "high", "deny"), figures={}))
    found = parse_qs(urlsplit(to).query)
    assert found["contract"] == ["privacy"]
    asked = log_query.parse(found["q"][0], line_query.names("logs"))
    assert asked is not None
    parts = asked.parts if isinstance(asked, AllOf) else (asked,)
    assert [(one.field, one.value) for one in parts if isinstance(one, FieldIs)] == [("clause", rule)]
    assert len(parts) == 1


def test_a_row_without_a_rule_or_of_the_contract_that_is_shown_leads_nowhere() -> None:
    assert contracts.rule_link(VIEW)(FigureRow(labels=("", "privacy"), figures={})) == ""
    own = contracts.contract_link(replace(VIEW, contract="privacy"))
    assert own(FigureRow(labels=("privacy",), figures={})) == ""
    assert own(FigureRow(labels=("cost",), figures={})) == "contracts?contract=cost"


def test_a_violation_leads_to_its_span_and_to_its_line() -> None:
    entry = replace(page().entries[0], trace_id="t1", span_id="s1", index="logs-x", id="7")
    columns = [
        Column(name="time", cell=lambda one: one.at, essential=True),
        Column(name="message", cell=lambda one: one.message, essential=True, link=spans.line_link(VIEW)),
    ]
    html = as_html([entry], columns, tz="UTC", most_cards=5, link=spans.trace_link(VIEW))
    assert 'href="traces?trace=t1&amp;span=s1"' in html
    assert "logs?line=" in html


def test_a_log_line_opens_its_trace_at_its_own_span(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[View] = []
    monkeypatch.setattr(log_lines, "address", lambda page, view: seen.append(view) or page)
    log_lines.whole(replace(page().entries[0], trace_id="t1", span_id="s1"), VIEW)
    assert ("t1", "s1") in {(view.trace, view.span) for view in seen}


def test_a_lost_source_is_no_alert_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.model.reading import Source
    from dashboard.ui import triage as pieces

    said: list[str] = []
    monkeypatch.setattr("dashboard.ui.page.link", lambda *args, **more: None)
    monkeypatch.setattr("streamlit.caption", lambda words, **more: said.append(words))
    ask = FakeAsk(instead={})
    found = replace(triage(ask, VIEW, NOW), alerts=missing("refused", source=Source.ALERTMANAGER))  # type: ignore[arg-type]
    assert found.alerts.state is State.MISSING
    pieces._linked(found, replace(VIEW, alert="f"))
    assert "not known" in said[0]
