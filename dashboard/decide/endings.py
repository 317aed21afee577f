"""How the labels of a series say that its events ended: well, badly, or in words that nobody understands. Pure.

A label tells this by its name (`status`, `error_type`, `exit_code`), or by its values: where one series says `ok`, the
other values of that label are outcomes too, whatever the label is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from dashboard.model import label_names
from dashboard.model.series import Sample
from dashboard.model.words import EvaluationOutcome, PolicyDecision, SpanOutcome, Words

# On any label these are outcomes. More words would not do: a tool may be called "abort", a stage "done".
_PLAIN_FAILURES = {
    *("error", "errored", "err", "failed", "failure", "fail", "crashed"),
    *("timeout", "timedout", "timed_out", "cancelled", "canceled", "aborted"),
}
_PLAIN_SUCCESSES = {"ok", "success", "succeeded", "successful"}
_NO_OUTCOME = {"severity", "level", "log_level", "alertname", "type", "kind", "__name__", "service_name", "track"}
# Why a model stopped or a run ended. At its limit of length an answer is short, and no error.
_ENDED_WELL = {
    *("stop", "end_turn", "stop_sequence", "eos", "eos_token", "end", "finish", "tool_calls", "tool_call", "tool_use"),
    *("function_call", "length", "max_tokens", "max_output_tokens", "pause_turn", "end_of_turn", "complete"),
}
_ENDED_BADLY = {
    *("abort", "killed", "died", "dead", "rejected", "content_filter", "content_filtered", "safety", "guardrail"),
    *("guardrail_intervened", "refusal", "recitation", "blocklist", "prohibited_content", "spii", "oom"),
    *("malformed_function_call", "network_error", "insufficient_system_resource", "preempted", "evicted"),
}
_STATUS = re.compile(r"[1-5](?:\d\d|xx)", re.IGNORECASE)
_OK_STATUS = re.compile(r"[1-3]\d\d")
_NUMBER = re.compile(r"-?\d+")


class Ended(StrEnum):
    """How events ended, as far as a label's value says."""

    WELL = "well"
    BADLY = "badly"
    NOT_UNDERSTOOD = "not understood"


def tells(label: str) -> bool:
    """Whether a label tells by its name how events ended, whatever its values are."""
    return label not in _NO_OUTCOME and (
        label_names.is_verdict(label)
        or label_names.names_errors(label)
        or label_names.names_an_ending(label)
        or label_names.yes_is_well(label) is not None
        or label_names.reads_zero_as_well(label)
    )


def outcome_labels(rows: Iterable[Sample]) -> frozenset[str]:
    """The labels of these series that tell how events ended since some value says in a word that it went well."""
    found = {label for row in rows for label, value in row.labels.items() if value.casefold() in _PLAIN_SUCCESSES}
    return frozenset(found - _NO_OUTCOME)


def beside(label: str, value: str, telling: frozenset[str], words: Words, refused: Ended = Ended.WELL) -> Ended | None:
    """How a label says that events ended, which nobody named for that; None where it does not speak of it.

    Args:
        telling: from `outcome_labels`.
        refused: as in `ended`.
    """
    if label in _NO_OUTCOME or not value:
        return None
    if label in telling or _is_answer(label, value):
        return ended(label, value, words, refused)
    is_state = label_names.is_state(label) and _in_words(value, words) is Ended.BADLY
    return Ended.BADLY if is_state or value.casefold() in _PLAIN_FAILURES else None


def ended(label: str, value: str, words: Words, refused: Ended = Ended.WELL) -> Ended:
    """How events ended whose label says this: a yes or no, a status of HTTP, another number, or a word.

    Args:
        refused: what a status of 400 to 499 means: to a server that its client is at fault, to a client a failure.
    """
    if words.outcome.is_told(value):
        return of_table("outcome", value, words)
    if label_names.names_errors(label):
        return _of_error(label, value, words)
    if (said := _yes_or_no(label, value)) is not None:
        return said
    if _STATUS.fullmatch(value) and not label_names.reads_zero_as_well(label):
        return _of_status(value, refused)
    if _NUMBER.fullmatch(value):
        return _of_number(label, int(value))
    return _in_words(value, words)


