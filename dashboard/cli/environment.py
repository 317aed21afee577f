"""Which environment a command is about, and which of its namespaces."""

from __future__ import annotations

import argparse

from dashboard.settings import EnvironmentSettings, SettingsError, load


def add(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--environment", metavar="NAME", default="", help="default: the settings' own")
    parser.add_argument("--settings", metavar="FILE", help="default: $TEALDECK_SETTINGS, else ./tealdeck.toml")


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """Declare the argument of commands that are about one namespace."""
    parser.add_argument("--namespace", metavar="NAME", default="", help="default: the environment's first")


def namespace(options: argparse.Namespace, chosen: EnvironmentSettings) -> str:
    """The namespace that was named. Raises SettingsError if the environment does not list it."""
    name: str = options.namespace or chosen.namespace
    if name not in chosen.namespaces:
        raise SettingsError(file="--namespace", found=repr(name), allowed=f"one of {', '.join(chosen.namespaces)}")
    return name


def chosen(options: argparse.Namespace) -> EnvironmentSettings:
    """The settings of that environment. Raises SettingsError if they cannot be used, or there is none of that name."""
    settings = load(options.settings)
    name = options.environment or settings.default_environment
    if name not in settings.environments:
        raise SettingsError(
            file="--environment", found=repr(name), allowed=f"one of {', '.join(settings.environments)}"
        )
    return settings.environments[name]
