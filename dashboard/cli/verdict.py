"""May the release take the users? By the same rules as the page, for a pipeline: through the exit code and as JSON.

Exit codes: 0 GO, 1 NO-GO, 3 WAIT or not known, 2 asked wrongly. A WAIT never becomes a GO by a timeout.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dashboard.cli import environment
from dashboard.decide import archive
from dashboard.decide.forecast import Reach
from dashboard.decide.policy import Policy
from dashboard.decide.policy_check import check
from dashboard.decide.verdict import judge
from dashboard.model.reading import State, Unit
from dashboard.model.verdict import Decision, Evidence, Mode, Verdict
from dashboard.model.written import duration, number, span
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.policy import policy_of
from dashboard.queries.release import evidence

HELP = "GO, WAIT or NO-GO for a release, by exit code 0, 3 or 1"
EXIT = {Decision.GO: 0, Decision.NO_GO: 1, Decision.WAIT: 3}
USAGE = 2
# A new process has to list the cluster first.
PATIENCE_SECONDS = 15.0
_UNITS = {"s": 1, "m": 60, "h": 3600}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--service", metavar="NAME", default="", help="the governed service")
    environment.add(parser)
    environment.add_namespace(parser)
    parser.add_argument("--mode", choices=list(map(str, Mode)), default="before", help="default: %(default)s a switch")
    parser.add_argument(
        "--wait", metavar="DURATION", type=_duration, default=0.0, help="while it is WAIT: 90s, 15m, 1h"
    )
    parser.add_argument("--json", action="store_true", help="the whole verdict as JSON on one line")
    parser.add_argument("--evidence", metavar="FILE", type=Path, help="write what the verdict was computed from")
    parser.add_argument("--replay", metavar="FILE", type=Path, help="compute the verdict from such a file; asks nobody")
    parser.add_argument(
        "--check-policy",
        action="store_true",
        help="what the policy finds and how long a GO takes, at the present traffic",
    )


def run(options: argparse.Namespace) -> int:
    """Judge, print, and answer with the exit code."""
    if options.replay:
        return _replay(options)
    if not options.service:
        return _wrong("name the service: --service NAME, or a file: --replay FILE")
    chosen = environment.chosen(options)
    namespace = environment.namespace(options, chosen)
    ask = build_ask(chosen)
    try:
        return _live(options, ask, namespace, policy_of(chosen))
    finally:
        ask.close()


def _live(options: argparse.Namespace, ask: Ask, namespace: str, policy: Policy) -> int:
    def collected() -> Evidence:
        return evidence(ask, namespace, options.service, datetime.now(UTC), Mode(options.mode))

    found = _until(collected, lambda known: known.service.state is not State.MISSING, PATIENCE_SECONDS, 0.5)
    if found.service.state is State.EMPTY:
        return _wrong(found.service.reason)
    if options.check_policy:
        return _check_policy(found, policy)
    every = float(ask.environment.refresh_seconds)
    found = _until(
        collected, lambda known: judge(known, policy).decision is not Decision.WAIT, options.wait, every, first=found
    )
    if options.evidence:
        try:
            options.evidence.write_text(archive.write(found, policy), encoding="utf-8")
        except OSError as error:
            return _wrong(f"{options.evidence} cannot be written: {error.strerror}")
    return _told(judge(found, policy), found, options)


def _until(
    ask: Callable[[], Evidence],
    is_enough: Callable[[Evidence], bool],
    patience_seconds: float,
    every_seconds: float,
    *,
    first: Evidence | None = None,
) -> Evidence:
    """Ask until it is enough or the time is over; the last answer either way."""
    deadline = time.monotonic() + patience_seconds
    found = first or ask()
    while not is_enough(found) and time.monotonic() < deadline:
        time.sleep(min(every_seconds, max(0.0, deadline - time.monotonic())))
        found = ask()
    return found


def _replay(options: argparse.Namespace) -> int:
    try:
        found = archive.read(options.replay.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, archive.NotEvidenceError) as error:
        return _wrong(f"{options.replay} holds no evidence that can be judged: {error}")
    if options.check_policy:
        return _check_policy(found.evidence, found.policy)
    return _told(found.judge(), found.evidence, options)


def _told(verdict: Verdict, found: Evidence, options: argparse.Namespace) -> int:
    if options.json:
        print(archive.as_json(verdict))
    else:
        own = found.service.value.own_name(verdict.candidate) if found.service.value else ""
        called = f"{verdict.candidate} ({own})" if own else verdict.candidate
        print(f"{verdict.decision}  {called} {verdict.version}  {verdict.sentence}")
        for gate in verdict.gates:
            aside = "" if gate.required else " (does not decide)"
            left = f" (about {duration(gate.seconds_left)} left)" if gate.seconds_left else ""
            print(f"  {gate.result:<8} {gate.title}: {gate.reason}{left}{aside}")
    return EXIT[verdict.decision]


def _check_policy(found: Evidence, policy: Policy) -> int:
    trial = found.trial.value
    if trial is None:
        print(f"the traffic is not known: {found.trial.reason}", file=sys.stderr)
        return EXIT[Decision.WAIT]
    stopped, passed = number(policy.alpha, Unit.RATIO), number(policy.pass_alpha, Unit.RATIO)
    print(f"At most {stopped} of healthy releases are stopped by chance, however often anybody looks:")
    print("the comparison with the other track, the limits and the cost share this budget.")
    print(f"At most {passed} of releases at the edge of harm pass a measure.")
    print(f"At the present traffic, within {span(policy.bake)}:")
    for reach in check(trial, policy):
        print(f"  {_reach(reach)}")
    return 0


def _reach(found: Reach) -> str:
    finds = f"finds {number(found.smallest, Unit.RATIO)} bad events" if found.smallest else "finds no harm in that time"
    seconds = found.seconds_to_go
    passes = f"passes in {duration(seconds)}" if seconds is not None else "does not pass in that time"
    needed = found.bad_needed
    needs = f"{needed} bad events on both tracks by comparison" if needed is not None else "never by comparison"
    usual = number(found.share, Unit.RATIO)
    return f"{found.metric}, {usual} on the other track: {finds}; a healthy release {passes} ({needs})"


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+)([smh])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 90s, 15m or 1h")
    return float(int(found[1]) * _UNITS[found[2]])


def _wrong(why: str) -> int:
    print(why, file=sys.stderr)
    return USAGE
