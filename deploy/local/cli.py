"""The commands of the one-machine environment: what may be said, and who does it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local import faults, programs, session
from deploy.local.errors import CommandError
from deploy.local.layout import REPOSITORY, Layout, read_json, write_whole
from deploy.local.real import builds

_RATE = 12.0
_DAYS = 14


def main(arguments: Sequence[str]) -> int:
    """Runs one command; 0 if it did what was asked, 1 with one message if not."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains at its end
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local",
        description="A governed agent system with everything that watches it, on this machine alone. "
        "For trying, developing and testing; never for production.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int | None], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about.capitalize() + ".")
        added.set_defaults(run=run)
        if name != "programs":
            added.add_argument("--state", type=Path, default=Path(".local"), metavar="DIR", help="default: .local")
        return added

    up = command("up", _up, "start the environment; Ctrl-C stops it")
    up.add_argument("--detach", action="store_true", help="return when it is ready, and leave it running")
    up.add_argument("--rate", type=_rate, default=_RATE, help="agent tasks a second (default: %(default)g)")
    up.add_argument("--no-load", dest="rate", action="store_const", const=0.0, help="start without traffic")
    up.add_argument("--seed", type=int, help="the same one makes the agents do the same again (default: chance)")
    up.add_argument("--no-dashboard", dest="dashboard", action="store_false", help="start without the deck")
    up.add_argument("--dashboard-port", type=_port, metavar="PORT", help="default: 8501, or one that is free")
    up.add_argument("--history", type=_days, default=_DAYS, metavar="DAYS",
                    help="the past that a new state gets, in the background (default: %(default)s)")  # fmt: skip
    up.add_argument("--no-history", dest="history", action="store_const", const=0, help="begin with an empty past")
    up.add_argument("--real", action="store_true", help="on real servers, see tests/real/README.md")
    up.add_argument("--report-to", type=int, help=argparse.SUPPRESS)  # how --detach hears that it is ready

    command("down", _down, "stop the environment")
    status = command("status", _status, "list its processes")
    status.add_argument("--json", action="store_true", help="for programs")

    load = command("load", _load, "change the traffic, or add a burst of it")
    load.add_argument("--rate", type=_rate, help=f"agent tasks a second (burst: {_RATE:g}); 0 stops the traffic")
    load.add_argument("--seed", type=int, help="the same one makes the agents do the same again (default: chance)")
    load.add_argument("--duration", type=float, metavar="SECONDS", help="add a burst that is this long instead")

    fault = command("fault", _fault, "switch a fault on; `faults` lists them")
    fault.add_argument("name", metavar="NAME")
    fault.add_argument("--track", choices=faults.TRACKS, help="which track has it (default: green)")
    fault.add_argument("--source", choices=faults.SOURCES, help="which source has it")
    fault.add_argument("--how", metavar="WAY", help="for a fault that comes in several ways")
    heal = command("heal", _heal, "switch a fault off, or all")
    heal.add_argument("name", metavar="NAME", nargs="?")
    command("faults", _faults, "list the faults and which are on")
    found = command("programs", _programs, "find or fetch Prometheus and Alertmanager")
    found.add_argument("--real", action="store_true", help="build the real Kubernetes and Elasticsearch instead")
    return parser


