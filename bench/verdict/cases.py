"""The worlds of the table: healthy ones, harms, and the rows that the project holds itself to."""

from __future__ import annotations

from bench.verdict.worlds import Harm, World


def _both(times: float) -> Harm:
    """Errors of both tracks so many times higher since the release began."""
    return Harm(shares=(times, 1.0, 1.0), both=True)


_CLEAN, _NUISANCE, _NEW = "clean", "nuisance", "bad day"
TRIPLE = Harm(shares=(3.0, 1.0, 1.0))


def _near(part: float, median: float, rate: float) -> World:
    """Shares of errors, violations and runs over the limit of p95 at a part of their limits."""
    return World(
        name=f"{part:g} of the limits, {rate:g}/s",
        group=_CLEAN,
        per_second=rate,
        shares=(0.02 * part, 0.02 * part, 0.01),
        median=median,
    )


_RATES = (0.5, 1.0, 5.0, 12.0, 50.0, 500.0)

HEALTHY = (
    *(World(name=f"clean, {rate:g}/s", group=_CLEAN, per_second=rate) for rate in _RATES),
    *(_near(0.5, 0.926, rate) for rate in _RATES),
    World(name="seasonal", group=_CLEAN, season=0.5),
    World(name="drift doubled", group=_NUISANCE, drift=0.6),
    World(name="failures in clumps of 3", group=_NUISANCE, clump=3),
    World(name="10 % share", group=_NUISANCE, share=(0.1, 0.1)),
    World(name="share 10 to 90 %, errors x3", group=_NUISANCE, share=(0.1, 0.9), rising=3.0),
    World(name="one scrape in ten missed", group=_NEW, missed=0.1),
    World(name="a reset a minute and pod", group=_NEW, resets=1 / 6),
    World(name="cold start of the candidate", group=_NEW, warm_up=True),
    World(name="no history", group=_NEW, history=False),
    World(name="one sick pod on the baseline", group=_NEW, sick_pod=5.0),
    World(name="after a switch", group=_NEW, after=True),
    World(name="after a switch, drift doubled", group=_NEW, after=True, drift=0.6),
    *(_near(0.8, 1.049, rate) for rate in _RATES),
    World(name="slow noise of each pod", group=_NUISANCE, own_noise=0.35),
    *(
        World(
            name=f"noise of each track, {rate:g}/s, {'a day' if day else 'an hour'} of past",
            group=_NUISANCE,
            per_second=rate,
            track_noise=0.2,
            day=day,
        )
        for rate in (50.0, 500.0)
        for day in (False, True)
    ),
)
EDGE = (
    World(name="exactly at the margin: errors x1.1", group="edge", harm=Harm(shares=(1.1, 1.0, 1.0))),
    World(name="exactly at the margin: 10 % slower", group="edge", harm=Harm(time=1.1)),
    World(name="at the GO margin: errors x1.5", group="edge of GO", harm=Harm(shares=(1.5, 1.0, 1.0))),
    World(name="at the GO margin: 25 % slower", group="edge of GO", harm=Harm(time=1.25)),
    *(
        World(
            name=f"at the GO margin and at the limit, {'drift' if drift else 'no drift'}",
            group="edge of both",
            shares=(0.02 / 1.5, 0.002, 0.01),
            drift=drift,
            harm=Harm(shares=(1.5, 1.0, 1.0)),
        )
        for drift in (0.3, 0.0)
    ),
)
# The spread over which delays are averaged.
SPREAD = (
    World(name="errors x2", group="harm", harm=Harm(shares=(2.0, 1.0, 1.0))),
    World(name="errors 0.5 to 1.5 %", group="harm", harm=TRIPLE),
    World(name="errors 0.5 to 10 %", group="harm", harm=Harm(shares=(20.0, 1.0, 1.0))),
    World(name="errors x3 at 500/s", group="harm", per_second=500.0, harm=TRIPLE),
    World(name="errors x3 on a 10 % share", group="harm", share=(0.1, 0.1), harm=TRIPLE),
    World(name="errors x10 on one pod of four", group="harm", harm=Harm(shares=(10.0, 1.0, 1.0), pods=1)),
    World(name="errors growing to x5", group="harm", harm=Harm(shares=(5.0, 1.0, 1.0), growing=True)),
    World(name="violations x2", group="harm", harm=Harm(shares=(1.0, 2.0, 1.0))),
    World(name="violations x4", group="harm", harm=Harm(shares=(1.0, 4.0, 1.0))),
    World(name="tool failures x2", group="harm", harm=Harm(shares=(1.0, 1.0, 2.0))),
    World(name="20 % slower", group="harm", harm=Harm(time=1.2)),
    World(name="30 % slower", group="harm", harm=Harm(time=1.3)),
    World(name="twice as slow", group="harm", harm=Harm(time=2.0)),
    World(name="all a bit: x1.5 and 15 % slower", group="harm", harm=Harm(shares=(1.5, 1.5, 1.5), time=1.15)),
)
HARMS = (
    *SPREAD,
    World(name="errors x3 from minute 10", group="harm", harm=Harm(shares=(3.0, 1.0, 1.0), begins_seconds=600.0)),
    World(name="errors x3 at 5/s", group="harm", per_second=5.0, harm=TRIPLE),
    World(name="errors x3 in clumps of 3", group="harm", clump=3, harm=TRIPLE),
    World(name="errors x3, one scrape in ten missed", group="harm", missed=0.1, harm=TRIPLE),
    World(name="errors x3, a reset a minute and pod", group="harm", resets=1 / 6, harm=TRIPLE),
    World(name="errors x3 after a cold start", group="harm", warm_up=True, harm=TRIPLE),
    World(name="errors x3 after a switch", group="harm", after=True, harm=TRIPLE),
    World(name="errors x5 after a switch", group="harm", after=True, harm=Harm(shares=(5.0, 1.0, 1.0))),
    World(name="errors x20 after a switch", group="harm", after=True, harm=Harm(shares=(20.0, 1.0, 1.0))),
    World(name="both tracks at twice the limit of errors", group="harm", harm=_both(8.0)),
    World(name="the same without drift", group="harm", drift=0.0, harm=_both(8.0)),
    World(name="both tracks at 3 times the limit, 12/s", group="harm", per_second=12.0, harm=_both(12.0)),
    World(name="both tracks at 5 times the limit", group="harm", harm=_both(20.0)),
    World(name="runs cost twice as much", group="harm", harm=Harm(cost=2.0)),
)
