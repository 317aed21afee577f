"""Pieces of the Traces page: the list of runs and their ways, one trace in three shapes, and two beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.decide.agent_graph import AgentGraph, agent_graph
from dashboard.decide.critical_path import seconds_by_node
from dashboard.decide.run_paths import RunLoop, RunPath
from dashboard.decide.trace_comparison import ComparedStep, compared, parting
from dashboard.decide.trace_rows import trace_rows
from dashboard.decide.trace_story import cause, cost_usd, lacks_costs, lacks_tokens, own_seconds, sentence, tokens
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.trace import SpanNode, SpanTree, WholeTrace
from dashboard.model.view import View
from dashboard.model.words import SpanOutcome
from dashboard.model.written import count, number
from dashboard.queries.traces import RunsAnswer, TraceAnswer, TraceRun
from dashboard.ui import page, session, states, theme, trace_pictures, url, waterfall
from dashboard.ui.format import stamp
from dashboard.ui.lead import Tone, fact, facts, lead, section
from dashboard.ui.tables import Column, table, to_csv
from dashboard.ui.text import in_html, plain
from dashboard.ui.waterfall import Waterfall

SHAPES: Final = {"": "Waterfall", "tree": "Tree", "graph": "Agents"}
_MOST_WAYS: Final = 12
_MOST_COMPARED: Final = 40
_LONGEST_WAY = 14  # steps of a way that a line shows
_HIDDEN: Final = "Prompts and results of spans are not fetched: they stay hidden in the log store."


def way(steps: Sequence[str]) -> str:
    """Steps as a line: `planner → gpt-5 → search`."""
    more = f" … {len(steps) - _LONGEST_WAY} more" if len(steps) > _LONGEST_WAY else ""
    return (" → ".join(steps[:_LONGEST_WAY]) or "nothing recorded") + more


def address(view: View, trace: str, **changes: str) -> str:
    """The address of one trace, with what the person looks at."""
    return f"traces?{urlencode(url.link(view, trace=trace, **changes))}"


def runs(answer: RunsAnswer, view: View) -> None:
    """The runs that fit: how many failed, when and how long they were, each a door to its trace."""
    found = answer.runs
    if view.compare:
        st.markdown(f":material/compare_arrows: Choose the run to hold beside {plain(view.compare)}.")
        page.link("traces", "Do not compare", _changed(view, compare=""), icon=":material/close:", width="content")
    if found.value is None:
        _nothing(found, view)
        if answer.looked_at:
            st.caption(f":material/manage_search: {plain(answer.looked_at)}")
        return
    lead(*told(found.value, answer.loops, is_whole=found.state is State.FRESH))
    states.badge(found, session.now())
    if answer.looked_at:
        st.caption(f":material/manage_search: {plain(answer.looked_at)}")
    st.html(trace_pictures.scatter(found.value, theme.colours(), view.tz))
    table(found.value, _RUN_COLUMNS, key="traces.runs", csv_name="runs", tz=view.tz, link=lambda run: _to(run, view))
    if answer.paths:
        section("Ways that these runs took")
        ways = answer.paths[:_MOST_WAYS]
        table(ways, _WAY_COLUMNS, key="traces.ways", csv_name="ways", link=lambda one: address(view, one.slowest))
        if len(answer.paths) > len(ways):
            st.caption(f"And {count(len(answer.paths) - len(ways), 'way')} that fewer runs took.")
    if answer.loops:
        section("Steps done again and again")
        table(
            answer.loops[:_MOST_WAYS],
            _LOOP_COLUMNS,
            key="traces.loops",
            csv_name="loops",
            link=lambda one: address(view, one.worst),
        )


def told(found: Sequence[TraceRun], loops: Sequence[RunLoop], *, is_whole: bool) -> tuple[str, Tone]:
    """The sentence on top of the list and how it is meant. Pure; Markdown.

    "None failed" is said only of runs that say so themselves, and only where all that fit were read.
    """
    failed = [run for run in found if run.is_failed]
    on_the_way = sum(run.cause is not None for run in found) - sum(run.cause is not None for run in failed)
    slowest = max(found, key=lambda run: run.tree.root.seconds)
    silent = sum(run.tree.root.span.outcome is not SpanOutcome.SUCCEEDED for run in found) - len(failed)
    runs = count(len(found), "run")
    if failed:
        said = f"{len(failed):,} of {runs} failed"
    elif silent:
        said = f"None of {runs} says that it failed; how {count(silent, 'run')} ended is not said"
    else:
        said = f"None of {runs} failed"
    if on_the_way:
        said += f", {on_the_way:,} more had a failed span"
    if not is_whole:
        said += "; not all that fit could be read"
    said += f"; the slowest took {number(slowest.tree.root.seconds, Unit.SECONDS)}"
    if loops:
        said += f"; {plain(way(loops[0].steps))} was repeated {loops[0].most:,} times in one"
    return said, "sick" if failed else "warn" if on_the_way else "well" if is_whole and not silent else "quiet"


def _nothing(found: Reading[tuple[TraceRun, ...]], view: View) -> None:
    lead("There is no run to show", "quiet", detail=plain(found.reason, limit=600))
    if _asked(view):
        bare = _changed(view, agent="", tool="", error="", outcome="", took="", cost="", q="", track="", service="")
        page.link("traces", "Show all runs of the period", bare, icon=":material/filter_alt_off:", width="content")


def search_box(view: View) -> DeltaGenerator:
    """Where the search is: closed until something is searched for, so that the answer comes first."""
    asked = ", ".join(_asked(view))
    return st.expander(plain(f"Search: {asked}" if asked else "Search runs"), icon=":material/search:", expanded=False)


def _asked(view: View) -> tuple[str, ...]:
    """The filters that are set."""
    filters = (view.service, view.agent, view.tool, view.error, view.outcome, view.took, view.cost, view.track, view.q)
    return tuple(filter(None, (*filters, view.order)))


def one(answer: TraceAnswer, view: View) -> None:
    """One trace, in the shape that the view asks for; with another beside it where the view names one."""
    with st.container(horizontal=True, key="traces-ways", gap="small"):
        back = _changed(view, trace="", span="", compare="", show="")
        page.link("traces", "All runs", back, icon=":material/arrow_back:", width="content")
        page.link("logs", "Its log lines", view, icon=":material/article:", width="content")
        if not view.compare:
            beside = _changed(view, trace="", span="", compare=view.trace, show="")
            page.link("traces", "Compare", beside, icon=":material/compare_arrows:", width="content")
    found = answer.trace
    if found.value is None:
        lead(f"Trace {plain(view.trace)} cannot be shown", "quiet", detail=plain(found.reason, limit=600))
        return
    states.badge(found, session.now())
    if found.reason:
        st.caption(f":material/incomplete_circle: {plain(found.reason)}")
    if answer.other is not None:
        _beside(found.value, answer.other, view)
        return
    _alone(found.value, view)


def _alone(whole: WholeTrace, view: View) -> None:
    tree = whole.tree
    lead(plain(sentence(tree, whole.path), limit=600), _tone(tree), detail=plain(_about(tree, view), limit=600))
    st.html(trace_pictures.overview(tree, whole.path, theme.colours()))
    if told := _facts(tree, whole.trace_id, view):
        st.html(facts(told))
    top = (
        next((place for place, node in enumerate(tree.nodes) if node.span.id == view.span), None) if view.span else None
    )
    if view.span:
        _one_span(tree, top, whole, view)
    _shapes(view)
    if view.show == "graph":
        _graph(agent_graph(tree))
    else:
        _lines(whole, top if top is None or tree.nodes[top].children else None, view)
    st.download_button(
        "All spans (CSV)",
        lambda: to_csv(tree.nodes, _SPAN_COLUMNS),
        file_name="spans.csv",
        mime="text/csv",
        icon=":material/download:",
        key="traces.spans.csv",
        type="tertiary",
        on_click="ignore",
    )
    st.caption(f":material/visibility_off: {_HIDDEN}")


def _lines(whole: WholeTrace, top: int | None, view: View) -> None:
    rows = trace_rows(whole.tree, whole.path, top=top)
    st.html(
        waterfall.html(
            Waterfall(
                tree=whole.tree,
                path=whole.path,
                rows=rows,
                link=lambda span: address(view, whole.trace_id, span=span),
                as_tree=view.show == "tree",
            )
        )
    )


def _tone(tree: SpanTree) -> Tone:
    if tree.root.span.is_failed:
        return "sick"
    if not tree.root.span.is_recorded or tree.root.span.outcome is None or cause(tree) is not None:
        return "warn"
    return "well" if tree.root.span.outcome is SpanOutcome.SUCCEEDED else "quiet"


def _about(tree: SpanTree, view: View) -> str:
    root = tree.root.span
    spent, read = cost_usd(tree), tokens(tree)
    services = {node.span.service for node in tree.nodes if node.span.service}
    return " · ".join(
        filter(
            None,
            (
                next((node.span.agent for node in tree.nodes if node.span.agent), root.label),
                stamp(tree.begins, view.tz),
                count(tree.recorded, "span"),
                count(len(services), "service"),
                "" if spent is None else f"{'at least ' if lacks_costs(tree) else ''}{number(spent, Unit.USD)}",
                "" if read is None else f"{'at least ' if lacks_tokens(tree) else ''}{number(read, Unit.TOKENS)}",
                root.track,
            ),
        )
    )


def _facts(tree: SpanTree, trace: str, view: View) -> list[str]:
    """What is odd about the record, and a door to what failed first."""
    found = [fact("Record", note, tone="warn") for note in tree.notes]
    first = cause(tree)
    if first is not None and first.span.id:
        to = in_html(address(view, trace, span=first.span.id), limit=2000)
        words = in_html(f"{first.span.role} {first.span.label}", limit=120)
        found.insert(0, f'<li class="td-sick"><b>Failed first</b> <a href="{to}" target="_self">{words}</a></li>')
    return found


def _one_span(tree: SpanTree, place: int | None, whole: WholeTrace, view: View) -> None:
    if place is None:
        st.warning(f"This trace has no span {plain(view.span)} among those read.", icon=":material/search_off:")
    else:
        above: list[str] = []
        step = tree.nodes[place].parent
        while step is not None and len(above) < 6:
            span = tree.nodes[step].span
            to = in_html(address(view, whole.trace_id, span=span.id), limit=2000)
            above.insert(0, f'<a href="{to}" target="_self">{in_html(span.label, limit=60)}</a>')
            step = tree.nodes[step].parent
        crumbs = " › ".join([*above, f"<b>{in_html(tree.nodes[place].span.label, limit=80)}</b>"])
        known = waterfall.facts_of(tree, place, seconds_by_node(whole.path), own_seconds(tree))
        st.html(f'<div class="td-card td-known"><p class="td-crumbs">{crumbs}</p>{known}</div>')
    page.link("traces", "Show the whole trace", _changed(view, span=""), icon=":material/unfold_more:", width="content")


def _shapes(view: View) -> None:
    key = "traces.show"
    st.session_state[key] = view.show if view.show in SHAPES else ""
    st.segmented_control(
        "Shape",
        list(SHAPES),
        format_func=lambda shape: SHAPES[shape],
        key=key,
        label_visibility="collapsed",
        on_change=lambda: url.write(_changed(url.read(), show=st.session_state[key] or "")),
    )


def _graph(found: AgentGraph) -> None:
    if not found.actors:
        st.caption(":material/do_not_disturb_on: No span names an agent, a model, a tool or a service.")
        return
    st.html(trace_pictures.graph(found, theme.colours()))
    if found.left_out:
        st.caption(f"{count(found.left_out, 'actor')} that took the least time are left out.")
    names = [f"{actor.role} {actor.name}" for actor in found.actors]
    table(
        found.calls,
        [
            Column(name="caller", cell=lambda call: names[call.caller], essential=True),
            Column(name="called", cell=lambda call: names[call.callee], essential=True),
            Column(name="calls", cell=lambda call: float(call.calls), unit=Unit.COUNT, essential=True),
            Column(name="failed", cell=lambda call: float(call.failed), unit=Unit.COUNT, essential=True),
            Column(name="took", cell=lambda call: call.seconds, unit=Unit.SECONDS),
        ],
        key="traces.calls",
        csv_name="calls",
    )


def _beside(first: WholeTrace, other: Reading[WholeTrace], view: View) -> None:
    page.link("traces", "Do not compare", _changed(view, compare=""), icon=":material/close:", width="content")
    second = other.value
    if second is None:
        lead(f"Trace {plain(view.compare)} cannot be shown", "quiet", detail=plain(other.reason, limit=600))
        _alone(first, _changed(view, compare=""))
        return
    lead(_difference(first.tree, second.tree), "quiet")
    states.badge(other, session.now())
    longest = max(high - low for low, high in (trace_pictures.window(whole.tree) for whole in (first, second)))
    with st.grid(2, min_column_width=300, gap="small", key="traces-two"):
        for name, whole in (("This", first), ("The other", second)):
            with st.container(border=True, gap="xxsmall"):
                told = plain(sentence(whole.tree, whole.path), limit=400)
                st.markdown(f"**{name}: {told}**")
                st.caption(plain(_about(whole.tree, view)))
                st.html(trace_pictures.overview(whole.tree, whole.path, theme.colours(), end=longest))
                page.link("traces", "Open alone", _changed(view, trace=whole.trace_id, compare=""), width="content")
    steps = compared(first.tree, second.tree)
    table(steps[:_MOST_COMPARED], _COMPARED_COLUMNS, key="traces.compared", csv_name="compared-steps")
    if len(steps) > _MOST_COMPARED:
        st.caption(f"And {count(len(steps) - _MOST_COMPARED, 'step')} that differ less.")


def _difference(first: SpanTree, second: SpanTree) -> str:
    """How the other run differs, in a sentence. Markdown."""
    by = second.root.seconds - first.root.seconds
    than = "longer" if by > 0 else "shorter"
    took = f"The other took {number(abs(by), Unit.SECONDS)} {than}" if by else "Both took equally long"
    found = parting(first, second)
    if found is None:
        return f"{took}; both took the same steps"
    after = f"after {plain(found.after, limit=60)}" if found.after else "at the first step"
    one_, other = (plain(step, limit=60) or "the end" for step in (found.first, found.second))
    return f"{took}; they part {after}: here {one_}, there {other}"


def _to(run: TraceRun, view: View) -> str:
    return address(view, view.compare, compare=run.trace_id) if view.compare else address(view, run.trace_id)


def _changed(view: View, **changes: str) -> View:
    return replace(view, **changes)  # type: ignore[arg-type]  # filters are strings


def _run_ended(run: TraceRun) -> str:
    root = run.tree.root.span
    if not root.is_recorded:
        return "? its own span is not recorded"
    return waterfall.ended(root.outcome, root.outcome_word)


def _run_agent(run: TraceRun) -> str:
    agents = dict.fromkeys(node.span.agent for node in run.tree.nodes if node.span.agent)
    return ", ".join(list(agents)[:3]) or run.tree.root.span.label


def _run_cause(run: TraceRun) -> str:
    if run.cause is None:
        return ""
    span = run.cause.span
    return f"{span.role} {span.label}{': ' if span.error else ''}{span.error}"


_RUN_COLUMNS: Final[Sequence[Column[TraceRun]]] = (
    Column(name="run", cell=_run_agent, essential=True),
    Column(name="ended", cell=_run_ended, essential=True),
    Column(name="failed first", cell=_run_cause, essential=True),
    Column(name="took", cell=lambda run: run.tree.root.seconds, unit=Unit.SECONDS, essential=True),
    Column(name="cost", cell=lambda run: run.cost_usd, unit=Unit.USD),
    Column(name="spans", cell=lambda run: float(run.tree.recorded), unit=Unit.COUNT),
    Column(name="track", cell=lambda run: next((n.span.track for n in run.tree.nodes if n.span.track), "")),
    Column(name="began", cell=lambda run: run.tree.begins, essential=True),
    Column(name="trace", cell=lambda run: run.trace_id),
)
_WAY_COLUMNS: Final[Sequence[Column[RunPath]]] = (
    Column(name="way", cell=lambda one: way(one.steps), essential=True),
    Column(name="runs", cell=lambda one: float(one.runs), unit=Unit.COUNT, essential=True),
    Column(name="share", cell=lambda one: one.share_ratio, unit=Unit.RATIO, essential=True),
    Column(name="failed", cell=lambda one: float(one.failed), unit=Unit.COUNT, essential=True),
    Column(name="usually takes", cell=lambda one: one.median_seconds, unit=Unit.SECONDS),
)
_LOOP_COLUMNS: Final[Sequence[Column[RunLoop]]] = (
    Column(name="steps", cell=lambda one: way(one.steps), essential=True),
    Column(name="most in a run", cell=lambda one: float(one.most), unit=Unit.COUNT, essential=True),
    Column(name="runs", cell=lambda one: float(one.runs), unit=Unit.COUNT, essential=True),
)
_COMPARED_COLUMNS: Final[Sequence[Column[ComparedStep]]] = (
    Column(name="step", cell=lambda one: " › ".join(one.place[-3:]), essential=True),
    Column(name="other longer by", cell=lambda one: one.longer_seconds, unit=Unit.SECONDS, essential=True),
    Column(
        name="this", cell=lambda one: one.first.seconds if one.first.calls else None, unit=Unit.SECONDS, essential=True
    ),
    Column(
        name="other",
        cell=lambda one: one.second.seconds if one.second.calls else None,
        unit=Unit.SECONDS,
        essential=True,
    ),
    Column(name="calls here", cell=lambda one: float(one.first.calls), unit=Unit.COUNT),
    Column(name="calls there", cell=lambda one: float(one.second.calls), unit=Unit.COUNT),
    Column(name="failed here", cell=lambda one: float(one.first.failed), unit=Unit.COUNT),
    Column(name="failed there", cell=lambda one: float(one.second.failed), unit=Unit.COUNT),
)
_SPAN_COLUMNS: Final[Sequence[Column[SpanNode]]] = (
    Column(name="span", cell=lambda node: node.span.name),
    Column(name="kind", cell=lambda node: str(node.span.role)),
    Column(name="began", cell=lambda node: node.span.at),
    Column(name="took", cell=lambda node: node.span.seconds, unit=Unit.SECONDS),
    Column(name="ended", cell=lambda node: waterfall.ended(node.span.outcome, node.span.outcome_word)),
    Column(name="error", cell=lambda node: node.span.error),
    Column(name="service", cell=lambda node: node.span.service),
    Column(name="pod", cell=lambda node: node.span.pod),
    Column(name="agent", cell=lambda node: node.span.agent),
    Column(name="tool", cell=lambda node: node.span.tool),
    Column(name="model", cell=lambda node: node.span.model),
    Column(name="cost", cell=lambda node: node.span.cost_usd, unit=Unit.USD),
    Column(name="id", cell=lambda node: node.span.id),
    Column(name="parent", cell=lambda node: node.span.parent_id),
    Column(name="doubt", cell=lambda node: "; ".join(node.doubts)),
)
