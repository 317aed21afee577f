"""Where the deck finds its sources: one TOML file, the environment over it.

The file is the argument, else the path in TEALDECK_SETTINGS, else ./tealdeck.toml. A variable such as
TEALDECK__ENVIRONMENTS__LOCAL__PROMETHEUS__URL sets the key environments.local.prometheus.url. Secrets stand in neither:
the settings name the files that hold them. This is the one place where a stranger's text enters; every mistake is
answered with file, key, what was found and what is allowed.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.words import WORDS, Words
from dashboard.settings.blue_green import BlueGreenSettings
from dashboard.settings.names import Labels, Metrics, PresetName, check, mapping_of

VARIABLE = "TEALDECK_SETTINGS"
# The gates of a release that a policy may make advisory; the names that the verdict's JSON has.
GATES = (
    *("inputs", "errors", "violations", "latency", "capacity", "restarts", "alerts", "way_back", "quiet"),
    *("errors_compared", "violations_compared", "tools_compared", "denials_compared", "latency_compared"),
    "together_compared",
    *("slo", "kill_switch", "cost", "patterns", "freeze", "schema", "backup"),
)
PREFIX = "TEALDECK__"
DEFAULT_FILE = Path("tealdeck.toml")
RETENTION_DAYS = 400  # last year's same week can be looked at where a source keeps it

Url = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")]
DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
HostName = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^(\*|(\*\.)?[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9_])?)$")
]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", to_lower=True)]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]*$")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31})?$")]


# A name that Elasticsearch takes for a data stream: no wildcard, no list, no other cluster.
DataStream = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][^A-Z\\/*?\"<>|\s,#:]*)?$")]


def _listed(given: Any) -> Any:
    """A list of names; one name, or several with commas between, as a variable has them, become a list."""
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else given


class SettingsError(Exception):
    """The settings cannot be used. `str()` is for the person who wrote them and shows no values of secrets."""

    def __init__(self, *, file: str, key: str = "", found: str = "", allowed: str = "") -> None:
        self.file, self.key, self.found, self.allowed = file, key, found, allowed
        place = f"{file}: {key}" if key else file
        super().__init__(f"{place}: found {found}; allowed: {allowed}" if allowed else f"{place}: {found}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpSource(_Section):
    """What every source over HTTP has."""

    url: Url = Field(
        default="", description="Base URL, http or https, without credentials. Empty: there is no such source."
    )
    ca_file: str = Field(default="", description="PEM file of the CA to trust. Empty: the CAs of the certifi package.")
    verify_tls: bool = Field(default=True, description="Check the server's certificate. False only for a trial.")


class HttpApi(HttpSource):
    """How Prometheus and Alertmanager let the deck in. Files are read at each use, so they may be rotated."""

    token_file: str = Field(default="", description="File with a bearer token. Empty: none is sent.")
    username: str = Field(default="", description="User for basic authentication. Empty: none is sent.")
    password_file: str = Field(default="", description="File with that user's password.")
    cert_file: str = Field(default="", description="PEM file of a client certificate. Empty: none is shown.")
    key_file: str = Field(default="", description="PEM file of that certificate's key.")
    headers: dict[HeaderName, HeaderValue] = Field(
        default={}, description="Headers of every request, for example the tenant's. No secrets: they stand in a file."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.token_file and self.username:
            raise _combination("both token_file and username", "one way to be let in")
        if bool(self.username) != bool(self.password_file):
            raise _combination("username or password_file alone", "both, or neither")
        if bool(self.cert_file) != bool(self.key_file):
            raise _combination("cert_file or key_file alone", "both, or neither")
        return self


def _combination(found: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("combination", "{allowed}", {"found": found, "allowed": allowed})


class PrometheusSettings(HttpApi):
    """Metrics."""

    scrape_interval_seconds: int = Field(
        default=30, ge=1, le=3600, description="How often Prometheus scrapes, in seconds: no chart has a finer step."
    )


class AlertmanagerSettings(HttpApi):
    """Firing alerts, silences and who is told."""


# What a document's fields can be named for; the concepts of `catalog/fields.py`.
FieldConcept = Literal[
    "message", "severity", "severity_number", "service", "namespace", "pod", "workload", "track", "version",
    "trace_id", "span_id", "agent", "model", "tool", "conversation", "operation", "error_type", "contract", "clause",
]  # fmt: skip
SpanConcept = Literal[
    "message", "status", "kind", "duration", "parent_span_id", "service", "namespace", "pod", "workload", "track",
    "version", "trace_id", "span_id", "agent", "model", "tool", "conversation", "operation", "error_type", "contract",
    "clause",
]  # fmt: skip
FieldPath = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\s*]+$")]
FieldPaths = Annotated[tuple[FieldPath, ...], BeforeValidator(_listed)]


class FieldSettings(_Section):
    """Fields of your own documents, each by what it means. They are looked at before those that the deck knows."""

    logs: dict[FieldConcept, FieldPaths] = Field(
        default_factory=dict, description="A field or several of the log lines, by concept."
    )
    traces: dict[SpanConcept, FieldPaths] = Field(default_factory=dict, description="The same of the spans.")

    def by_stream(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """By the stream that they are in."""
        tables: Mapping[str, Mapping[Any, tuple[str, ...]]] = {"logs": self.logs, "traces": self.traces}
        return {stream: dict(fields) for stream, fields in tables.items()}


class ElasticsearchSettings(HttpSource):
    """Logs, traces and the audit trail."""

    logs: str = Field(
        default="logs-agentgov.app.otel-*", min_length=1, description="Data streams of the application logs."
    )
    traces: str = Field(default="traces-agentgov.otel-*", min_length=1, description="Data streams of the traces.")
    audit: str = Field(
        default="logs-agentgov.audit-*",
        min_length=1,
        description="Data streams that the audit trail is read from; * is the environment's name.",
    )
    audit_stream: DataStream = Field(
        default="",
        description="The one data stream that this environment's records are written to. Empty: the one in `audit`.",
    )
    api_key_file: str = Field(default="", description="File with an API key, read at each use. Empty: none is sent.")
    token_file: str = Field(default="", description="File with a bearer token. Empty: none is sent.")
    username: str = Field(default="", description="User for basic authentication. Empty: none is sent.")
    password_file: str = Field(default="", description="File with that user's password.")
    ca_fingerprint: Fingerprint = Field(
        default="", description="SHA-256 of the certificate to trust, as Elasticsearch prints it. Empty: not asked."
    )
    fields: FieldSettings = FieldSettings()

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        ways = {"api_key_file": self.api_key_file, "token_file": self.token_file, "username": self.username}
        given = [name for name, value in ways.items() if value]
        if len(given) > 1:
            raise _combination(f"{' and '.join(given)} together", "one way to be let in")
        if bool(self.username) != bool(self.password_file):
            raise _combination("username or password_file alone", "both, or neither")
        return self


class KubernetesSettings(_Section):
    """The cluster."""

    kubeconfig: str = Field(
        default="", description="Path of a kubeconfig. Empty: the service account of the deck's own pod."
    )
    context: str = Field(default="", description="Context in the kubeconfig. Empty: its current one.")


class AuditSettings(_Section):
    """The record of what people and the autopilot did."""

    file: str = Field(
        default="audit.jsonl",
        min_length=1,
        description="File that audit records are appended to, one a line; each environment has its own. "
        "Left out: audit-NAME.jsonl with the environment's name.",
    )


class FreezeSettings(_Section):
    """A time in which nobody may switch."""

    begins: AwareDatetime = Field(description="From then on, with its offset: 2026-12-20T00:00:00Z.")
    ends: AwareDatetime = Field(description="Until then.")
    reason: str = Field(default="", description="Why, for who is told no.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.ends <= self.begins:
            raise _combination(f"ends {self.ends.isoformat()}", f"a time after begins, {self.begins.isoformat()}")
        return self


class ReleaseSettings(_Section):
    """What a release is held to. `python -m dashboard verdict --check-policy` says what that finds."""

    error_ratio: float = Field(default=0.02, gt=0, lt=1, description="More failed runs than this are bad, 0..1.")
    violation_ratio: float = Field(default=0.02, gt=0, lt=1, description="The same for contract evaluations.")
    tool_failure_ratio: float = Field(default=0.05, gt=0, lt=1, description="The same for tool calls.")
    denial_ratio: float = Field(default=0.1, gt=0, lt=1, description="The same for policy decisions.")
    p95_seconds: float = Field(default=3.0, gt=0, description="95 of 100 runs should take less than this, in seconds.")
    fail_ratio: float = Field(
        default=1.1, ge=1, le=10, description="Harm is this many times the other track's share of bad events, or more."
    )
    fail_share: float = Field(
        default=0.0005, ge=0, lt=1, description="And in any case this much more, so that rare events do not stop it."
    )
    fail_slower: float = Field(default=1.1, ge=1, le=10, description="The same for latency, as a ratio of times.")
    go_ratio: float = Field(
        default=1.5, gt=1, le=100, description="To pass it must be shown to have fewer than this many times as many."
    )
    go_share: float = Field(default=0.002, ge=0, lt=1, description="Or this much more; the wider of the two holds.")
    go_slower: float = Field(default=1.25, gt=1, le=100, description="The same for latency, as a ratio of times.")
    false_stop_share: float = Field(
        default=0.01,
        ge=0.0001,
        lt=0.05,
        description="The share of healthy releases that may ever be stopped by chance, by all gates together.",
    )
    false_go_share: float = Field(
        default=0.05, ge=0.0001, le=0.2, description="The share of releases at the edge of harm that may ever pass."
    )
    most_left_out: float = Field(
        default=0.1, ge=0, le=0.5, description="With more of a track's intervals not counted, nothing passes."
    )
    objective_ratio: float = Field(
        default=0.99, gt=0, lt=1, description="The share of good events that the recorded objectives promise."
    )
    throttled_ratio: float = Field(
        default=0.25, gt=0, le=1, description="More throttled CPU periods than this are shown as too many, 0..1."
    )
    cost_ratio: float = Field(
        default=1.5, gt=1, le=100, description="A run must not cost more than this many times one on the other track."
    )
    backup_hours: int = Field(
        default=24, ge=1, le=8760, description="A backup must have been verified within so many hours."
    )
    freezes: tuple[FreezeSettings, ...] = Field(default=(), description="Times in which nobody may switch.")
    bake_minutes: int = Field(default=15, ge=1, le=1440, description="How long a release is watched after a switch.")
    advisory: tuple[str, ...] = Field(
        default=(), description="Gates by name that are shown and do not decide: what may stay unknown here."
    )
    required: tuple[str, ...] = Field(
        default=(), description="Gates that decide here; patterns, schema and backup are only shown without it."
    )

    acceptable: dict[str, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="By gate, who may switch although it is unknown: names, or * for anybody. It is recorded.",
    )

    @model_validator(mode="after")
    def _passes_less_than_it_fails(self) -> Self:
        pairs = (("ratio", self.fail_ratio, self.go_ratio), ("share", self.fail_share, self.go_share))
        for name, fail, go in (*pairs, ("slower", self.fail_slower, self.go_slower)):
            if go < fail:
                raise _combination(
                    f"go_{name} {go:g} under fail_{name} {fail:g}", "what fails cannot pass: go above fail"
                )
        for key, gates in (("advisory", self.advisory), ("required", self.required), ("acceptable", self.acceptable)):
            unknown = sorted(set(gates) - set(GATES))
            if unknown:
                raise _combination(f"{key} gate {unknown[0]!r}", ", ".join(GATES))
        if both := sorted(set(self.advisory) & set(self.required)):
            raise _combination(f"{both[0]} as advisory and required", "one of the two")
        return self


class WordsSettings(_Section):
    """What words of yours mean, beside those that the deck knows. What neither knows is shown as not understood."""

    severity: dict[str, Literal["critical", "warning", "info"]] = Field(
        default_factory=dict, description='By the word of an alert\'s severity; the word "" is an alert without one.'
    )
    level: dict[str, Literal["error", "warning", "info", "debug"]] = Field(
        default_factory=dict, description="By the word or number of a log line's level."
    )
    outcome: dict[str, Literal["failed", "succeeded", "not said"]] = Field(
        default_factory=dict, description="By the word of a span's status or outcome."
    )
    decision: dict[str, Literal["allowed", "denied", "changed", "escalated", "noted"]] = Field(
        default_factory=dict, description="By the word of a policy's decision."
    )

    reason: dict[str, Literal["failing", "degraded", "changing", "over"]] = Field(
        default_factory=dict, description="By the reason that a pod or a container gives for its state."
    )

    def given(self) -> dict[str, dict[str, str]]:
        """What is set, by table."""
        return {key: dict(words) for key, words in self if words}

    def tables(self) -> Words:
        """The known words with these."""
        return WORDS.extended(self.given())


OwnerLabels = Annotated[tuple[Name, ...], BeforeValidator(_listed)]


class EnvironmentSettings(_Section):
    """One governed system with its sources."""

    name: str = Field(
        default="", description="Name in links and in the global bar. Always the key of the table; leave it out."
    )
    namespaces: Annotated[tuple[DnsLabel, ...], BeforeValidator(_listed)] = Field(
        default=("agents",),
        min_length=1,
        validation_alias=AliasChoices("namespaces", "namespace"),
        description="Kubernetes namespaces of the governed services, the one shown first at first. No other is shown.",
    )
    refresh_seconds: int = Field(
        default=15,
        ge=2,
        le=300,
        description="How often a live page asks again, in seconds. Also how long an answer is shared.",
    )
    retention_days: int = Field(
        default=RETENTION_DAYS,
        ge=1,
        le=3650,
        description="The longest that any source keeps data, in days: no link shows a period that begins before that.",
    )
    presets: tuple[PresetName, ...] = Field(
        default=(), description="Whose names this telemetry has; a later preset wins over an earlier one."
    )
    labels: Labels = Field(default={}, description="Labels on metrics where they are called otherwise.")
    metrics: Metrics = Field(default={}, description="Metrics where they are called otherwise, by what they measure.")
    blue_green: BlueGreenSettings = BlueGreenSettings()
    owner_labels: OwnerLabels = Field(
        default=("owner", "team"), description="Labels on alerts and Services that name who owns them, the first wins."
    )
    prometheus: PrometheusSettings = PrometheusSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()
    audit: AuditSettings = AuditSettings()
    release: ReleaseSettings = ReleaseSettings()
    words: WordsSettings = WordsSettings()

    @property
    def namespace(self) -> str:
        """The namespace shown where nobody chose one."""
        return self.namespaces[0]

    @property
    def audit_stream(self) -> str:
        """The data stream that audit records are written to."""
        return self.elasticsearch.audit_stream or self.audit_streams

    @property
    def audit_streams(self) -> str:
        """The data streams that the audit trail is read from, with commas between. No wildcard: others are not ours."""
        return self.elasticsearch.audit.replace("*", self.name)

    @model_validator(mode="before")
    @classmethod
    def _namespaces_once(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and {"namespace", "namespaces"} <= given.keys():
            raise _combination("both namespace and namespaces", "one of them")
        return given

    @model_validator(mode="after")
    def _one_stream_is_written_to(self) -> Self:
        source = self.elasticsearch
        is_one = source.audit_stream or re.fullmatch(r"[a-z0-9][^A-Z\\/*?\"<>|\s,#:]*\*?", source.audit)
        if source.url and not is_one:
            raise _combination(f"audit {source.audit!r} without audit_stream", "audit_stream: one data stream by name")
        if len(set(self.namespaces)) < len(self.namespaces):
            raise _combination("a namespace twice in namespaces", "each once")
        return self

    @model_validator(mode="after")
    def _metrics_fit(self) -> Self:
        check(self.metrics)
        return self

    @cached_property
    def named_metrics(self) -> frozenset[str]:
        """The metrics that the own lines name, not those of presets: somebody means them to be there."""
        named: set[str] = set()
        for metric in self.metrics.values():
            own = metric.metric()
            named |= {own.bad_series, *(own.name(suffix) for suffix in ("", "_count", "_sum", "_bucket"))}
        return frozenset(named - {""})

    @cached_property
    def mapping(self) -> NameMapping:
        """What carries what in this environment's metrics: presets, and the own lines over them."""
        return mapping_of(self.presets, self.labels, self.metrics).with_tracks(
            self.blue_green.blue, self.blue_green.green
        )


