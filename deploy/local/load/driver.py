"""Sends requests at a rate, whether or not the answers keep up, and counts what becomes of each.

Open loop: a slow system does not slow the generator, so that a stall shows as waiting requests and not as fewer of
them. Bounded three times: in rate, in requests under way, and to loopback addresses.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from deploy.local.load.summary import Summary

MAX_RATE = 500.0
_MAX_UNDER_WAY = 4096
_STOP_SECONDS = 1.0
_TASK_TYPES = ("support-case", "support-case", "invoice-check", "code-review", "research-brief")
_AGENTS = ("support-triage", "support-triage", "invoice-checker", "code-reviewer", "research-analyst")
SYNTHETIC = {"x-tealdeck-synthetic": "true"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is sent: `orders` one after the other, or, without any, a plain GET that is well when it is answered 200."""

    path: str
    orders: tuple[dict[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


TASKS = Kind("/v1/tasks", tuple({"task_type": task_type} for task_type in _TASK_TYPES))
RUNS = Kind("/v1/runs", tuple({"agent": agent} for agent in _AGENTS), SYNTHETIC)
LOOKS = Kind("/readyz")


class RefusedError(ValueError):
    """The generator will not do that; the message says what and why."""


def check_target(url: str) -> str:
    """The URL without a trailing slash. Raises RefusedError unless it is plain HTTP on a loopback address."""
    parts = urlsplit(url)
    try:
        loopback = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        loopback = False
    if parts.scheme != "http" or not loopback:
        raise RefusedError(f"{url} is refused: load goes to http:// on a loopback address only")
    return url.rstrip("/")


def check_rate(rate: float, max_rate: float = MAX_RATE) -> float:
    """The rate in requests a second. Raises RefusedError outside of what is allowed."""
    if not 0 < rate <= max_rate:
        raise RefusedError(f"a rate of {rate:g}/s is refused: it must be above 0 and at most {max_rate:g}/s")
    return rate


async def drive(
    url: str,
    rate: float,
    duration: float | None = None,
    *,
    kind: Kind = TASKS,
    timeout_seconds: float = 15.0,
    max_rate: float = MAX_RATE,
    seed: int | None = None,
    stop: asyncio.Event | None = None,
    cut: asyncio.Event | None = None,
    summary: Summary | None = None,
) -> Summary:
    """Sends load until the duration is over or `stop` is set, then waits for the answers still due.

    Args:
        url: base address of the gateway for TASKS, of a Service of the agent runtime for RUNS, of any for LOOKS.
        rate: requests a second.
        duration: seconds; None runs until `stop`.
        kind: what is sent: TASKS of users, RUNS marked as synthetic, or LOOKS, which cost next to nothing.
        seed: with the same one the agents do the same things in the same order; None for what chance brings.
        timeout_seconds: after this a request counts as failed.
        cut: ends the waiting too; what is due a moment later counts as cut off.
        summary: where to count, for a caller who wants to watch; a new one by default.

    Returns: the counts of everything that was due. Raises RefusedError for a target or rate that is not allowed.
    """
    target = check_target(url) + kind.path
    check_rate(rate, max_rate)
    counts = summary if summary is not None else Summary()
    bodies = _bodies(kind.orders, seed)
    under_way: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0),
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        headers={"Content-Type": "application/json", **kind.headers},
    ) as session:
        for due in _schedule(rate, duration):
            if await _stopped_before(due, stop):
                break
            counts.sent += 1
            if len(under_way) >= _MAX_UNDER_WAY:
                counts.lost("too_many_under_way")
                continue
            task = asyncio.create_task(_send(session, target, next(bodies), counts))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await _answers(under_way, cut)
        for task in under_way:
            task.cancel()
            counts.lost("cut_off")
    return counts


def _bodies(orders: Sequence[dict[str, str]], seed: int | None) -> Iterator[bytes | None]:
    """What is sent, one after the other, without end; None where there is nothing to order."""
    if not orders:
        return itertools.repeat(None)
    if seed is None:
        return itertools.cycle([orjson.dumps(order) for order in orders])
    numbered = enumerate(itertools.cycle(orders))
    return (orjson.dumps({**order, "seed": f"{seed}-{number}"}) for number, order in numbered)


def _schedule(rate: float, duration: float | None) -> Iterator[float]:
    """When each request is due, on the monotonic clock."""
    start = time.monotonic()
    for number in itertools.count():
        after = number / rate
        if duration is not None and after >= duration:
            return
        yield start + after


async def _stopped_before(due: float, stop: asyncio.Event | None) -> bool:
    """Waits until `due`; true if `stop` was set meanwhile."""
    pause = due - time.monotonic()
    if stop is None:
        await asyncio.sleep(max(0.0, pause))
        return False
    if not stop.is_set() and pause > 0:
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            return False
    return stop.is_set()


async def _answers(under_way: set[asyncio.Task[None]], cut: asyncio.Event | None) -> None:
    """Waits until no answer is due any more, or for a moment only once `cut` is set."""
    if not under_way:
        return
    answered = asyncio.ensure_future(asyncio.wait(under_way))
    cutting = asyncio.ensure_future(cut.wait()) if cut else None
    await asyncio.wait({answered, cutting} if cutting else {answered}, return_when=asyncio.FIRST_COMPLETED)
    if cutting:
        cutting.cancel()
    await asyncio.wait({answered}, timeout=_STOP_SECONDS)
    answered.cancel()


async def _send(session: aiohttp.ClientSession, target: str, body: bytes | None, counts: Summary) -> None:
    started = time.perf_counter()
    try:
        async with session.request("GET" if body is None else "POST", target, data=body) as answer:
            text = await answer.read()
            if answer.status != 200:
                counts.lost(f"http_{answer.status}")
                return
            if body is None:
                counts.answered(time.perf_counter() - started)
                return
            result: dict[str, Any] = orjson.loads(text)
            counts.answered(time.perf_counter() - started, result["outcome"], result["track"])
    except TimeoutError:
        counts.lost("timeout")
    except aiohttp.ClientConnectorError:
        counts.lost("refused")
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        counts.lost("reset")
    except aiohttp.ClientError as error:
        counts.lost(type(error).__name__)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        counts.lost("bad_answer")
