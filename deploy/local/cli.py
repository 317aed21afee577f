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
    up.add_argument("--no-dashboard", dest="dashboard", action="store_false", help="start without the deck")
    up.add_argument("--dashboard-port", type=_port, metavar="PORT", help="default: 8501, or one that is free")
    up.add_argument("--real", action="store_true", help="on real servers, see tests/real/README.md")
    up.add_argument("--report-to", type=int, help=argparse.SUPPRESS)  # how --detach hears that it is ready

    command("down", _down, "stop the environment")
    status = command("status", _status, "list its processes")
    status.add_argument("--json", action="store_true", help="for programs")

    load = command("load", _load, "change the traffic, or add a burst of it")
    load.add_argument("--rate", type=_rate, help=f"agent tasks a second (burst: {_RATE:g}); 0 stops the traffic")
    load.add_argument("--duration", type=float, metavar="SECONDS", help="add a burst that is this long instead")

    fault = command("fault", _fault, "switch a fault on; `faults` lists them")
    fault.add_argument("name", metavar="NAME")
    fault.add_argument("--track", choices=faults.TRACKS, default="green", help="who has it (default: %(default)s)")
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


def _layout(options: argparse.Namespace) -> Layout:
    return Layout(options.state.expanduser().absolute())


def _up(options: argparse.Namespace) -> None:
    wish = session.Wish(
        layout=_layout(options),
        rate=options.rate,
        dashboard=options.dashboard,
        dashboard_port=options.dashboard_port,
        real=options.real,
        report_to=options.report_to,
    )
    if options.detach:
        session.detach(wish)
        print(session.link(read_json(wish.layout.endpoints)))
        print(f"Stop it: {session.command_line('down', wish.layout)}")
    else:
        session.supervise(wish)


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
        os.chdir(REPOSITORY)
        os.execv(sys.executable, command)  # noqa: S606 - it becomes the generator, so that Ctrl-C reaches it
    if options.rate is None:
        print(f"{read_json(layout.load)['rate']:g} tasks a second.")
    else:
        write_whole(layout.load, {"rate": options.rate})
        os.kill(pid, signal.SIGUSR1)
        print(f"The traffic changes to {options.rate:g} tasks a second.")
    return None


def _fault(options: argparse.Namespace) -> None:
    layout = _layout(options)
    session.require_running(layout)
    faults.inject(layout.faults, options.name, options.track)
    where = "both tracks" if options.track == "both" else options.track
    print(f"{options.name} is on for {where}: {faults.FAULTS[options.name]}.")
    print(f"Heal it: {session.command_line(f'heal {options.name}', layout)}")


def _heal(options: argparse.Namespace) -> None:
    layout = _layout(options)
    session.require_running(layout)
    healed = faults.heal(layout.faults, options.name)
    for fault in healed:
        print(f"{fault['name']} is healed on {fault['track']}.")
    if not healed:
        print("No fault was on." if options.name is None else f"{options.name} was not on.")


def _faults(options: argparse.Namespace) -> None:
    layout = _layout(options)
    on = {fault["name"]: fault for fault in faults.active(layout.faults)} if session.supervisor_pid(layout) else {}
    for name, about in faults.FAULTS.items():
        print(f"{name:<21}{about}" + (f" [on: {on[name]['track']}]" if name in on else ""))


def _programs(options: argparse.Namespace) -> None:
    if options.real:
        for build in builds.BUILDS:
            print(f"{build.name:<14}{build.ensure()}", flush=True)
        return
    found = programs.find()
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        print(f"{name:<14}{getattr(found, name)}")
