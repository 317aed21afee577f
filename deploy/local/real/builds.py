"""Where the real servers are: built once from their published modules, and kept in the cache under what they are of.

Kubernetes and etcd are one Go program; Elasticsearch is a folder of jars with a starter. A changed source, version or
lock is another build, so nothing old is ever taken for new. A build appears in the cache whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import CommandError
from deploy.local.layout import REPOSITORY
from deploy.local.programs import cache_folder

SOURCES = REPOSITORY / "tests" / "real"
COMMAND = "python -m deploy.local programs --real"
_GO_MODULES = ("go.mod", "go.sum", "main.go")
_BUILD_SECONDS = 40 * 60.0
_LEAST_JAVA = 21
# Jars that are the transport's own: a module has its own class loader and finds the rest at the server.
_TRANSPORT = ("transport-netty4-", "netty-", "elasticsearch-ssl-config-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One thing to be built: `key` changes with its sources; `missing` says in words which tools are not here."""

    name: str
    sources: Path
    files: tuple[str, ...]
    missing: Callable[[], str]
    make: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        """Where it is once it is built."""
        key = hashlib.sha256(b"\0".join((self.sources / file).read_bytes() for file in self.files)).hexdigest()[:16]
        return cache_folder() / "real" / f"{self.name}-{key}"

    @property
    def is_there(self) -> bool:
        return self.folder.is_dir()

    def ensure(self) -> Path:
        """Its folder, built if need be. Raises CommandError if a tool is missing, or with the last words of one."""
        if self.is_there:
            return self.folder
        if lack := self.missing():
            raise CommandError(f"The real {self.name} is not built, and cannot be here: {lack}.")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self.name}-", dir=self.folder.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            self.make(made)
            try:
                made.rename(self.folder)
            except OSError:
                if not self.is_there:  # else someone else was quicker, which is as good
                    raise
        return self.folder


def java() -> Path | None:
    """The home of a Java that Elasticsearch runs on, with its compiler: JAVA_HOME's, that on PATH, or Debian's."""
    found = shutil.which("java")
    homes = [
        *([Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []),
        *([Path(found).resolve().parents[1]] if found else []),
        *sorted(Path("/usr/lib/jvm").glob("*"), reverse=True),
    ]
    return next((home for home in homes if _java_version(home) >= _LEAST_JAVA and (home / "bin/javac").exists()), None)


def _java_version(home: Path) -> int:
    try:
        stated = re.search(r'^JAVA_VERSION="(\d+)', (home / "release").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(stated[1]) if stated else 0


def _without_go() -> str:
    return "" if shutil.which("go") else "go, which builds Kubernetes and etcd, is not on PATH"


def _without_java() -> str:
    if not shutil.which("mvn"):
        return "mvn, which fetches Elasticsearch's jars, is not on PATH"
    return "" if java() else f"there is no JDK {_LEAST_JAVA} or newer; name one in JAVA_HOME"


def _make_control_plane(target: Path) -> None:
    sources = SOURCES / "kubernetes"
    version = re.search(r"^\tk8s\.io/kubernetes (v1\.(\d+)\.\d+)$", (sources / "go.mod").read_text(), re.MULTILINE)
    if version is None:
        raise CommandError(f"{sources / 'go.mod'} names no version of k8s.io/kubernetes.")
    said = {"gitVersion": version[1], "gitMajor": "1", "gitMinor": version[2], "gitTreeState": "clean"}
    flags = " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in said.items())
    command = ["go", "build", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", str(target / "control-plane"), "."]
    _run(command, sources, {"CGO_ENABLED": "0"})


def _make_elasticsearch(target: Path) -> None:
    sources, home = SOURCES / "elasticsearch", java()
    if home is None:
        raise CommandError(_without_java())
    library, module = target / "lib", target / "modules" / "transport-netty4"
    for folder in (library, module, target / "plugins"):
        folder.mkdir(parents=True)
    fetch = ["mvn", "-B", "-q", "-f", str(sources / "pom.xml"), "dependency:copy-dependencies"]
    _run([*fetch, f"-DoutputDirectory={library}"], target, {"JAVA_HOME": str(home)})
    for jar in [jar for jar in library.iterdir() if jar.name.startswith(_TRANSPORT)]:
        jar.rename(module / jar.name)
    (descriptor,) = module.glob("transport-netty4-*.jar")
    _run([str(home / "bin/jar"), "xf", str(descriptor), "META-INF/es-plugins/transport-netty4"], target, {})
    shutil.copytree(target / "META-INF/es-plugins/transport-netty4", module, dirs_exist_ok=True)
    shutil.rmtree(target / "META-INF")
    for source in ("Starter", "Root"):
        classes = target / ("starter" if source == "Starter" else "modules/root")
        compiler = [str(home / "bin/javac"), "-p", str(library), "--add-modules", "ALL-MODULE-PATH", "-d", str(classes)]
        _run([*compiler, str(sources / f"{source}.java")], target, {})
    root = target / "modules" / "root"
    _run([str(home / "bin/jar"), "cf", "root.jar", "tealdeck"], root, {})
    shutil.rmtree(root / "tealdeck")
    version = descriptor.stem.removeprefix("transport-netty4-")
    properties = (sources / "root.properties").read_text().replace("${elasticsearch.version}", version)
    (root / "plugin-descriptor.properties").write_text(properties)


def _run(command: Sequence[str], folder: Path, more: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **more}, capture_output=True, text=True,
            timeout=_BUILD_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{command[0]} was given up after {_BUILD_SECONDS / 60:.0f} minutes.") from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-12:]
        raise CommandError("\n  ".join([f"{command[0]} failed in {folder}:", *said]))


CONTROL_PLANE = Build(
    name="control-plane",
    sources=SOURCES / "kubernetes",
    files=_GO_MODULES,
    missing=_without_go,
    make=_make_control_plane,
)
ELASTICSEARCH = Build(
    name="elasticsearch",
    sources=SOURCES / "elasticsearch",
    files=("pom.xml", "Starter.java", "Root.java", "root.properties"),
    missing=_without_java,
    make=_make_elasticsearch,
)
BUILDS = (CONTROL_PLANE, ELASTICSEARCH)


def lacking() -> str:
    """Which tools are not here for what is not built yet, in words; empty when all can be built."""
    return "; ".join(lack for build in BUILDS if not build.is_there and (lack := build.missing()))


def require() -> None:
    """Raises CommandError with the command that builds them if one of the real servers is not there."""
    if absent := [build for build in BUILDS if not build.is_there]:
        names = " and ".join(build.name for build in absent)
        raise CommandError(
            f"Not built yet: the real {names}. Build them once, with Go and Maven, in about ten minutes: {COMMAND}"
        )
