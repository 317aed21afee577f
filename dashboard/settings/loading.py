"""Reads the settings: one TOML file, with environment variables over it.

The file is the argument, else the path in TEALDECK_SETTINGS, else ./tealdeck.toml. A variable such as
TEALDECK__ENVIRONMENTS__LOCAL__PROMETHEUS__URL sets the key environments.local.prometheus.url. Secrets stand in
neither: the settings name the files that hold them.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dashboard.settings.deck import Settings
from dashboard.settings.mistakes import SettingsError, explained, without_header_names

VARIABLE = "TEALDECK_SETTINGS"
PREFIX = "TEALDECK__"
DEFAULT_FILE = Path("tealdeck.toml")


def settings_file(variables: Mapping[str, str] = os.environ) -> Path:
    """The file that TEALDECK_SETTINGS names, else the default one."""
    return Path(variables.get(VARIABLE) or DEFAULT_FILE)


def load(path: str | Path | None = None, *, variables: Mapping[str, str] = os.environ) -> Settings:
    """The settings from `path`, or from where the module's opening says, with `variables` over them.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or holds something that is not allowed.
    """
    file = Path(path) if path else settings_file(variables)
    given = _with_variables(_read(file), variables)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise _explained(file, error.errors()[0], variables) from None


def text_of(path: str | Path | None = None) -> str:
    """The settings file as it is written, without variables.

    Raises:
        SettingsError: the file cannot be read.
    """
    file = Path(path) if path else settings_file()
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = f"no such file: name one in {VARIABLE} or copy deploy/production/tealdeck.toml.example"
        raise SettingsError(file=str(file), found=hint) from None
    except OSError as error:
        raise SettingsError(file=str(file), found=f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(file=str(file), found=f"is not UTF-8 text (byte {error.start})") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(file))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(file=str(file), found=f"is not TOML: {error}") from error


def _with_variables(given: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """`given` with each TEALDECK__A__B=c as given["a"]["b"] = "c"; pydantic turns the text into the key's type."""
    for variable, value in sorted(variables.items()):
        if not variable.startswith(PREFIX):
            continue
        *tables, key = variable.removeprefix(PREFIX).lower().split("__")
        table = given
        for name in tables:
            table = table.setdefault(_spelled(name, table), {})
            if not isinstance(table, dict):
                raise SettingsError(file=f"${variable}", found=f"{name} is a value", allowed="a table")
        table[_spelled(key, table)] = value
    return given


def _spelled(name: str, table: Mapping[str, Any]) -> str:
    """The key of `table` that a variable means: names of environments may have the dash that variables cannot."""
    return next((key for key in table if key.lower().replace("-", "_") == name), name)


def _explained(file: Path, error: ErrorDetails, variables: Mapping[str, str]) -> SettingsError:
    """`error` with the variable that set the value as its place, where one did."""
    path = [str(part) for part in error["loc"] if part != "[key]"]
    place = f"${_variable(without_header_names(path))}" if _variable(path) in variables else str(file)
    return explained(error, place=place, path=path)


def _variable(path: Sequence[str]) -> str:
    return PREFIX + "__".join(path).upper().replace("-", "_")
