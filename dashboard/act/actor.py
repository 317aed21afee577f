"""Who acts, as far as it can be known without a login: a name from the environment, and where it comes from."""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from dashboard.model.action import Actor
from dashboard.model.reason import LONGEST_NAME, tidy

VARIABLE = "TEALDECK_ACTOR"


def local_actor(variables: Mapping[str, str]) -> Actor:
    """The name in TEALDECK_ACTOR, else the user that this process runs as, else "local user"."""
    if name := variables.get(VARIABLE, "").strip():
        return Actor(name=tidy(name, longest=LONGEST_NAME), origin=f"environment variable {VARIABLE}")
    try:
        return Actor(name=getpass.getuser(), origin="user of the deck's own process; there is no login yet")
    except (OSError, KeyError):
        # A container's user id often has no name.
        return Actor(name="local user", origin="nobody is logged in")
