"""Settings of the four sources: where they are and how the deck authenticates."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from dashboard.settings.base import Name, Section, Url, not_allowed
from dashboard.settings.fields import FieldSettings

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", to_lower=True)]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]*$")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31})?$")]
# A name that Elasticsearch accepts for a data stream: no wildcard, no list, no other cluster.
DataStream = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][^A-Z\\/*?\"<>|\s,#:]*)?$")]


class HttpSource(Section):
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
            raise not_allowed("both token_file and username", "one way to be let in")
        if bool(self.username) != bool(self.password_file):
            raise not_allowed("username or password_file alone", "both, or neither")
        if bool(self.cert_file) != bool(self.key_file):
            raise not_allowed("cert_file or key_file alone", "both, or neither")
        return self


class PrometheusSettings(HttpApi):
    """Metrics."""

    scrape_interval_seconds: int = Field(
        default=30, ge=1, le=3600, description="How often Prometheus scrapes, in seconds: no chart has a finer step."
    )


class AlertmanagerSettings(HttpApi):
    """Firing alerts, silences and who is told."""

    may_acknowledge: tuple[Name, ...] = Field(
        default=("*",), description="Who may acknowledge alerts: names, or * for anybody. It is recorded."
    )
    may_silence: tuple[Name, ...] = Field(
        default=("*",), description="The same for silences, which can cover alerts that have not begun."
    )
    longest_acknowledgement_minutes: int = Field(
        default=240, ge=5, le=1440, description="An acknowledgement ends after this, or when its alert does."
    )
    longest_silence_hours: int = Field(default=72, ge=1, le=8760, description="No silence may last longer.")


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
            raise not_allowed(f"{' and '.join(given)} together", "one way to be let in")
        if bool(self.username) != bool(self.password_file):
            raise not_allowed("username or password_file alone", "both, or neither")
        return self


class KubernetesSettings(Section):
    """The cluster."""

    kubeconfig: str = Field(
        default="", description="Path of a kubeconfig. Empty: the service account of the deck's own pod."
    )
    context: str = Field(default="", description="Context in the kubeconfig. Empty: its current one.")
