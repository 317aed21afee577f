"""The whole settings file: all environments, and what must not be shared between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from dashboard.settings.base import DnsLabel, Section, listed, not_allowed
from dashboard.settings.environment import EnvironmentSettings

HostName = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^(\*|(\*\.)?[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9_])?)$")
]


class Settings(Section):
    """Everything that a platform engineer sets."""

    default_environment: str = Field(
        default="", description="The environment shown first. Empty: the first in the file."
    )
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = Field(
        default=(),
        description="Names under which browsers reach the deck, beside localhost and IP addresses: deck.example.com, "
        "*.example.com, or * for any.",
    )
    environments: dict[DnsLabel, EnvironmentSettings] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _name_environments(cls, given: Any) -> Any:
        tables = given.get("environments")
        if not isinstance(tables, dict):
            return given
        named = {key: _named(key, table) if isinstance(table, dict) else table for key, table in tables.items()}
        return {"default_environment": next(iter(named), ""), **_without_empty_default(given), "environments": named}

    @model_validator(mode="after")
    def _default_exists(self) -> Settings:
        if self.default_environment not in self.environments:
            raise ValueError(f"one of {', '.join(self.environments)}")
        return self

    @model_validator(mode="after")
    def _audits_are_apart(self) -> Settings:
        """A file or stream of two environments would show the records of one as the other's."""
        files: dict[Path, str] = {}
        written: dict[tuple[str, str], str] = {}
        for name, environment in self.environments.items():
            other = files.setdefault(Path(environment.audit.file).resolve(), name)
            if other != name:
                raise not_allowed(f"environments {other} and {name} with one audit file", "a file for each")
            url = environment.elasticsearch.url
            other = written.setdefault((url.rstrip("/"), environment.audit_stream), name) if url else name
            if other != name:
                found = f"environments {other} and {name} with one audit stream, {environment.audit_stream}"
                raise not_allowed(found, "elasticsearch.audit_stream: a data stream for each")
        for name, environment in self.environments.items():
            for stream in environment.audit_streams.split(","):
                other = written.get((environment.elasticsearch.url.rstrip("/"), stream.strip()), name)
                if other != name:
                    raise not_allowed(
                        f"environment {name} reading the audit stream of {other}, {stream.strip()}", "its own"
                    )
        return self


def _named(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """An environment's table with its name, and an audit file of its own where it names none."""
    audit = table.get("audit", {})
    own = {"file": f"audit-{name}.jsonl"}
    return {**table, "name": name, "audit": {**own, **audit} if isinstance(audit, dict) else audit}


def _without_empty_default(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != "default_environment" or value != ""}