def _rate(text: str) -> float:
    from deploy.local.load.driver import RefusedError, check_rate

    try:
        rate = float(text)
        return check_rate(rate) if rate else 0.0
    except (ValueError, RefusedError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(text: str) -> int:
    if not (text.isdecimal() and 1024 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is no port between 1024 and 65535")
    return int(text)


def _days(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _DAYS):
        raise argparse.ArgumentTypeError(f"{text} is no number of days between 1 and {_DAYS}")
    return int(text)


def _layout(options: argparse.Namespace) -> Layout:
    return Layout(options.state.expanduser().absolute())


def _up(options: argparse.Namespace) -> None:
    request = session.UpOptions(
        layout=_layout(options),
        rate=options.rate,
        dashboard=options.dashboard,
        dashboard_port=options.dashboard_port,
        history_days=options.history,
        real=options.real,
        report_to=options.report_to,
        seed=options.seed,
    )
    if options.detach:
        session.detach(request)
        print(session.link(read_json(request.layout.endpoints)))
        print(f"Stop it: {session.command_line('down', request.layout)}")
    else:
        session.supervise(request)


def _down(options: argparse.Namespace) -> None:
    layout = _layout(options)
    print("Stopped." if session.down(layout) else f"No environment runs in {layout.root}.")


def _status(options: argparse.Namespace) -> int:
    from deploy.local import status

    layout = _layout(options)
    session.require_running(layout)
    processes = status.processes(layout)
    endpoints = read_json(layout.endpoints)
    if options.json:
        print(json.dumps({"ready": bool(endpoints), "endpoints": endpoints, "processes": processes}, indent=2))
    else:
        print(status.table(processes))
        print(session.link(endpoints) if endpoints else "Not ready yet.")
    return 0 if endpoints and all(process["healthy"] for process in processes) else 1


def _load(options: argparse.Namespace) -> int | None:
    layout = _layout(options)
    pid = session.require_running(layout)
    if options.duration is not None:
        rate = _RATE if options.rate is None else options.rate
        command = [sys.executable, "-m", "deploy.local.load", "--kubeconfig", str(layout.kubeconfig)]
        command += [f"--rate={rate:g}", "--synthetic-rate=0", f"--duration={options.duration:g}"]
        command += [] if options.seed is None else [f"--seed={options.seed}"]
        os.chdir(REPOSITORY)
        os.execv(sys.executable, command)  # noqa: S606 - it becomes the generator, so that Ctrl-C reaches it
    if options.rate is None:
        print(f"{read_json(layout.load)['rate']:g} tasks a second.")
    else:
        write_whole(layout.load, {"rate": options.rate, "seed": options.seed})
        os.kill(pid, signal.SIGUSR1)
        print(f"The traffic changes to {options.rate:g} tasks a second.")
    return None


def _fault(options: argparse.Namespace) -> None:
    from deploy.local import cluster_faults

    layout = _layout(options)
    session.require_running(layout)
    fault = faults.choose(options.name, track=options.track, source=options.source, how=options.how)
    cluster_faults.begin(layout, fault)
    faults.inject(layout.faults, fault)
    where = faults.where(fault)
    print(f"{options.name} is on{f' for {where}' if where else ''}: {faults.FAULTS[options.name].about}.")
    print(f"It shows in {faults.FAULTS[options.name].shows}.")
    print(f"Heal it: {session.command_line(f'heal {options.name}', layout)}")


def _heal(options: argparse.Namespace) -> None:
    from deploy.local import cluster_faults

    layout = _layout(options)
    session.require_running(layout)
    healed = faults.heal(layout.faults, options.name)
    for fault in healed:
        try:
            cluster_faults.end(layout, fault)
        except CommandError:
            faults.inject(layout.faults, fault)
            raise
        where = faults.where(fault)
        print(f"{fault['name']} is healed{f' on {where}' if where else ''}.")
    if not healed:
        print("No fault was on." if options.name is None else f"{options.name} was not on.")


def _faults(options: argparse.Namespace) -> None:
    layout = _layout(options)
    present = faults.active(layout.faults) if session.supervisor_pid(layout) else []
    for name, kind in faults.FAULTS.items():
        on = [faults.where(fault) or "on" for fault in present if fault["name"] == name]
        print(f"{name:<22}{kind.about}" + (f" [on: {'; '.join(on)}]" if on else ""))
        print(f"{'':<22}  {kind.shows}")


def _programs(options: argparse.Namespace) -> None:
    if options.real:
        for build in builds.BUILDS:
            print(f"{build.name:<14}{build.ensure()}", flush=True)
        return
    found = programs.find()
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        print(f"{name:<14}{getattr(found, name)}")
