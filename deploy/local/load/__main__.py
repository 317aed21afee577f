"""`python -m deploy.local.load`: main traffic through the gateway, marked synthetic runs to the preview Service, and
looks at the active Service, which cost next to nothing: GET /readyz.

A line a minute on stderr, the whole summary as JSON on stdout at the end. SIGINT ends the sending and waits for the
answers still due; a second one, and SIGTERM, cut them off.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from dataclasses import dataclass, field
from functools import partial

import orjson
import uvloop

from deploy.local.kubeapi import ApiError
from deploy.local.load.driver import LOOKS, MAX_RATE, RUNS, TASKS, Kind, check_rate, check_target, drive
from deploy.local.load.summary import Summary
from deploy.local.load.targets import Targets, find_targets

_LINE_SECONDS = 60.0


@dataclass(slots=True)
class Stream:
    """One kind of traffic: where it goes, how much of it, and what came of it."""

    name: str
    kind: Kind
    url: str
    rate: float
    summary: Summary = field(default_factory=Summary)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if not options.kubeconfig and not _are_given(options):
        return _complain("no targets: give --gateway, --preview and, for looks, --active; or --kubeconfig to find them")
    try:
        for rate in filter(None, (options.rate, options.synthetic_rate, options.look_rate)):
            check_rate(rate, options.max_rate)
        for url in filter(None, (options.gateway, options.preview, options.active)):
            check_target(url)
        streams = uvloop.run(_run(options))
    except (ApiError, ValueError, OSError) as error:
        return _complain(str(error))
    print(orjson.dumps({stream.name: stream.summary.document() for stream in streams}).decode(), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.load", description=__doc__)
    parser.add_argument("--gateway", metavar="URL", help="where tasks go; a loopback address")
    parser.add_argument("--preview", metavar="URL", help="where synthetic runs go; a loopback address")
    parser.add_argument("--active", metavar="URL", help="where looks go; a loopback address")
    parser.add_argument("--kubeconfig", metavar="FILE", help="finds the targets that are not given, as Services")
    parser.add_argument("--namespace", default="agents", help="of those Services (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=12.0, help="tasks a second; 0 for none (default: %(default)s)")
    parser.add_argument(
        "--synthetic-rate", type=float, default=12.0, help="synthetic runs a second; 0 for none (default: %(default)s)"
    )
    parser.add_argument("--look-rate", type=float, default=0.0, help="looks a second (default: none)")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="default: until stopped by a signal")
    parser.add_argument("--seed", type=int, help="the same one makes the agents do the same again (default: chance)")
    parser.add_argument("--max-rate", type=float, default=MAX_RATE, help="refuse more (default: %(default)s)")
    return parser


async def _run(options: argparse.Namespace) -> list[Stream]:
    stop, cut = asyncio.Event(), asyncio.Event()

    def asked_to_stop(*, at_once: bool) -> None:
        if at_once or stop.is_set():
            cut.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        handler = partial(asked_to_stop, at_once=number == signal.SIGTERM)
        asyncio.get_running_loop().add_signal_handler(number, handler)
    targets = await _targets(options, stop)
    if targets is None:
        return []
    streams = [
        Stream("tasks", TASKS, targets.gateway, options.rate),
        Stream("synthetic", RUNS, targets.preview, options.synthetic_rate),
        Stream("looks", LOOKS, targets.active, options.look_rate),
    ]
    reporting = asyncio.ensure_future(_report(streams))
    try:
        await asyncio.gather(
            *(
                drive(
                    stream.url,
                    stream.rate,
                    options.duration,
                    kind=stream.kind,
                    max_rate=options.max_rate,
                    seed=options.seed,
                    stop=stop,
                    cut=cut,
                    summary=stream.summary,
                )
                for stream in streams
                if stream.rate > 0
            )
        )
    finally:
        reporting.cancel()
    return streams


async def _targets(options: argparse.Namespace, stop: asyncio.Event) -> Targets | None:
    """Where to send; None if asked to stop while still looking."""
    if _are_given(options):
        return Targets(options.gateway, options.preview, options.active or "")
    finding = asyncio.ensure_future(find_targets(options.kubeconfig, options.namespace, active=bool(options.look_rate)))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({finding, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not finding.done():
        finding.cancel()
        return None
    found = finding.result()
    return Targets(options.gateway or found.gateway, options.preview or found.preview, options.active or found.active)


def _are_given(options: argparse.Namespace) -> bool:
    """Whether no target has to be looked for."""
    return bool(options.gateway and options.preview and (options.active or not options.look_rate))


async def _report(streams: list[Stream]) -> None:
    while True:
        await asyncio.sleep(_LINE_SECONDS)
        parts = "; ".join(f"{stream.name} {stream.summary.line()}" for stream in streams if stream.rate)
        print(f"info load {parts}", file=sys.stderr, flush=True)


def _complain(message: str) -> int:
    print(f"error load {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
