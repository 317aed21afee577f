"""What the deck takes while fifty people look around in it for ten minutes: memory, threads and open files stay flat.

How long a fresh session and a refresh take is printed beside the cores that the deck used; `--same` lets all look at
the live pages as they are, as an on-call team does.

Each viewer is a browser session without a browser: it opens a page with a random legal period and filter, lets the page
refresh itself, and goes on to another. Periods are live ranges and fixed ones of a minute to a month within the last
year, so hardly two questions are the same and the bounds of the cache are reached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from bench.environment import dashboard, running
from dashboard.app import NAVIGATION
from dashboard.model.view import RANGES

PAGES = tuple(entry.path for entry in NAVIGATION)
BROKEN = b"This part of the page failed"
# The process has its libraries, its connections and a full cache by then.
WARM_SHARE = 0.4
MOST_GROWTH = 0.10
_EVERY = 5.0  # seconds between two samples


@dataclass(slots=True)
class Seen:
    """What the viewers met."""

    runs: Counter[str] = field(default_factory=Counter)
    fresh: list[float] = field(default_factory=list)  # seconds of a page in a new session
    again: list[float] = field(default_factory=list)  # seconds of a refresh
    broken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The process at one moment."""

    mib: float
    threads: int
    files: int
    cpu_seconds: float


def main(arguments: Sequence[str]) -> int:
    """Prints memory over time and its growth after warm-up; 1 where that is over the limit or a page broke."""
    parser = argparse.ArgumentParser(prog="python -m bench.viewers", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".local"), help="state of a running environment")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--pause", type=float, default=15.0, help="mean seconds between two looks of a viewer")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--same", action="store_true", help="all look at the live pages as they are, without filters")
    parser.add_argument("--deck", nargs=2, metavar=("URL", "PID"), help="measure this deck, not the environment's own")
    options = parser.parse_args(arguments)
    with running(options.state) as state:
        processes = json.loads((state / "processes.json").read_text(encoding="utf-8"))
        pid = next(one["pid"] for one in processes if one["name"] == "dashboard")
        address, pid = (options.deck[0], int(options.deck[1])) if options.deck else (dashboard(state), pid)
        seen, samples = asyncio.run(_look(address, psutil.Process(pid), options))
    return _report(seen, samples)


async def _look(address: str, deck: psutil.Process, options: argparse.Namespace) -> tuple[Seen, list[Sample]]:
    seen, end = Seen(), time.monotonic() + 60 * options.minutes
    async with aiohttp.ClientSession() as client:
        viewers = [
            asyncio.create_task(_viewer(client, address, random.Random(f"{options.seed}-{n}"), end, options, seen))
            for n in range(options.viewers)
        ]
        samples = []
        while time.monotonic() < end:
            await asyncio.sleep(_EVERY)
            samples.append(_sample(deck))
            if len(samples) % 12 == 0:
                print(f"{len(samples) / 12:4.0f} min {samples[-1]} {sum(seen.runs.values())} runs", flush=True)
        await asyncio.gather(*viewers)
    return seen, samples


def _sample(deck: psutil.Process) -> Sample:
    used = deck.cpu_times()
    return Sample(
        mib=deck.memory_info().rss / 2**20,
        threads=deck.num_threads(),
        files=deck.num_fds(),
        cpu_seconds=used.user + used.system,
    )


async def _viewer(
    client: aiohttp.ClientSession,
    address: str,
    dice: random.Random,
    end: float,
    options: argparse.Namespace,
    seen: Seen,
) -> None:
    pause = options.pause
    await asyncio.sleep(dice.uniform(0, pause))
    while time.monotonic() < end:
        await _session(client, address, dice, end, options, seen)


