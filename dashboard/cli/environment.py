"""Which environment a command is about: the two arguments that every command has."""

from __future__ import annotations

import argparse

from dashboard.settings import EnvironmentSettings, SettingsError, load


def add(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--environment", metavar="NAME", default="", help="default: the settings' own")
    parser.add_argument("--settings", metavar="FILE", help="default: $TEALDECK_SETTINGS, else ./tealdeck.toml")


def chosen(options: argparse.Namespace) -> EnvironmentSettings:
    """The settings of that environment. Raises SettingsError if they cannot be used, or there is none of that name."""
    settings = load(options.settings)
    name = options.environment or settings.default_environment
    if name not in settings.environments:
        raise SettingsError(
            file="--environment", found=repr(name), allowed=f"one of {', '.join(settings.environments)}"
        )
    return settings.environments[name]
