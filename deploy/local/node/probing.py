"""Probes: one question to a container, asked over its address, and the loop that counts answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.node.manifest import Probe, port_number
from deploy.local.processes import spawn, stop

_LONGEST_ANSWER = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where probes and hooks of a container go: its address, and what its commands run with."""

    address: str
    container: Mapping[str, Any]
    environment: Mapping[str, str]
    folder: Any


async def ask(target: Target, handler: Mapping[str, Any], timeout_seconds: float) -> str:
    """Runs one handler of a probe or hook; the reason for a failure, empty when it went well."""
    try:
        async with asyncio.timeout(timeout_seconds):
            if "httpGet" in handler:
                return await _http(target, handler["httpGet"])
            if "exec" in handler:
                return await _command(target, handler["exec"]["command"])
    except TimeoutError:
        return f"no answer within {timeout_seconds:g} s"
    except OSError as error:
        return str(error.strerror or error)
    return f"no handler that this node knows: {', '.join(handler)}"


async def keep_asking(target: Target, probe: Probe, tell: Callable[[bool, str], None], *, until_success: bool) -> None:
    """Asks at the probe's period and tells a verdict each time the count of equal answers reaches its threshold."""
    await asyncio.sleep(probe.delay_seconds)
    count, last = 0, None
    while True:
        reason = await ask(target, probe.handler, probe.timeout_seconds)
        good = not reason
        count = count + 1 if good is last else 1
        last = good
        if count >= (probe.successes if good else probe.failures):
            tell(good, reason)
            if good and until_success:
                return
        await asyncio.sleep(probe.period_seconds)


async def _http(target: Target, get: Mapping[str, Any]) -> str:
    port = port_number(target.container, get["port"])
    reader, writer = await asyncio.open_connection(get.get("host") or target.address, port)
    try:
        headers = "".join(f"{one['name']}: {one['value']}\r\n" for one in get.get("httpHeaders", []))
        host = f"{target.address}:{port}"
        writer.write(
            f"GET {get.get('path', '/')} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kube-probe/1.0\r\n"
            f"Accept: */*\r\n{headers}Connection: close\r\n\r\n".encode()
        )
        line = await reader.readline()
        parts = line.split(b" ", 2)
        if len(parts) < 2 or not parts[1].isdigit():
            return "the answer is not HTTP"
        status = int(parts[1])
        with contextlib.suppress(ConnectionError):
            await reader.read(_LONGEST_ANSWER)
        return "" if 200 <= status < 400 else f"HTTP probe failed with status code {status}"
    finally:
        writer.close()


async def _command(target: Target, words: list[str]) -> str:
    process = await spawn(
        words, output=asyncio.subprocess.DEVNULL, folder=target.folder, environment=target.environment
    )
    try:
        code = await process.wait()
    finally:
        await stop(process, 0.5)
    return "" if code == 0 else f"the command ended with exit code {code}"
