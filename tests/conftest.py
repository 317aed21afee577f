"""The environment that journeys run against: brought up once for all tests, or one that runs already.

TEALDECK_TEST_STATE=DIR names the state of a running one; it is left as it is, which makes a test in writing quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.environment import Environment, an_environment

RUNNING_STATE = "TEALDECK_TEST_STATE"
_MAIN = sys.modules["__main__"]

# A law holds on a busy machine too; how long things take is measured in bench/. `make test` tries each law with a few
# inputs, other ones at each run; `make test-slow` tries it with many (`--hypothesis-profile=thorough`).
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=200)
hypothesis.settings.load_profile("quick")


@pytest.fixture(autouse=True)
def _main_module() -> Iterator[None]:
    """A page that is run for a test takes the main module's place, and child processes of later tests would run it."""
    yield
    sys.modules["__main__"] = _MAIN


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The whole environment with the deck and an empty past, ready. Stopped at the end, unless it was there before."""
    if state := os.environ.get(RUNNING_STATE):
        running = Environment(Path(state).absolute())
        status = running.command("status")
        assert status.returncode == 0, f"{RUNNING_STATE} names {state}: {status.stdout}{status.stderr}"
        yield running
        return
    with an_environment(tmp_path_factory.mktemp("environment") / "state") as made:
        yield made


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs the environment, so that no test can forget to say so."""
    for item in items:
        if "environment" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.alone)
