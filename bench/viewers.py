"""What the deck takes while fifty people look around in it for ten minutes: memory, threads and open files stay flat.

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


@dataclass(slots=True)
class Seen:
    """What the viewers met."""

    runs: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The process at one moment."""

    mib: float
    threads: int
    files: int


def main(arguments: Sequence[str]) -> int:
    """Prints memory over time and its growth after warm-up; 1 where that is over the limit or a page broke."""
    parser = argparse.ArgumentParser(prog="python -m bench.viewers", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".local"), help="state of a running environment")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--pause", type=float, default=15.0, help="mean seconds between two looks of a viewer")
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args(arguments)
    with running(options.state) as state:
        processes = json.loads((state / "processes.json").read_text(encoding="utf-8"))
        deck = psutil.Process(next(one["pid"] for one in processes if one["name"] == "dashboard"))
        seen, samples = asyncio.run(_look(dashboard(state), deck, options))
    return _report(seen, samples)


async def _look(address: str, deck: psutil.Process, options: argparse.Namespace) -> tuple[Seen, list[Sample]]:
    seen, end = Seen(), time.monotonic() + 60 * options.minutes
    async with aiohttp.ClientSession() as client:
        viewers = [
            asyncio.create_task(
                _viewer(client, address, random.Random(f"{options.seed}-{n}"), end, options.pause, seen)
            )
            for n in range(options.viewers)
        ]
        samples = []
        while time.monotonic() < end:
            await asyncio.sleep(5.0)
            samples.append(Sample(mib=deck.memory_info().rss / 2**20, threads=deck.num_threads(), files=deck.num_fds()))
            if len(samples) % 12 == 0:
                print(f"{len(samples) / 12:4.0f} min {samples[-1]} {sum(seen.runs.values())} runs", flush=True)
        await asyncio.gather(*viewers)
    return seen, samples


async def _viewer(
    client: aiohttp.ClientSession, address: str, dice: random.Random, end: float, pause: float, seen: Seen
) -> None:
    await asyncio.sleep(dice.uniform(0, pause))
    url = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with client.ws_connect(url, protocols=("streamlit",), origin=address, max_msg_size=0) as socket:
        tab = Tab(socket, seen)
        reading = asyncio.create_task(tab.read())
        while time.monotonic() < end:
            page, query = dice.choice(PAGES), urlencode(_query(dice))
            fragments = await tab.run(ClientState(query_string=query, page_name=page), page)
            for _ in range(dice.randrange(3)):
                await asyncio.sleep(dice.uniform(0.5, 1.5) * pause)
                for fragment in fragments:
                    again = ClientState(query_string=query, fragment_id=fragment, is_auto_rerun=True)
                    await tab.run(again, f"{page} again")
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

    async def run(self, state: ClientState, name: str) -> set[str]:
        """One run of the script to its end; the fragments that refresh themselves from then on."""
        began = time.monotonic()
        self._finished.clear()
        self._fragments.clear()
        await self._socket.send_bytes(BackMsg(rerun_script=state).SerializeToString())
        await asyncio.wait_for(self._finished.wait(), 120.0)
        self._seen.runs[name] += 1
        self._seen.seconds.append(time.monotonic() - began)
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
    print(f"runs of the script: {sum(seen.runs.values())}, median {statistics.median(seen.seconds):.2f} s")
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