async def _session(
    client: aiohttp.ClientSession,
    address: str,
    dice: random.Random,
    end: float,
    options: argparse.Namespace,
    seen: Seen,
) -> None:
    """A browser tab: a page, its refreshes, then some more pages."""
    pause = options.pause
    url = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with client.ws_connect(url, protocols=("streamlit",), origin=address, max_msg_size=0) as socket:
        tab = Tab(socket, seen)
        reading = asyncio.create_task(tab.read())
        for visit in range(3):
            if time.monotonic() > end:
                break
            page, query = dice.choice(PAGES), "" if options.same else urlencode(_query(dice))
            kind = seen.again if visit else seen.fresh
            fragments = await tab.run(ClientState(query_string=query, page_name=page), page, kind)
            for _ in range(8 if options.same else dice.randrange(3)):
                if time.monotonic() > end:
                    break
                await asyncio.sleep(dice.uniform(0.5, 1.5) * pause)
                for fragment in fragments:
                    again = ClientState(query_string=query, fragment_id=fragment, is_auto_rerun=True)
                    await tab.run(again, f"{page} again", seen.again)
            await asyncio.sleep(dice.uniform(0.5, 1.5) * pause)
        reading.cancel()


class Tab:
    """One browser tab's connection. It reads all the time, as browsers do: who does not answer pings is put out."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, seen: Seen) -> None:
        self._socket = socket
        self._seen = seen
        self._finished = asyncio.Event()
        self._fragments: set[str] = set()

    async def read(self) -> None:
        """Takes what the server sends, until it hangs up."""
        async for received in self._socket:
            self._seen.broken += BROKEN in received.data
            message = ForwardMsg.FromString(received.data)
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                self._fragments.add(message.auto_rerun.fragment_id)
            if kind == "script_finished":
                self._finished.set()

    async def run(self, state: ClientState, name: str, kind: list[float]) -> set[str]:
        """One run of the script to its end; the fragments that refresh themselves from then on."""
        began = time.monotonic()
        self._finished.clear()
        self._fragments.clear()
        await self._socket.send_bytes(BackMsg(rerun_script=state).SerializeToString())
        await asyncio.wait_for(self._finished.wait(), 300.0)
        self._seen.runs[name] += 1
        kind.append(time.monotonic() - began)
        return set(self._fragments)


def _query(dice: random.Random) -> dict[str, str]:
    """A legal period and perhaps a filter."""
    found = {"track": dice.choice(("", "", "blue", "green")), "service": dice.choice(("", "agent-runtime"))}
    if dice.random() < 0.4:
        return found | {"range": dice.choice(list(RANGES))}
    length = timedelta(seconds=60 * (30 * 24 * 60) ** dice.random())
    last = datetime.now(UTC) - timedelta(days=365) * dice.random() ** 3
    return found | {name: at.strftime("%Y-%m-%dT%H:%M:%SZ") for name, at in (("from", last - length), ("to", last))}


def _report(seen: Seen, samples: Sequence[Sample]) -> int:
    warm = samples[int(len(samples) * WARM_SHARE) :]
    first, last = warm[: max(1, len(warm) // 4)], warm[-max(1, len(warm) // 4) :]
    growth = statistics.mean(s.mib for s in last) / statistics.mean(s.mib for s in first) - 1
    print(f"runs of the script: {sum(seen.runs.values())}")
    for name, seconds in (("a fresh session", seen.fresh), ("a refresh, or a page by link", seen.again)):
        if len(seconds) > 1:
            p95 = statistics.quantiles(seconds, n=20)[-1]
            print(f"  {name:<30}p50 {statistics.median(seconds):.2f} s, p95 {p95:.2f} s")
    used, took = samples[-1].cpu_seconds - samples[0].cpu_seconds, _EVERY * (len(samples) - 1)
    print(f"cores: {used / took:.2f}")
    for name, count in sorted(seen.runs.items()):
        print(f"  {name:<18}{count:>6}")
    print(f"memory: {samples[0].mib:.0f} MiB at the start, {first[0].mib:.0f} warm, {samples[-1].mib:.0f} at the end")
    print(f"growth after warm-up: {growth:+.1%} (limit {MOST_GROWTH:.0%})")
    print(f"threads: {first[0].threads} warm, {max(s.threads for s in last)} at the end")
    print(f"open files: {first[0].files} warm, {max(s.files for s in last)} at the end")
    print(f"parts of pages that failed: {seen.broken}")
    return int(growth > MOST_GROWTH or seen.broken > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