def of_table(table: str, word: str, words: Words, label: str = "") -> Ended:
    """What a word means in one of the tables `outcome`, `evaluation` and `decision`.

    Args:
        label: that has the word, in the team's own name. A yes under it means what the name says.
    """
    if label and table != "outcome" and label_names.said_yes(word) is not None and not _told(table, word, words):
        return _plain_answer(label, word) or Ended.NOT_UNDERSTOOD
    return _of_table(table, word, words)


def _told(table: str, word: str, words: Words) -> bool:
    return (words.decision if table == "decision" else words.evaluation).is_told(word)


def _of_table(table: str, word: str, words: Words) -> Ended:
    match table:
        case "decision":
            decision = words.decision.meaning(word)
            return _known(decision is not None, decision is PolicyDecision.DENIED)
        case "evaluation":
            evaluation = words.evaluation.meaning(word)
            return _known(evaluation is not None, evaluation is EvaluationOutcome.VIOLATED)
        case _:
            outcome = words.outcome.meaning(word)
            is_known = outcome in (SpanOutcome.FAILED, SpanOutcome.SUCCEEDED)
            return _known(is_known, outcome is SpanOutcome.FAILED)


def _known(is_known: bool, is_bad: bool) -> Ended:
    if not is_known:
        return Ended.NOT_UNDERSTOOD
    return Ended.BADLY if is_bad else Ended.WELL


def _is_answer(label: str, value: str) -> bool:
    """Whether a label's name and value together tell how events ended: a yes to `timed_out`, a number of `exit`."""
    if label_names.is_verdict(label) or label_names.names_errors(label) or label_names.names_an_ending(label):
        return True
    if label_names.reads_zero_as_well(label):
        return bool(_NUMBER.fullmatch(value)) or label not in ("exit", "rc", "ret")
    return _yes_or_no(label, value) is not None


def _of_error(label: str, value: str, words: Words) -> Ended:
    """Of a label for errors every value names one, but for the words and numbers that say that there was none."""
    if (said := _yes_or_no(label, value)) is not None:
        return said
    if _NUMBER.fullmatch(value):
        return Ended.WELL if int(value) == 0 or _OK_STATUS.fullmatch(value) else Ended.BADLY
    return Ended.BADLY if words.names_an_error(value) else Ended.WELL


def _of_status(value: str, refused: Ended) -> Ended:
    return {"4": refused, "5": Ended.BADLY}.get(value[0], Ended.WELL)


def _of_number(label: str, number: int) -> Ended:
    """A number alone is an exit code to one, the status of a span or a yes to another: the label's name must say."""
    if label_names.reads_zero_as_well(label):
        return Ended.WELL if number == 0 else Ended.BADLY
    if label_names.is_of_otlp(label):
        return {1: Ended.WELL, 2: Ended.BADLY}.get(number, Ended.NOT_UNDERSTOOD)
    return Ended.NOT_UNDERSTOOD


def _in_words(value: str, words: Words) -> Ended:
    plain = value.strip().casefold().replace("-", "_").replace(" ", "_")
    known = of_table("outcome", value, words)
    if known is not Ended.NOT_UNDERSTOOD:
        return known
    return Ended.BADLY if plain in _ENDED_BADLY else Ended.WELL if plain in _ENDED_WELL else known


def _yes_or_no(label: str, value: str) -> Ended | None:
    yes_is_well, is_yes = label_names.yes_is_well(label), label_names.said_yes(value)
    if yes_is_well is None or is_yes is None:
        return None
    return Ended.WELL if is_yes is yes_is_well else Ended.BADLY


def _plain_answer(label: str, word: str) -> Ended | None:
    """What a yes or no means under a label; of `outcome` and `decision` a yes is one to the question that it asks."""
    if (said := _yes_or_no(label, word)) is not None:
        return said
    if label_names.is_answer(label) and word.casefold() in ("true", "false"):
        return Ended.WELL if word.casefold() == "true" else Ended.BADLY
    return None
