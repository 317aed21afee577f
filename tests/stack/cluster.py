"""kubectl against the environment, and a namespace of pods that a test may hurt."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cluster:
    """One namespace of the environment's cluster, by kubectl."""

    kubeconfig: str
    namespace: str

    def command(self, *arguments: str) -> list[str]:
        return ["kubectl", "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, *arguments]

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Whatever comes of it."""
        return subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What it prints; a failure fails the test."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def lines(self, *arguments: str) -> Iterator[Callable[[], str]]:
        """The next line of a command that goes on; an empty one when none has come for long."""
        command = ["timeout", "40", *self.command(*arguments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as going:
            assert going.stdout is not None
            yield going.stdout.readline
            going.terminate()

    def apply(self, *objects: Json) -> str:
        return self("apply", "-f", "-", stdin="\n".join(map(json.dumps, objects)))

    def get(self, *arguments: str) -> Json:
        found: Json = json.loads(self("get", *arguments, "-o", "json"))
        return found

    def pods(self, selector: str = "") -> list[Json]:
        """Those that are not on their way out, oldest first."""
        found = self.get("pods", "-l", selector)["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
