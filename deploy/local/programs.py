"""Where Prometheus and Alertmanager are: named by a setting, on PATH, in the cache, or fetched from Debian into it.

Fetching needs no root: the packages are unpacked into the cache and nothing is installed. Debian's Alertmanager reads
its notification templates from a fixed system path, which then does not exist; the unpacked copy reads them from its
working directory instead, so it is to be started in the folder where it lies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import CommandError

_PACKAGES = ("prometheus", "prometheus-alertmanager")
_TEMPLATES = b"/usr/share/prometheus/alertmanager"
# Of the same length, since a string in a binary cannot grow; "././." and so on is the working directory.
_TEMPLATES_HERE = b"./" * (len(_TEMPLATES) // 2)
_ADVICE = (
    "Install Prometheus and Alertmanager so that prometheus, promtool, alertmanager and amtool are on PATH, "
    "or name the two servers in TEALDECK_PROMETHEUS and TEALDECK_ALERTMANAGER (each with its tool beside it)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Absolute paths of the programs that are not ours."""

    prometheus: Path
    promtool: Path
    alertmanager: Path
    amtool: Path


def find() -> Programs:
    """The four programs, fetched if need be; the settings win over PATH, PATH over the cache.

    Raises CommandError if a setting names no program, or if they are not there and cannot be fetched.
    """
    prometheus = _present("TEALDECK_PROMETHEUS", ("prometheus",))
    alertmanager = _present("TEALDECK_ALERTMANAGER", ("alertmanager", "prometheus-alertmanager"))
    if prometheus is None or alertmanager is None:
        fetched = _fetched()
        prometheus = prometheus or fetched / "prometheus"
        alertmanager = alertmanager or fetched / "prometheus-alertmanager"
    return Programs(
        prometheus=prometheus,
        promtool=_beside(prometheus, "promtool"),
        alertmanager=alertmanager,
        amtool=_beside(alertmanager, "amtool"),
    )


def _present(setting: str, names: Sequence[str]) -> Path | None:
    """The program that the environment variable names, else the first of `names` on PATH."""
    if named := os.environ.get(setting):
        found = shutil.which(named)
        if found is None:
            raise CommandError(f"{setting} names {named}, which is no program that can be started here.")
        return Path(found).absolute()
    return next((Path(found).absolute() for name in names if (found := shutil.which(name))), None)


def _beside(server: Path, tool: str) -> Path:
    found = shutil.which(tool, path=str(server.parent)) or shutil.which(tool)
    if found is None:
        raise CommandError(f"{tool} is neither beside {server} nor on PATH. {_ADVICE}")
    return Path(found).absolute()


def cache_folder() -> Path:
    """Where programs that are not ours are kept between runs and checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tealdeck" / "programs"


def _fetched() -> Path:
    """The cached folder with the four programs. A folder appears there whole or not at all."""
    cache = cache_folder()
    if complete := sorted(cache.glob("prometheus_*"), key=lambda folder: folder.stat().st_mtime):
        return complete[-1]
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise CommandError(
            f"Prometheus and Alertmanager are missing, and this is no Debian to fetch them from. {_ADVICE}"
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as scratch:
            return _fetch_into(cache, Path(scratch))
    except OSError as error:
        raise CommandError(f"The cache {cache} cannot be written ({error.strerror}). Set XDG_CACHE_HOME.") from error


def _fetch_into(cache: Path, scratch: Path) -> Path:
    packages = _download(scratch)
    for package in packages:
        _run(["dpkg-deb", "-x", str(package), "unpacked"], scratch)
    programs = scratch / "unpacked" / "usr" / "bin"
    templates = scratch / "unpacked" / "usr" / "share" / "prometheus" / "alertmanager"
    if templates.is_dir():
        shutil.copytree(templates, programs, dirs_exist_ok=True)
    server = programs / "prometheus-alertmanager"
    server.write_bytes(server.read_bytes().replace(_TEMPLATES, _TEMPLATES_HERE))
    for program in ("prometheus", "promtool", "prometheus-alertmanager", "amtool"):
        _run([str(programs / program), "--version"], scratch)
    target = cache / "_".join(package.stem for package in packages)
    try:
        programs.rename(target)
    except OSError:
        if not target.is_dir():  # else someone else was quicker, which is as good
            raise
    return target


def _download(scratch: Path) -> list[Path]:
    """Downloads the packages into the folder; where apt's own lists are missing or old, with fresh lists of its own."""
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]  # the _apt user may not write into the cache
    try:
        _run([*command, "download", *_PACKAGES], scratch)
    except CommandError:
        for folder in ("lists/partial", "archives/partial"):
            (scratch / folder).mkdir(parents=True)
        command += ["-o", f"Dir::State::Lists={scratch / 'lists'}", "-o", f"Dir::Cache={scratch}"]
        _run([*command, "update"], scratch)
        _run([*command, "download", *_PACKAGES], scratch)
    return sorted(scratch.glob("*.deb"), reverse=True)


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise CommandError(
            f"Prometheus and Alertmanager could not be fetched: {' '.join(command[:1])}: {said}. {_ADVICE}"
        )
