"""What the Traces page shows: runs that fit a search, with the ways that they took; one trace as a tree, or two.

A run is found by a span that it begins with, and shown from all its spans. A search by tool, error, words or cost looks
at single spans first and then at their runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dashboard.decide.critical_path import critical_path
from dashboard.decide.run_paths import RunLoop, RunPath, run_loops, run_paths
from dashboard.decide.span_tree import span_tree
from dashboard.decide.trace_story import cause, cost_usd
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Reading, State, beside
from dashboard.model.trace import Span, SpanNode, SpanRole, SpanTree, WholeTrace
from dashboard.model.view import View
from dashboard.model.words import SpanOutcome
from dashboard.model.written import count
from dashboard.queries.ask import Ask
from dashboard.queries.entries import UNIT_NOT_KNOWN
from dashboard.queries.kept_traces import kept_by
from dashboard.queries.request import Logs, Request

MOST_SPANS: Final = 10_000
MOST_RUNS: Final = 60
# Of the runs on one page, so that a few very large ones do not make the others wait.
MOST_SPANS_OF_RUNS: Final = 6_000
_LOOKED_AT: Final = 300  # spans that a search looks at to find its runs
_MOST_NAMED: Final = 200  # traces that one question names
_COUNTED_UP_TO: Final = 1_000_000
NOT_KEPT: Final = "no span of this trace is kept here: it was not sampled, or it is older than what is kept"
# What is shown of a span. Prompts and results are not among them: they do not leave the store.
SHOWN: Final = (
    *("time", "message", "status", "kind", "duration", "parent_span_id", "span_id", "trace_id", "service", "namespace"),
    *("pod", "track", "agent", "tool", "model", "operation", "error_type", "contract", "clause"),
    *("cost", "input_tokens", "output_tokens"),
)
LEAST_SECONDS: Final[Mapping[str, float]] = {"1s": 1.0, "5s": 5.0, "30s": 30.0, "2min": 120.0, "10min": 600.0}
LEAST_USD: Final[Mapping[str, float]] = {"0.01": 0.01, "0.1": 0.1, "1": 1.0, "10": 10.0}
ORDERS: Final = ("newest", "slowest", "dearest")
_AGENT_WORK = ("invoke_agent", "invoke_workflow", "create_agent", "plan")
_MODEL_WORK = ("chat", "generate_content", "text_completion", "embeddings")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRun:
    """One run of the list: its tree as far as it was read, what failed first, and what it cost."""

    trace_id: str
    tree: SpanTree
    cause: SpanNode | None
    cost_usd: float | None

    @property
    def is_failed(self) -> bool:
        """Whether the run itself failed."""
        return self.tree.root.span.is_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsAnswer:
    """The runs that fit, in the order asked for; the ways that they took and their loops are of these runs alone.

    `looked_at` says among what the runs were looked for, where that is not everything; "" where it is.
    """

    runs: Reading[tuple[TraceRun, ...]]
    looked_at: str = ""
    paths: tuple[RunPath, ...] = ()
    loops: tuple[RunLoop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceAnswer:
    """One trace and, where two are compared, the other."""

    trace: Reading[WholeTrace]
    other: Reading[WholeTrace] | None


def choices(ask: Ask, view: View, now: datetime) -> Mapping[str, tuple[str, ...]]:
    """The agents, tools and errors that spans of the period name; none of what nobody can say."""
    asked = _spans(view, now, size=0, terms=("agent", "tool", "error_type"), step_seconds=60)
    found = ask.gather({"terms": asked}).logs("terms").value
    terms = found.terms if found else {}
    words = {"agent": "agent", "tool": "tool", "error": "error_type"}
    return {name: tuple(value for value, _ in terms.get(concept, ()) if value) for name, concept in words.items()}


def runs(ask: Ask, view: View, now: datetime) -> RunsAnswer:
    """The runs of the period that fit the filters."""
    found, looked_at = _found(ask, view, now)
    ids = tuple(
        dict.fromkeys(entry.trace_id for entry in (found.value.entries if found.value else ()) if entry.trace_id)
    )
    if found.value is None:
        return RunsAnswer(runs=found.map(lambda _: None))
    if not ids:
        return RunsAnswer(runs=found.map(lambda _: None, empty="no run in this period fits"), looked_at=looked_at)
    kept = ids[:MOST_RUNS]
    start, end = view.window(now)
    whole = Logs(
        stream="traces",
        namespace=view.ns,
        start=start - timedelta(hours=1),  # a run that ended in the period may have begun before it
        end=end + timedelta(minutes=5),
        filters={"trace_id": kept},
        size=MOST_SPANS_OF_RUNS,
        sort="duration",
        concepts=SHOWN,
        step_seconds=5,
    )
    spans = ask.gather({"spans": whole}).logs("spans")
    least = LEAST_USD.get(view.cost, 0.0)
    answered = beside(
        spans.map(lambda page: _runs(page, kept, view, least) or None, empty="no run fits"), {"search": found}
    )
    trees = [run.tree for run in answered.value or ()]
    return RunsAnswer(runs=answered, looked_at=looked_at, paths=run_paths(trees), loops=run_loops(trees))


def trace(ask: Ask, view: View, now: datetime) -> TraceAnswer:
    """The trace that the view names, whenever it was, and the one to compare it with.

    A look at the newest span comes first. It is cheap, and tells whether the trace has changed since it was read, and
    whether all spans fit, so that none need be ranked.
    """
    wanted = {"trace": view.trace} | ({"other": view.compare} if view.compare else {})
    looks = ask.gather({name: _newest_of(ask, view, now, identity) for name, identity in wanted.items()})
    kept = kept_by(ask)
    found = {
        name: same
        for name, identity in wanted.items()
        if (same := kept.same((view.ns, identity), looks.logs(name))) is not None
    }
    changed = {name: identity for name, identity in wanted.items() if name not in found}
    answers = ask.gather(
        {name: _all_of(looks.logs(name).value, _newest_of(ask, view, now, one)) for name, one in changed.items()}
    )
    for name, identity in changed.items():
        found[name] = _whole(answers.logs(name), identity)
        kept.keep((view.ns, identity), looks.logs(name), found[name])
    return TraceAnswer(trace=found["trace"], other=found.get("other"))


def _newest_of(ask: Ask, view: View, now: datetime, identity: str) -> Logs:
    return Logs(
        stream="traces",
        namespace=view.ns,
        start=now - timedelta(days=ask.environment.retention_days),
        end=now + timedelta(days=1),  # clocks that are ahead
        filters={"trace_id": identity},
        size=1,
        concepts=SHOWN,
        count_up_to=_COUNTED_UP_TO,
        step_seconds=5,
    )


def _all_of(newest: LogPage | None, like: Logs) -> Logs:
    """The question for all spans, or for the longest where there are too many."""
    whole = replace(like, size=MOST_SPANS)
    return replace(whole, sort="duration") if newest is None or newest.total > MOST_SPANS else whole


def _found(ask: Ask, view: View, now: datetime) -> tuple[Reading[LogPage], str]:
    """Spans whose runs are looked for, in an order of what matters; and among what they were looked for."""
    by_span = {"tool": view.tool, "error_type": view.error}
    if view.tool or view.error or view.q or view.cost or view.order == "dearest":
        sort = "cost" if view.cost or view.order == "dearest" else "duration"
        at_least = {"cost": 1e-9} if sort == "cost" else {}
        asked = _spans(view, now, filters=by_span, text=view.q, sort=sort, at_least=at_least)
        spans = ask.gather({"spans": asked}).logs("spans")
        said = _looked_at(spans.value, "dearest" if sort == "cost" else "longest", "span")
        ids = tuple(dict.fromkeys(one.trace_id for one in (spans.value.entries if spans.value else ()) if one.trace_id))
        if not ids or not (view.agent or view.outcome or view.took):
            return spans, said
        begun = ask.gather({"runs": _beginnings(view, now, trace_id=ids[:_MOST_NAMED])}).logs("runs")
        return beside(begun, {"search": spans}), said
    requests: dict[str, Request] = {"runs": _beginnings(view, now)}
    if not view.outcome and not view.order:
        requests["failed"] = _beginnings(view, now, outcome=SpanOutcome.FAILED)
    answers = ask.gather(requests)
    said = _looked_at(answers.logs("runs").value, "newest" if view.order == "newest" else "longest", "first span")
    if "failed" not in requests:
        return answers.logs("runs"), said
    return _joined(answers.logs("failed"), answers.logs("runs")), said


def _looked_at(page: LogPage | None, which: str, what: str) -> str:
    """That runs were looked for among the first of many spans only; "" where all were looked at."""
    if page is None or page.total <= len(page.entries):
        return ""
    least = "at least " if page.total_is_lower_bound else ""
    missed = {
        "dearest": "a run that is dear by many cheap calls may be missing",
        "longest": "runs that only have shorter ones are missing",
        "newest": "older runs are missing",
    }
    many = count(page.total, what)
    return f"Looked at the {len(page.entries):,} {which} of {least}{many} that fit: {missed[which]}."


def _joined(failed: Reading[LogPage], others: Reading[LogPage]) -> Reading[LogPage]:
    """The failed ones before the others; about half of the room is kept for these."""
    if others.value is None or failed.value is None:
        return others if others.value is not None else failed
    first = failed.value
    room = list(dict.fromkeys(one.trace_id for one in first.entries))[: MOST_RUNS // 2]
    kept = tuple(one for one in first.entries if one.trace_id in room)
    joined = others.map(lambda page: LogPage(entries=(*kept, *page.entries), total=page.total, lacking=page.lacking))
    return beside(joined, {"failed runs": failed})


def _beginnings(view: View, now: datetime, **filters: str | tuple[str, ...]) -> Logs:
    wanted = {"beginning": "run", "agent": view.agent, "outcome": view.outcome, **filters}
    at_least = {"duration": LEAST_SECONDS.get(view.took, 0.0)}
    sort = "@timestamp" if view.order == "newest" else "duration"
    return _spans(view, now, filters=wanted, at_least=at_least, sort=sort)


def _spans(
    view: View,
    now: datetime,
    *,
    size: int = _LOOKED_AT,
    filters: Mapping[str, str | tuple[str, ...]] | None = None,
    at_least: Mapping[str, float] | None = None,
    text: str = "",
    sort: str = "@timestamp",
    terms: tuple[str, ...] = (),
    step_seconds: int = 1,
) -> Logs:
    start, end = view.window(now)
    return Logs(
        stream="traces",
        namespace=view.ns,
        start=start,
        end=end,
        filters={"service": view.service, "track": view.track, **(filters or {})},
        at_least=at_least or {},
        text=text,
        size=size,
        sort=sort,
        terms=terms,
        concepts=("time", "trace_id", "span_id", "status", "error_type"),
        step_seconds=step_seconds,
    )


def _runs(page: LogPage, ids: Iterable[str], view: View, least_usd: float) -> tuple[TraceRun, ...]:
    by_trace: dict[str, list[Span]] = defaultdict(list)
    for entry in page.entries:
        by_trace[entry.trace_id].append(span_of(entry))
    found = []
    for identity in ids:
        tree = span_tree(by_trace.get(identity, ()))
        if tree is not None:
            run = TraceRun(trace_id=identity, tree=tree, cause=cause(tree), cost_usd=cost_usd(tree))
            if (run.cost_usd or 0.0) >= least_usd:
                found.append(run)
    return tuple(sorted(found, key=lambda run: _rank(run, view.order)))


def _rank(run: TraceRun, order: str) -> tuple[float, float, str]:
    slow = -run.tree.root.seconds
    if order == "newest":
        return (-run.tree.begins.timestamp(), slow, run.trace_id)
    if order == "dearest":
        return (-(run.cost_usd or 0.0), slow, run.trace_id)
    if order == "slowest":
        return (slow, 0.0, run.trace_id)
    return (0 if run.is_failed else 1 if run.cause else 2, slow, run.trace_id)


def _whole(found: Reading[LogPage], identity: str) -> Reading[WholeTrace]:
    if found.value is None:
        return found.map(lambda _: None)

    def whole(page: LogPage) -> WholeTrace | None:
        tree = span_tree(map(span_of, page.entries))
        if tree is None:
            return None
        return WholeTrace(trace_id=identity, tree=tree, path=critical_path(tree), total=page.total)

    answer = found.map(whole, empty=NOT_KEPT)
    if answer.value is None or found.value.total <= len(found.value.entries):
        return answer
    least = "at least " if found.value.total_is_lower_bound else ""
    said = f"the {len(found.value.entries):,} longest of {least}{count(found.value.total, 'span')}"
    return replace(answer, state=State.PARTIAL, reason="; ".join(filter(None, (said, answer.reason))))


def span_of(entry: LogEntry) -> Span:
    """A span's document as a span."""
    said = entry.attributes
    cost, read, written = (_figure(said.get(name)) for name in _FIGURES)
    if _word(said.get("gen_ai.operation.name")) in _WITHOUT_ANSWER and written is None:
        written = 0.0
    # One direction alone is no count of tokens.
    tokens = None if read is None or written is None else read + written
    agent, tool, model = (_word(said.get(f"gen_ai.{name}")) for name in ("agent.name", "tool.name", "request.model"))
    contract = _word(said.get("agentgov.contract.name"))
    return Span(
        id=entry.span_id,
        parent_id=_word(said.get("parent_span_id")),
        name=entry.message,
        at=entry.at,
        seconds=_figure(entry.duration_seconds),
        has_unknown_unit=UNIT_NOT_KNOWN in said,
        role=_role(_word(said.get("gen_ai.operation.name")), entry.message, tool=tool, model=model, contract=contract),
        service=entry.service,
        track=entry.track,
        pod=entry.pod,
        agent=agent,
        tool=tool,
        model=model,
        contract=contract,
        outcome=entry.outcome,
        outcome_word=entry.severity,
        error=_word(said.get("error.type")),
        cost_usd=cost,
        tokens=tokens,
        trace_id=entry.trace_id,
        document=entry.document,
    )


# Calls that read and write no tokens, by the semantic conventions.
_WITHOUT_ANSWER = ("embeddings",)
_FIGURES = ("gen_ai.usage.cost.amount", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")


def _role(operation: str, name: str, *, tool: str, model: str, contract: str) -> SpanRole:
    """What kind of work it is; by what it names where it does not say its operation."""
    operation = operation or name.partition(" ")[0]
    if operation in _AGENT_WORK:
        return SpanRole.AGENT
    if operation in _MODEL_WORK:
        return SpanRole.MODEL
    if operation in ("execute_tool", "retrieval") or tool:
        return SpanRole.TOOL
    if contract:
        return SpanRole.CONTRACT
    return SpanRole.MODEL if model else SpanRole.OTHER


def _figure(value: object) -> float | None:
    """A number as documents write it; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if abs(found) < 1e15 else None


def _word(value: object) -> str:
    several = value if isinstance(value, list) else [value]
    return ", ".join(str(one) for one in several if one not in (None, ""))
