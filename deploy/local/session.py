"""One run of the environment: in the foreground or detached, at most one for a state folder, and its end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.local import configuration, faults, formats, ports, programs
from deploy.local.children import Child, children, history
from deploy.local.errors import CommandError
from deploy.local.layout import REPOSITORY, Layout, read_json, write_whole
from deploy.local.real import builds
from deploy.local.real.environment import on_real_servers

_STOP_SECONDS = 20.0
_ATTEMPTS = 5
_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What `up` was asked for.

    Attributes:
        history_days: how much past a state gets that has none; 0 for none.
        real: wants the real Kubernetes and Elasticsearch instead of the stand-ins.
        report_to: the descriptor on which a detached one says that it is ready.
    """

    layout: Layout
    rate: float
    dashboard: bool
    dashboard_port: int | None
    history_days: int
    real: bool = False
    report_to: int | None = None
    seed: int | None = None


def supervise(options: UpOptions) -> None:
    """Runs the environment until it is asked to stop. Raises CommandError if it cannot start or did not last."""
    import asyncio  # late, as what it needs: the other commands answer quicker without

    from deploy.local.supervisor import Supervisor

    started = time.monotonic()

    def on_ready(endpoints: dict[str, str]) -> None:
        print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)
        if options.report_to is None:
            print(f"\n  {link(endpoints)}\n\nCtrl-C stops everything.", flush=True)
        else:
            os.write(options.report_to, b"ready")
            os.close(options.report_to)

    layout = options.layout
    if options.real:
        builds.require()
    layout.prepare()
    with _only_one(layout):
        for part in () if options.real else formats.FORMATS:
            formats.check(layout.root / part, part)
        found = programs.find()
        addresses = ports.take(layout, options.dashboard_port)
        try:
            _clear_last_run(layout, options)
            configuration.write_all(layout, addresses, dashboard=options.dashboard)
            print(f"Starting a governed agent system and its deck in {layout.root} ...", flush=True)
            parts = children(layout, addresses, found, dashboard=options.dashboard)
            if options.real:
                parts = on_real_servers(parts, layout, addresses)
            job = _history(options, addresses, found)
            asyncio.run(Supervisor(layout, addresses, parts, on_ready, job).run())
        except OSError as error:
            raise CommandError(f"{error.filename or layout.root}: {error.strerror}.") from error
        finally:
            addresses.lock.close()
    print("Stopped.", flush=True)


def detach(options: UpOptions) -> None:
    """Starts the environment on its own and returns when it is ready. Raises CommandError with what it said if not."""
    if options.real:
        builds.require()
    options.layout.prepare()
    refuse_second(options.layout)
    reading, writing = os.pipe()
    command = [
        sys.executable,
        "-m",
        "deploy.local",
        "up",
        "--state",
        str(options.layout.root),
        f"--rate={options.rate:g}",
    ]
    command += [] if options.seed is None else [f"--seed={options.seed}"]
    command += [] if options.dashboard else ["--no-dashboard"]
    command += [] if options.dashboard_port is None else [f"--dashboard-port={options.dashboard_port}"]
    command += [f"--history={options.history_days}"] if options.history_days else ["--no-history"]
    command += ["--real"] if options.real else []
    command += [f"--report-to={writing}"]
    with options.layout.log("supervisor").open("wb") as log:
        supervisor = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, pass_fds=[writing],
        )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as report:
            ready = report.read()  # until it is ready or gone: the kernel closes the other end in both cases
    except BaseException:
        supervisor.terminate()
        supervisor.wait()
        raise
    if not ready:
        supervisor.wait()
        said = options.layout.log("supervisor").read_text(errors="replace").splitlines()
        raise CommandError("\n".join(line for line in said if not line.startswith("Starting")) or "It ended silently.")


def down(layout: Layout) -> bool:
    """Stops the environment and waits until all of it is gone; False if none ran."""
    pid = supervisor_pid(layout)
    if pid is None:
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    while supervisor_pid(layout) == pid:
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # its children die with it
        time.sleep(0.05)
    return True


def supervisor_pid(layout: Layout) -> int | None:
    """The pid of the supervisor of this state; None if there is none. The kernel lets go of the lock when it dies."""
    try:
        with layout.lock.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read() or 0) or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{layout.lock} cannot be read ({error.strerror}).") from error
    return None


def refuse_second(layout: Layout) -> None:
    """Raises CommandError with the way to the environment that runs already, if one does."""
    if supervisor_pid(layout) is not None:
        raise _already_running(layout)


def require_running(layout: Layout) -> int:
    """The pid of the supervisor. Raises CommandError if none runs."""
    pid = supervisor_pid(layout)
    if pid is None:
        raise CommandError(f"No environment runs in {layout.root}. Start one: {command_line('up', layout)}")
    return pid


def link(endpoints: dict[str, str]) -> str:
    """The one line that says where to go."""
    return f"Tealdeck: {endpoints['dashboard']}" if endpoints["dashboard"] else f"Prometheus: {endpoints['prometheus']}"


def command_line(command: str, layout: Layout) -> str:
    """How a person types a command for this state."""
    return f"python -m deploy.local {command} --state {layout.root}"


@contextlib.contextmanager
def _only_one(layout: Layout) -> Iterator[None]:
    with layout.lock.open("a+") as lock:
        for attempt in range(_ATTEMPTS):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == _ATTEMPTS - 1:
                    raise _already_running(layout) from None
                time.sleep(0.02)  # someone may only be looking whether it is held
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _already_running(layout: Layout) -> CommandError:
    endpoints = read_json(layout.endpoints)
    where = f" {link(endpoints)}" if endpoints else " It is still starting."
    return CommandError(f"It runs already in {layout.root}.{where}\nStop it: {command_line('down', layout)}")


def _clear_last_run(layout: Layout, options: UpOptions) -> None:
    """What only holds for a run: none of its faults, the load that was asked for, nothing of a run that was killed."""
    for file in (layout.endpoints, layout.processes):
        file.unlink(missing_ok=True)
    faults.clear_last_run(layout.faults)
    write_whole(layout.load, {"rate": options.rate, "seed": options.seed})


def _history(options: UpOptions, addresses: ports.Addresses, found: programs.Programs) -> Child | None:
    """What gives the state its past. A past ends where a state begins: one that has metrics keeps those that it has."""
    layout = options.layout
    if not options.history_days:
        return None
    if not layout.metrics.exists():
        end = int(time.time()) // 60 * 60
        write_whole(layout.history, {"days": options.history_days, "end": end, "seed": _SEED, "done": []})
    known = read_json(layout.history)
    return history(layout, addresses, found) if known and set(known["done"]) < {"metrics", "documents"} else None
