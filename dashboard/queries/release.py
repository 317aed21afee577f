"""The verdict on a release and where the traffic goes: the cluster first, since it names the tracks, then their counts.

`judge` uses the same evidence without what only the page shows; an action's guard calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dashboard.catalog import agents
from dashboard.catalog import release as catalog
from dashboard.catalog.expression import Expression
from dashboard.decide import governed
from dashboard.decide import verdict as decide
from dashboard.decide.policy import Policy
from dashboard.decide.ratio import Ratio, ratios
from dashboard.model import service_annotations
from dashboard.model.action import ActionId, ActionKind, ServedBefore
from dashboard.model.own_labels import namespace_labels
from dashboard.model.reading import Reading, Source, beside, combine, empty, missing
from dashboard.model.release import GovernedService, Track
from dashboard.model.series import Sample, Series
from dashboard.model.traffic_change import TrafficChange
from dashboard.model.trial import Trial
from dashboard.model.unfinished import Unfinished
from dashboard.model.verdict import Counts, Evidence, Mode, Verdict
from dashboard.model.view import View
from dashboard.queries import evidence as counting
from dashboard.queries import release_conditions
from dashboard.queries import release_scene as scenes
from dashboard.queries.ask import Alerts, Ask, Instant, Range, Readings, Request
from dashboard.queries.log_places import places
from dashboard.queries.measures import period
from dashboard.queries.policy import policy_of
from dashboard.queries.release_scene import Scene
from dashboard.queries.trial_clock import Beginning

SLOW_SECONDS = 300
_COUNTS: Mapping[str, Expression] = {
    "runs": catalog.RUNS,
    "failed": catalog.FAILED,
    "evaluations": catalog.EVALUATIONS,
    "violations": catalog.VIOLATIONS,
    "p95_seconds": catalog.P95,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFigures:
    """One track in figures over the long window. `share` is its part of the users' connections, by ready endpoints."""

    rate: Reading[float]
    error_ratio: Reading[float]
    p95_seconds: Reading[float]
    violation_ratio: Reading[float]
    share: Reading[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAnswer:
    """Everything that the page shows.

    `after` is there for a while after a switch; `evidence` and `ratios` are of the verdict that is shown first.
    `unfinished` is an action that was begun and has not ended, in whatever process. `changes` are what a switch and a
    rollback would write; `preview_shows` is the track that the preview Service selects.
    """

    services: Reading[tuple[str, ...]]
    service: Reading[GovernedService]
    figures: Mapping[Track, TrackFigures]
    before: Verdict
    after: Verdict | None
    evidence: Evidence
    policy: Policy
    served_before: ServedBefore | None
    way_back_closed: str
    unfinished: Unfinished | None
    changes: Mapping[ActionKind, TrafficChange]
    preview_shows: Track | None
    ratios: Reading[tuple[Ratio, ...]]
    errors: Reading[tuple[Series, ...]]
    p95: Reading[tuple[Series, ...]]


def release(ask: Ask, view: View, now: datetime) -> ReleaseAnswer:
    """Everything that the page shows."""
    scene = scenes.scene_of(ask, view.ns, view.service, now)
    name = scene.raw["metadata"]["name"] if scene.raw else view.service
    over = period(view, now)
    line = {**over.values, "namespace": view.ns, "service": name, "window": over.course_window}
    line |= {"track": "", "agent": ""}
    requests = _ask_counts(ask, scene, view.ns, name, now) | {
        "line.errors": Range(agents.ERROR_RATIO_BY_TRACK, line, over.start, over.end),
        "line.p95": Range(agents.P95_BY_TRACK, line, over.start, over.end),
    }
    answers = ask.gather(requests)
    served = service_annotations.read_served_before(scene.raw)
    policy = policy_of(ask.environment)
    before = _evidence(ask, scene, answers, now, Mode.BEFORE)
    after = _evidence(ask, scene, answers, now, Mode.AFTER) if scenes.is_new(scene, now, policy.bake) else None
    shown = after or before
    return ReleaseAnswer(
        services=scene.names,
        service=scene.service,
        figures={track: _figures(scene, answers, track, fast_seconds(ask)) for track in Track},
        before=decide.judge(before, policy),
        after=decide.judge(after, policy) if after is not None else None,
        evidence=shown,
        policy=policy,
        served_before=served,
        way_back_closed=scenes.way_back_closed(scene, served),
        unfinished=scene.unfinished,
        changes=scenes.changes(scene),
        preview_shows=scenes.preview_shows(scene),
        ratios=shown.trial.map(
            lambda trial: ratios(trial, policy, shown.mode) or None, empty="nothing can be compared yet"
        ),
        errors=answers.series("line.errors"),
        p95=answers.series("line.p95"),
    )


def judge(ask: Ask, namespace: str, service: str, now: datetime, action: ActionId | None = None) -> Verdict:
    """The verdict before a switch, from what is known now. That running action does not count against it."""
    found = evidence(ask, namespace, service, now, Mode.BEFORE, action)
    return decide.judge(found, policy_of(ask.environment))


def evidence(
    ask: Ask, namespace: str, service: str, now: datetime, mode: Mode, action: ActionId | None = None
) -> Evidence:
    """Everything that a verdict is computed from, as it is known now."""
    scene = scenes.scene_of(ask, namespace, service, now)
    if scene.unfinished is not None and scene.unfinished.intent.id == action:
        scene = replace(scene, unfinished=None)
    readings = ask.gather(_ask_counts(ask, scene, namespace, service, now))
    return _evidence(ask, scene, readings, now, mode)


def fast_seconds(ask: Ask) -> int:
    """The short window: as short as five scrapes allow, so that harm shows within seconds."""
    return max(20, 5 * ask.environment.prometheus.scrape_interval_seconds)


def _ask_counts(ask: Ask, scene: Scene, namespace: str, service: str, now: datetime) -> dict[str, Request]:
    where = places([scene.raw], scene.deployments, scene.replicasets, scene.blue_green) if scene.raw else ()
    values = {"namespace": namespace, "service": service}
    windows = {"fast": f"{fast_seconds(ask)}s", "slow": f"{SLOW_SECONDS}s"}
    requests: dict[str, Request] = {
        f"{window}.{name}": Instant(expression, {**values, "window": length})
        for window, length in windows.items()
        for name, expression in _COUNTS.items()
    }
    return (
        requests
        | release_conditions.requests(namespace, service, now, where)
        | {
            "measured": Instant(catalog.MEASURED_SECONDS, {**values, "window": windows["slow"]}),
            "agents": Instant(catalog.RUNS_BY_AGENT, {**values, "window": windows["slow"]}),
            "targets": Instant(catalog.TARGETS, values),
            "scraped": Instant(catalog.SCRAPED_PODS, values),
            "split": Instant(catalog.SPLIT_PODS, values),
            "split.ports": Instant(catalog.PORTS_OF_ONE_CONTAINER, values),
            "doubled": Instant(catalog.PORTS_OF_NO_CONTAINER, values),
            "alerts": Alerts.of_namespace(namespace, namespace_labels(ask.environment.alert_labels)),
        }
    )


def _evidence(ask: Ask, scene: Scene, answers: Readings, now: datetime, mode: Mode) -> Evidence:
    candidate = scene.active.other if mode is Mode.BEFORE else scene.active
    return Evidence(
        mode=mode,
        at=now,
        candidate=candidate,
        service=scene.service,
        fast_seconds=fast_seconds(ask),
        slow_seconds=SLOW_SECONDS,
        fast={track: _counts(answers, "fast", track) for track in Track},
        slow={track: _counts(answers, "slow", track) for track in Track},
        restarts=scenes.restarts(scene, candidate, now - timedelta(seconds=SLOW_SECONDS)),
        targets=_targets(answers, candidate),
        alerts=answers.alerts("alerts"),
        under_way=scene.service.map(lambda _: scenes.under_way(scene.unfinished, now)),
        trial=_trial(ask, scene, now, mode, candidate),
        # Recorded shares know no words but ours: they are worth no more than the counts.
        burn=beside(
            release_conditions.burn(answers, candidate),
            {"failed runs": answers.samples("slow.failed"), "contract violations": answers.samples("slow.violations")},
        ),
        kill_switch=release_conditions.kill_switch(answers),
        cost_usd={track: release_conditions.cost_usd(answers, track) for track in Track},
        error_lines=release_conditions.error_lines(answers, candidate, scenes.began(scene, candidate)[0]),
        declared=release_conditions.declared(scene.service, scene.raw, scene.deployments),
        unscraped=_unscraped(scene, answers, candidate),
        split=_pods(answers, candidate, "split", "split.ports"),
        doubled=_pods(answers, candidate, "doubled"),
        began=scenes.began(scene, candidate)[0],
        runs_by_agent={track: _by_agent(answers, track) for track in Track},
    )


def _targets(answers: Readings, candidate: Track) -> Reading[float]:
    """How many pods of the candidate are scraped: no better known than their names, which tell the pods apart."""
    both = combine(answers.samples("targets"), answers.samples("scraped"))
    return both.map(lambda pair: _of_track(candidate)(pair[0]), empty=f"no pod of {candidate} is scraped")


def _unscraped(scene: Scene, answers: Readings, candidate: Track) -> tuple[str, ...]:
    """The candidate's ready pods that no job scrapes."""
    pods = scenes.pods_of(scene, candidate)
    scraped = {sample.labels.get("pod", "") for sample in answers.samples("scraped").value or ()} - {""}
    return governed.unscraped(pods.ready, scraped) if pods else ()


def _pods(answers: Readings, candidate: Track, *keys: str) -> tuple[str, ...]:
    """The names of the candidate's pods in these answers."""
    found = (one for key in keys for one in answers.samples(key).value or ())
    return tuple(sorted({one.labels.get("pod", "") for one in found if one.labels.get("track") == candidate}))


def _trial(ask: Ask, scene: Scene, now: datetime, mode: Mode, candidate: Track) -> Reading[Trial]:
    """What both tracks did since the release on `candidate` began."""
    service = scene.service.value
    if service is None:
        return missing(scene.service.reason or "the service is not known", source=Source.KUBERNETES)
    moved = scenes.last_move(scene)
    began, pods = scenes.began(scene, candidate)
    if mode is Mode.AFTER and moved is not None:
        began, until = moved.ended_at, moved.started_at
    else:
        moments = [at for at in (began, moved.ended_at if moved else None) if at is not None]
        began, until = max(moments, default=None), None
    if began is None:
        reason = f"it is not known when the release on {candidate} began"
        return empty(reason, source=Source.KUBERNETES, as_of=now)
    beginning = Beginning(
        namespace=service.namespace,
        service=service.name,
        candidate=candidate,
        at=began,
        record_until=until,
        pods=pods,
    )
    return counting.trial(ask, beginning, now)


def _counts(answers: Readings, window: str, track: Track) -> Counts:
    def of(name: str) -> Reading[float]:
        return answers.samples(f"{window}.{name}").map(_of_track(track), empty=f"no traffic on {track}")

    return Counts(
        runs=of("runs"),
        failed=of("failed"),
        evaluations=of("evaluations"),
        violations=of("violations"),
        p95_seconds=of("p95_seconds"),
    )


def _by_agent(answers: Readings, track: Track) -> Mapping[str, float]:
    """The runs of each agent on a track in the long window."""
    found: dict[str, float] = {}
    for sample in answers.samples("agents").value or ():
        agent = sample.labels.get("gen_ai_agent_name", "")
        if sample.labels.get("track") == track and agent and sample.value is not None:
            found[agent] = found.get(agent, 0.0) + sample.value
    return found


def _figures(scene: Scene, answers: Readings, track: Track, least_seconds: float) -> TrackFigures:
    counts = _counts(answers, "slow", track)
    return TrackFigures(
        rate=counts.runs.map(lambda runs: runs / _measured_seconds(answers, track, least_seconds)),
        error_ratio=_ratio(counts.failed, counts.runs, f"no traffic on {track}"),
        p95_seconds=counts.p95_seconds,
        violation_ratio=_ratio(counts.violations, counts.evaluations, f"no evaluations on {track}"),
        share=scene.service.map(lambda service: _share(service, track), empty="nobody serves"),
    )


def _measured_seconds(answers: Readings, track: Track, least_seconds: float) -> float:
    """For how long the track was measured within the window: a young one would else seem to do little."""
    known = _of_track(track)(answers.samples("measured").value or ())
    return min(SLOW_SECONDS, max(known, least_seconds)) if known is not None else SLOW_SECONDS


def _ratio(bad: Reading[float], tries: Reading[float], empty: str) -> Reading[float]:
    """The share of bad events, as fresh as the bad events are; EMPTY when nothing was tried."""
    if tries.value is None:
        return tries
    whole = tries.value
    return bad.map(lambda some: some / whole if whole > 0 else None, empty=empty)


def _share(service: GovernedService, track: Track) -> float | None:
    everybody = sum(status.serving for status in service.tracks.values())
    return service.tracks[track].serving / everybody if everybody and track in service.tracks else None


def _of_track(track: Track) -> Callable[[tuple[Sample, ...]], float | None]:
    def find(samples: tuple[Sample, ...]) -> float | None:
        return next((sample.value for sample in samples if sample.labels.get("track") == track), None)

    return find
