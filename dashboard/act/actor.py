"""Who acts, as far as it can be known without a login: a name from the environment, and where it comes from."""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from dashboard.model.action import Actor
from dashboard.model.reason import LONGEST_NAME, tidy, visible_length

VARIABLE = "TEALDECK_ACTOR"


def local_actor(variables: Mapping[str, str]) -> Actor:
    """The name in TEALDECK_ACTOR, else the user that this process runs as, else "local user".

    A name that shows nothing on screen is none; where the variable has such a one, `origin` says so.
    """
    given = variables.get(VARIABLE, "")
    if name := _shown(given):
        return Actor(name=name, origin=f"environment variable {VARIABLE}")
    beside = f"; {VARIABLE} is set, but to no visible character" if given else ""
    if name := _shown(_process_user()):
        return Actor(name=name, origin=f"user of the deck's own process; there is no login yet{beside}")
    return Actor(name="local user", origin=f"nobody is logged in{beside}")


def _process_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""  # a container's user id often has no name


def _shown(text: str) -> str:
    name = tidy(text, longest=LONGEST_NAME)
    return name if visible_length(name) else ""
