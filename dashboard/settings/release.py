"""The release policy: limits, error budgets, freezes, and which gates decide."""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from dashboard.settings.base import Name, Section, not_allowed

# The gates that a policy may make advisory; the verdict's JSON has the same names.
GATES = (
    *("inputs", "errors", "violations", "latency", "capacity", "restarts", "alerts", "way_back", "quiet"),
    *("errors_compared", "violations_compared", "tools_compared", "denials_compared", "latency_compared"),
    "together_compared",
    *("slo", "kill_switch", "cost", "runs_active", "patterns", "freeze", "schema", "backup"),
)


class FreezeSettings(Section):
    """A time in which nobody may switch."""

    begins: AwareDatetime = Field(description="From then on, with its offset: 2026-12-20T00:00:00Z.")
    ends: AwareDatetime = Field(description="Until then.")
    reason: str = Field(default="", description="Why, for who is told no.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.ends <= self.begins:
            raise not_allowed(f"ends {self.ends.isoformat()}", f"a time after begins, {self.begins.isoformat()}")
        return self


class ReleaseSettings(Section):
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
        description="The share of healthy releases that comparison, limits and cost together may ever stop by chance.",
    )
    false_go_share: float = Field(
        default=0.05,
        ge=0.0001,
        le=0.2,
        description="The share of releases at the edge of harm that may ever pass by one measure; "
        "drift around a limit is not counted in.",
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
        default=(),
        description="Gates that decide here; patterns, schema and backup are only shown without it. patterns is a "
        "count of log lines, not a statistical test: the bound on healthy releases that are stopped does not cover it.",
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
                raise not_allowed(
                    f"go_{name} {go:g} under fail_{name} {fail:g}", "what fails cannot pass: go above fail"
                )
        for key, gates in (("advisory", self.advisory), ("required", self.required), ("acceptable", self.acceptable)):
            unknown = sorted(set(gates) - set(GATES))
            if unknown:
                raise not_allowed(f"{key} gate {unknown[0]!r}", ", ".join(GATES))
        if both := sorted(set(self.advisory) & set(self.required)):
            raise not_allowed(f"{both[0]} as advisory and required", "one of the two")
        return self
