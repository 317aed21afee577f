"""The part of the settings that says what a team's own words mean: severities, levels, outcomes, decisions, reasons."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from dashboard.model.words import WORDS, Words, folded
from dashboard.settings.base import Section, not_allowed


class WordsSettings(Section):
    """What words of yours mean, beside those that the deck knows. What neither knows is shown as not understood."""

    severity: dict[str, Literal["critical", "warning", "info"]] = Field(
        default_factory=dict, description='By the word of an alert\'s severity; the word "" is an alert without one.'
    )
    level: dict[str, Literal["error", "warning", "info", "debug"]] = Field(
        default_factory=dict, description="By the word or number of a log line's level."
    )
    outcome: dict[str, Literal["failed", "succeeded", "not said"]] = Field(
        default_factory=dict,
        description="By the word of a span's status or outcome, or of a metric's label that tells how something ended.",
    )
    decision: dict[str, Literal["allowed", "denied", "changed", "escalated", "noted"]] = Field(
        default_factory=dict, description="By the word of a policy's decision."
    )
    evaluation: dict[str, Literal["passed", "violated", "errored", "skipped"]] = Field(
        default_factory=dict, description="By the word of what the evaluation of a contract found."
    )
    task: dict[str, Literal["succeeded", "failed", "handed over"]] = Field(
        default_factory=dict, description="By the word of how a task ended."
    )
    reason: dict[str, Literal["failing", "degraded", "changing", "over"]] = Field(
        default_factory=dict, description="By the reason that a pod or a container gives for its state."
    )

    @field_validator("*")
    @classmethod
    def _one_meaning(cls, words: dict[str, str]) -> dict[str, str]:
        seen: dict[str, str] = {}
        for word, meaning in words.items():
            if seen.setdefault(folded(word), meaning) != meaning:
                raise not_allowed(f"{word!r} in two meanings", "one for a word, however it is spelled")
        return words

    def given(self) -> dict[str, dict[str, str]]:
        """What is set, by table."""
        return {key: dict(words) for key, words in self if words}

    def tables(self) -> Words:
        """The known words with these."""
        return WORDS.extended(self.given())
