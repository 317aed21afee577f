"""The Sources page: what it says of the deck as a whole, and that nothing well hides what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from streamlit.testing.v1 import AppTest

from dashboard.model.health import SourceHealth
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.telemetry import ConceptCheck, Fit
from dashboard.queries.fit import LogCheck, Right
from dashboard.queries.own import DURATION, own_health
from dashboard.queries.sources import FitAnswer, ServiceCheck, SourcesAnswer
from dashboard.ui import session
from dashboard.ui.sources import trust
from tests.unit.test_ui_app import DEAD

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def known(value: Any) -> Reading[Any]:
    return fresh(value, source=Source.PROMETHEUS, as_of=NOW)


def concept(standing: Fit, **more: Any) -> ConceptCheck:
    return ConceptCheck(key="cost", what="what the agents cost", standing=standing, **more)


def answer(**changed: Any) -> SourcesAnswer:
    well = {
        "health": tuple(SourceHealth(source=source, reachable=True, since=NOW) for source in Source),
        "missing": empty("every metric was seen", source=Source.PROMETHEUS, as_of=NOW),
        "concepts": known((concept(Fit.PRESENT),)),
        "services": known((ServiceCheck(namespace="agents", name="agent-runtime", says=()),)),
    }
    return SourcesAnswer(**{**well, **changed})


def test_a_deck_whose_sources_answer_and_fit_can_be_trusted() -> None:
    assert trust(answer(), ()).tone == "well"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(
            answer(health=(SourceHealth(source=Source.PROMETHEUS, reachable=False, reason="refused"),)),
            "1 source does not answer",
            id="a source that is down",
        ),
        pytest.param(
            answer(health=(SourceHealth(source=Source.PROMETHEUS, reachable=True, clock_ahead_seconds=3600.0),)),
            "1 source has another clock",
            id="a source of another time",
        ),
        pytest.param(
            answer(concepts=missing("prometheus: no answer within 2 s", source=Source.PROMETHEUS)),
            "no answer within 2 s",
            id="metrics that nobody told",
        ),
        pytest.param(
            answer(concepts=replace(known(()), state=State.STALE, reason="as of an hour ago")),
            "as of an hour ago",
            id="an old answer about metrics",
        ),
        pytest.param(
            answer(services=missing("kubernetes: forbidden", source=Source.KUBERNETES)),
            "kubernetes",
            id="Services that nobody told",
        ),
    ],
)
def test_what_was_not_read_keeps_the_deck_from_being_trusted(found: SourcesAnswer, said: str) -> None:
    told = trust(found, ())
    assert told.tone == "sick"
    assert said in " ".join(told.parts)


@pytest.mark.parametrize("standing", [fit for fit in Fit if fit not in (Fit.PRESENT, Fit.UNMEASURED)])
def test_every_standing_that_can_be_mended_is_told(standing: Fit) -> None:
    told = trust(answer(concepts=known((concept(standing), concept(Fit.PRESENT)))), ())
    assert (told.tone, told.parts) == ("warn", ("1 concept is not read as it should be",))


def test_what_nobody_measures_is_told_and_is_no_fault() -> None:
    told = trust(answer(concepts=known((concept(Fit.UNMEASURED), concept(Fit.PRESENT)))), ())
    assert (told.tone, told.parts) == ("well", ("1 concept is not measured here",))


def test_a_deck_that_nothing_is_measured_for_is_not_said_to_be_well() -> None:
    told = trust(answer(concepts=known((concept(Fit.UNMEASURED), concept(Fit.UNMEASURED)))), ())
    assert told.tone == "warn"
    assert "Nothing" in told.sentence


def test_sources_that_the_settings_do_not_name_are_not_said_to_answer() -> None:
    unset = tuple(SourceHealth(source=source, reachable=None, reason="not set") for source in Source)
    told = trust(answer(health=unset), ())
    assert told.tone == "quiet"
    assert "answers" in told.sentence
    assert "4 sources were not asked" in told.parts


def test_a_service_that_lacks_something_and_an_audit_in_trouble_are_told() -> None:
    lame = (ServiceCheck(namespace="agents", name="a", says=("nothing runs on green",)),)
    told = trust(answer(services=known(lame)), ("The audit file cannot be written.",))
    assert told.tone == "warn"
    assert told.parts == ("1 thing is wrong with the audit", "1 governed Service lacks something")


def fitting(**changed: Any) -> FitAnswer:
    logs = {"logs": known(LogCheck(stream="logs", pattern="logs-*", matched=("logs-a",)))}
    return FitAnswer(**{"logs": logs, "refused": known(()), "retention": known("15d"), **changed})


SILENT = LogCheck(stream="logs", pattern="x-*", matched=(), says=("no index matches x-*",))


def test_logs_rights_and_retention_that_fit_change_nothing() -> None:
    assert trust(answer(), (), fitting()) == trust(answer(), ())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"logs": {"logs": known(SILENT)}}, "1 log pattern does not fit", id="logs"),
        pytest.param(
            {"refused": known((Right(verb="list", kind="pods"), Right(verb="watch", kind="pods")))},
            "2 rights are refused by the cluster",
            id="rights",
        ),
        pytest.param({"retention": known("7d")}, "Prometheus keeps too few days", id="retention"),
        pytest.param(
            {"refused": missing("kubernetes: access reviews are forbidden", source=Source.KUBERNETES)},
            "kubernetes&#58; access reviews are forbidden",
            id="rights that nobody told",
        ),
    ],
)
def test_what_does_not_fit_beyond_metrics_is_counted(changed: dict[str, Any], said: str) -> None:
    told = trust(answer(), (), fitting(**changed))
    assert (told.tone, told.parts) == ("warn", (said,))


def test_a_store_that_leaves_something_out_is_said_once_and_is_not_well() -> None:
    part = replace(known(3.0), state=State.PARTIAL, reason="1 of 2 shards failed")
    told = trust(answer(), (), fitting(), {"newest log line": part, "newest span": part, "newest sample": known(1.0)})
    assert (told.tone, told.parts) == ("warn", ("1 of 2 shards failed",))


def test_traces_that_nobody_writes_and_sources_that_are_not_set_are_no_fault() -> None:
    traces = {"traces": known(replace(SILENT, stream="traces"))}
    assert trust(answer(), (), fitting(logs=traces)).tone == "well"
    unset = tuple(SourceHealth(source=one, reachable=None, reason="not set") for one in (Source.KUBERNETES,))
    told = trust(answer(health=unset), (), fitting(refused=missing("no kubernetes", source=Source.KUBERNETES)))
    assert told.parts == ("1 source was not asked",)


def test_the_page_shows_what_logs_rights_and_retention_lack() -> None:
    def draw() -> None:
        from dashboard.model.reading import Source, missing
        from dashboard.queries.fit import Right
        from dashboard.ui.fits import fits
        from tests.unit.test_ui_sources import SILENT, fitting, known

        refused = known((Right(verb="list", kind="pods", namespace="<b>agents</b>"),))
        fits(fitting(logs={"logs": known(SILENT)}, refused=refused, retention=known("7d")), 400)
        fits(fitting(refused=missing("access reviews are forbidden", source=Source.KUBERNETES)), 400)

    app = AppTest.from_function(draw, default_timeout=30).run()
    assert not app.exception
    lacking, fine = (piece.proto.body for piece in app.get("html"))
    assert lacking.count("td-warn") == 3
    assert "no index matches x-*" in lacking
    assert "list pods in &lt;b&gt;agents" in lacking
    assert "keeps 7 days, fewer than the 14" in lacking
    assert "logs-* matches logs-a" in fine
    assert "not known: access reviews are forbidden" in fine
    assert "td-warn" not in fine


def test_the_page_shows_how_failures_are_told() -> None:
    def draw() -> None:
        from dashboard.model.telemetry import Fit, ToldValue, Understood
        from dashboard.ui import sources as pieces
        from tests.unit.test_ui_sources import answer, concept, known

        odd = ToldValue(label="status", value="<i>kaputt</i>", understood=Understood.NOT_UNDERSTOOD)
        good = ToldValue(label="status", value="ok", understood=Understood.GOOD)
        line = 'words.outcome."kaputt" = "failed"'
        doubted = concept(Fit.DOUBTED, says="says kaputt", told=(odd, good), lines=(line,))
        pieces.concepts(answer(concepts=known((doubted, concept(Fit.PRESENT, metric="m", told=(good,))))))

    app = AppTest.from_function(draw, default_timeout=30).run()
    assert not app.exception
    shown = " ".join(piece.proto.body for piece in app.get("html"))
    assert "present, failures in doubt: says kaputt" in shown
    assert "&lt;i&gt;kaputt&lt;/i&gt;” is not understood, “ok” is good" in shown
    assert app.code[0].value == 'words.outcome."kaputt" = "failed"'


_HEALTHS = st.builds(
    SourceHealth,
    source=st.sampled_from(Source),
    reachable=st.sampled_from((True, False, None)),
    clock_ahead_seconds=st.sampled_from((None, 0.0, 3600.0)),
)


@given(st.lists(_HEALTHS, max_size=4), st.lists(st.sampled_from(Fit), max_size=5))
def test_well_is_said_only_where_every_source_is_well_and_nothing_lacks(
    healths: list[SourceHealth], standings: list[Fit]
) -> None:
    told = trust(answer(health=tuple(healths), concepts=known(tuple(concept(fit) for fit in standings))), ())
    is_well = all(one.is_well and one.reachable for one in healths)
    fits = all(fit in (Fit.PRESENT, Fit.UNMEASURED) for fit in standings)
    fits = fits and (not standings or Fit.PRESENT in standings)
    assert (told.tone == "well") == (is_well and fits)


def test_own_questions_are_counted_by_source_with_their_failures() -> None:
    registry = CollectorRegistry()
    seconds = Histogram(DURATION, "x", ["source", "outcome"], buckets=(0.1, 1.0), registry=registry)
    for _ in range(19):
        seconds.labels("prometheus", "fresh").observe(0.05)
    seconds.labels("prometheus", "timed_out").observe(5.0)
    seconds.labels("kubernetes", "unreachable").observe(5.0)

    kubernetes, prometheus = own_health(registry).questions

    assert (prometheus.total, prometheus.failed, prometheus.p95_seconds) == (20, 1, 0.1)
    assert (kubernetes.total, kubernetes.failed, kubernetes.p95_seconds) == (1, 1, None)


def test_a_process_that_tells_nothing_of_itself_is_no_fault() -> None:
    assert own_health(CollectorRegistry()).memory_bytes is None


def draw_concepts() -> None:
    from dashboard.model.telemetry import Fit
    from dashboard.ui import sources as pieces
    from tests.unit.test_ui_sources import answer, concept, known

    wrong = concept(
        Fit.RENAMED, says="<script>alert(1)</script> carries it", lines=('presets = ["otel-genai"]',), blinds=("cost",)
    )
    pieces.concepts(answer(concepts=known((concept(Fit.PRESENT, metric="m"), wrong, concept(Fit.UNMEASURED)))))


def test_lines_for_the_settings_can_be_copied_and_outside_text_is_no_markup() -> None:
    app = AppTest.from_function(draw_concepts, default_timeout=30).run()
    assert not app.exception
    assert app.code[0].value == 'presets = ["otel-genai"]'
    shown = " ".join(piece.proto.body for piece in app.get("html"))
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert [one.label for one in app.expander] == [
        "1 not measured here: what nobody can see",
        "1 of 3 read as they should be",
    ]


def test_an_answer_that_is_only_a_part_says_so() -> None:
    def draw() -> None:
        from dataclasses import replace

        from dashboard.model.reading import State
        from dashboard.ui import sources as pieces
        from tests.unit.test_ui_sources import answer

        found = answer()
        pieces.concepts(replace(found, concepts=replace(found.concepts, state=State.STALE, reason="an hour old")))

    app = AppTest.from_function(draw, default_timeout=30).run()
    assert any("an hour old" in caption.value for caption in app.caption)


def test_a_store_that_lags_is_told_from_one_that_does_not() -> None:
    def draw() -> None:
        from dashboard.model.view import View
        from dashboard.queries.lags import LINES, SAMPLES, SPANS
        from dashboard.ui import sources as pieces
        from tests.unit.test_ui_sources import NOW, answer, known

        lags = {SAMPLES: known(600.0), LINES: known(2.0), SPANS: known(1.0)}
        pieces.backends(answer(), lags, NOW, View(env="local", ns="agents"))

    app = AppTest.from_function(draw, default_timeout=30).run()
    assert not app.exception
    shown = " ".join(piece.proto.body for piece in app.get("html"))
    assert shown.count("td-warn") == 1
    assert "newest sample 10 min old" in shown


def test_with_every_source_dead_each_is_named_and_nothing_is_said_to_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tealdeck.toml").write_text(DEAD.format(kubeconfig=tmp_path / "none"))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
    session.close()
    app = AppTest.from_string("from pages.sources import page\npage()", default_timeout=60).run()
    session.close()
    assert not app.exception
    shown = " ".join([*(one.proto.body for one in app.get("html")), *(one.value for one in app.markdown)])
    assert "Not all that this deck shows can be trusted now" in shown
    assert "4 sources do not answer" in shown
    for name in ("Prometheus", "Alertmanager", "Elasticsearch", "Kubernetes"):
        assert f"<b>{name} (" in shown
