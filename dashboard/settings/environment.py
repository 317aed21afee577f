"""One environment: a governed system with its sources, names, words and policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from dashboard.model.blue_green import BlueGreen
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.muting import MutingRules
from dashboard.model.own_labels import OwnLabel, own_labels
from dashboard.model.release import Track
from dashboard.model.words import WORDS
from dashboard.settings.base import DnsLabel, Name, Section, listed, not_allowed
from dashboard.settings.blue_green import BlueGreenSettings
from dashboard.settings.business import BusinessSettings
from dashboard.settings.fields import ByStream, merged, of_label
from dashboard.settings.names import Labels, Metrics, PresetName, check, mapping_of, preset
from dashboard.settings.release import ReleaseSettings
from dashboard.settings.sources import (
    AlertmanagerSettings,
    ElasticsearchSettings,
    KubernetesSettings,
    PrometheusSettings,
)
from dashboard.settings.words import WordsSettings

RETENTION_DAYS = 400  # where a source keeps it, the same week of last year can be shown
OwnerLabels = Annotated[tuple[Name, ...], BeforeValidator(listed)]


class AuditSettings(Section):
    """The record of what people and the autopilot did."""

    file: str = Field(
        default="audit.jsonl",
        min_length=1,
        description="File that audit records are appended to, one a line; each environment has its own. "
        "Left out: audit-NAME.jsonl with the environment's name.",
    )


class EnvironmentSettings(Section):
    """One governed system with its sources."""

    name: str = Field(
        default="", description="Name in links and in the global bar. Always the key of the table; leave it out."
    )
    namespaces: Annotated[tuple[DnsLabel, ...], BeforeValidator(listed)] = Field(
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
    business: BusinessSettings = BusinessSettings()
    words: WordsSettings = WordsSettings()
    searches: dict[str, str] = Field(
        default_factory=dict,
        description="Saved searches of the page Logs by name, as the page writes them: q=refused&level=error.",
    )

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
            raise not_allowed("both namespace and namespaces", "one of them")
        return given

    @model_validator(mode="after")
    def _one_stream_is_written_to(self) -> Self:
        source = self.elasticsearch
        is_one = source.audit_stream or re.fullmatch(r"[a-z0-9][^A-Z\\/*?\"<>|\s,#:]*\*?", source.audit)
        if source.url and not is_one:
            raise not_allowed(f"audit {source.audit!r} without audit_stream", "audit_stream: one data stream by name")
        if len(set(self.namespaces)) < len(self.namespaces):
            raise not_allowed("a namespace twice in namespaces", "each once")
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
    def fields(self) -> ByStream:
        """The fields of documents by stream and concept: own lines, the track's label, then presets."""
        presets = (preset(name).fields.by_stream() for name in reversed(self.presets))
        return merged((self.elasticsearch.fields.by_stream(), of_label(self.blue_green.track_label), *presets))

    @cached_property
    def muting_rules(self) -> MutingRules:
        """Who may mute which alerts, and for how long."""
        given = self.alertmanager
        return MutingRules(
            namespaces=self.namespaces,
            own_labels=self.alert_labels,
            may_acknowledge=given.may_acknowledge,
            may_silence=given.may_silence,
            longest_acknowledgement=timedelta(minutes=given.longest_acknowledgement_minutes),
            longest_silence=timedelta(hours=given.longest_silence_hours),
        )

    @cached_property
    def mapping(self) -> NameMapping:
        """What carries what in this environment's metrics: presets, and the own lines over them."""
        return self.mapping_for(self.blue_green.known)

    @cached_property
    def names(self) -> NameMapping:
        """What presets and own lines say of labels and metrics, without the values of tracks."""
        return mapping_of(self.presets, self.labels, self.metrics)

    @cached_property
    def alert_labels(self) -> tuple[OwnLabel, ...]:
        """What carries namespace, service, track and pod on alerts, where the team calls them otherwise."""
        return own_labels(self.names)

    def mapping_for(self, tracks: BlueGreen, service: str = "") -> NameMapping:
        """The same with the values of tracks that are known by now: those of one service, or of every one."""
        return self.in_own_tracks(self.names, tracks, service)

    def in_own_tracks(self, mapping: NameMapping, tracks: BlueGreen, service: str = "") -> NameMapping:
        """A mapping with the values of tracks."""
        values = {word: tracks.values(word, service) for word in Track}
        named = mapping.with_tracks({word.value: own for word, own in values.items() if own})
        # Only these two tables decide by themselves which events are bad.
        own_words = {key: words for key, words in self.words.given().items() if key in ("decision", "evaluation")}
        return replace(named, words=WORDS.extended(own_words)) if own_words else named
