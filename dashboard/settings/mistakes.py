"""The first mistake in the settings as one sentence: file, key, what was found, what is allowed."""

from __future__ import annotations

import difflib
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from dashboard.settings.deck import Settings


class SettingsError(Exception):
    """The settings cannot be used. `str()` is for the person who wrote them and shows no values of secrets."""

    def __init__(self, *, file: str, key: str = "", found: str = "", allowed: str = "") -> None:
        self.file, self.key, self.found, self.allowed = file, key, found, allowed
        place = f"{file}: {key}" if key else file
        super().__init__(f"{place}: found {found}; allowed: {allowed}" if allowed else f"{place}: {found}")


def explained(error: ErrorDetails, *, place: str, path: list[str]) -> SettingsError:
    """`error` for a person. `place` is the file or variable that holds the value, `path` the key in parts."""
    found, allowed = _found_and_allowed(error)
    path = without_header_names(path)
    key = "default_environment" if error["type"] == "value_error" else ".".join(path)
    return SettingsError(file=place, key=key, found=found, allowed=allowed)


def without_header_names(path: list[str]) -> list[str]:
    """`path` without what stands for a header's name: people swap name and value, and the value may be a secret."""
    return [*path[: path.index("headers") + 1], "*"] if "headers" in path[:-1] else path


def _found_and_allowed(error: ErrorDetails) -> tuple[str, str]:
    given = error["input"]
    found = _harmless(error)
    match error["type"]:
        case "extra_forbidden":
            known = _known_keys(error["loc"][:-1])
            close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            return "an unknown key", hint + ", ".join(known)
        case "too_short" if error["loc"][-1] in ("namespace", "namespaces"):
            return "an empty list", "at least one namespace"
        case "tuple_type" if error["loc"][-1] in ("namespace", "namespaces"):
            return found, "a name, or a list of names"
        case "missing" | "too_short":
            return "nothing", "at least one table [environments.NAME]"
        case "string_pattern_mismatch" if error["loc"][-1] == "url":
            return found, "http://HOST:PORT or https://HOST, a path may follow"
        case "string_pattern_mismatch" if error["loc"][-1] == "ca_fingerprint":
            return found, "64 hexadecimal digits, colons between pairs or not"
        case "string_pattern_mismatch" if error["loc"][-1] == "audit_stream":
            return found, "one data stream by name: lower case, no wildcard, no comma, no colon"
        case "string_pattern_mismatch" if "hosts" in error["loc"]:
            return found, "a host name without scheme, port or path; *. in front for all below it"
        case "string_pattern_mismatch" if "headers" in error["loc"]:
            return found, "a name of letters, digits and dashes, and a value of printable ASCII"
        case "combination":
            return error["ctx"]["found"], error["ctx"]["allowed"]
        case "string_pattern_mismatch":
            return found, "lower-case letters, digits and dashes, at most 63"
        case "value_error":
            return repr(given.get("default_environment")), str(error["ctx"]["error"])
        case "dict_type" | "model_type":
            return found, "a table"
        case _:
            return found, error["msg"].removeprefix("Input should be ")


def _harmless(error: ErrorDetails) -> str:
    """What was found, for a person: never a value that may hold a secret, such as a header's or a URL's."""
    given = error["input"]
    if not isinstance(given, str | int | float | bool):
        return f"a {type(given).__name__}"
    if not isinstance(given, str):
        return repr(given)
    if "headers" in error["loc"] or error["type"] in ("dict_type", "model_type", "model_attributes_type"):
        return "text that is not shown, since it may be a secret"
    if set("@?") & set(given):
        return "a URL with a user, password or query in it"
    if "://" in given and set(" \t\n") & set(given):
        return "a URL with a blank in it"
    return repr(given)


def _known_keys(place: tuple[str | int, ...]) -> list[str]:
    """The keys that the section at `place` has: walks the models by the error's own path."""
    model: type[BaseModel] = Settings
    for part in place:
        if str(part) in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            nested = [arg for arg in (annotation, *get_args(annotation)) if isinstance(arg, type)]
            model = next((arg for arg in nested if issubclass(arg, BaseModel)), model)
    return [key for key in model.model_fields if key != "name"]
