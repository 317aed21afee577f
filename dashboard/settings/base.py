"""What the sections of the settings have in common: frozen models, constrained texts, one way to refuse a value."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

Url = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")]
DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Section(BaseModel):
    """A table of the settings file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def not_allowed(found: str, allowed: str) -> PydanticCustomError:
    """The error that a validator raises; `SettingsError` prints both texts as they are."""
    return PydanticCustomError("combination", "{allowed}", {"found": found, "allowed": allowed})


def listed(given: Any) -> Any:
    """A list of names. Accepts one string with commas too, as environment variables have it."""
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else given