class Settings(_Section):
    """Everything that a platform engineer sets."""

    default_environment: str = Field(
        default="", description="The environment shown first. Empty: the first in the file."
    )
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(_listed)] = Field(
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
                raise _combination(f"environments {other} and {name} with one audit file", "a file for each")
            url = environment.elasticsearch.url
            other = written.setdefault((url.rstrip("/"), environment.audit_stream), name) if url else name
            if other != name:
                found = f"environments {other} and {name} with one audit stream, {environment.audit_stream}"
                raise _combination(found, "elasticsearch.audit_stream: a data stream for each")
        for name, environment in self.environments.items():
            for stream in environment.audit_streams.split(","):
                other = written.get((environment.elasticsearch.url.rstrip("/"), stream.strip()), name)
                if other != name:
                    raise _combination(
                        f"environment {name} reading the audit stream of {other}, {stream.strip()}", "its own"
                    )
        return self


def _named(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """An environment's table with its name, and an audit file of its own where it names none."""
    audit = table.get("audit", {})
    own = {"file": f"audit-{name}.jsonl"}
    return {**table, "name": name, "audit": {**own, **audit} if isinstance(audit, dict) else audit}


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


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = f"no such file: name one in {VARIABLE} or copy deploy/production/tealdeck.toml.example"
        raise SettingsError(file=str(file), found=hint) from None
    except OSError as error:
        raise SettingsError(file=str(file), found=f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(file=str(file), found=f"is not UTF-8 text (byte {error.start})") from error
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


def _without_empty_default(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != "default_environment" or value != ""}


def _explained(file: Path, error: ErrorDetails, variables: Mapping[str, str]) -> SettingsError:
    """The first mistake in the words of the file, or of the variable that brought it."""
    path = [str(part) for part in error["loc"] if part != "[key]"]
    variable = PREFIX + "__".join(path).upper().replace("-", "_")
    place = f"${variable}" if variable in variables else str(file)
    found, allowed = _found_and_allowed(error)
    if error["type"] == "value_error":
        path = ["default_environment"]
    return SettingsError(file=place, key=".".join(path), found=found, allowed=allowed)


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
