"""How the labels of a series say that its events ended: well, badly, or in words that nobody understands. Pure.

A label tells this by its name (`status`, `error_type`, `exit_code`), or by its values: where one series says `ok`, the
other values of that label are outcomes too, whatever the label is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from dashboard.model.series import Sample
from dashboard.model.words import EvaluationOutcome, PolicyDecision, SpanOutcome, Words

# Labels that by convention only failures have, and labels by which emitters usually tell how something ended.
OF_FAILURES = {"error_type", "error", "error_code", "error_kind", "error_class", "exception", "exception_type"}
OF_OUTCOMES = OF_FAILURES | {
    *("status", "outcome", "result", "verdict", "success", "succeeded", "ok", "failed", "failure", "is_error"),
    *("code", "status_code", "response_code", "http_code", "http_status", "http_status_code"),
    *("http_response_status_code", "grpc_code", "grpc_status", "rpc_grpc_status_code", "otel_status_code"),
    *("completion_status", "task_status", "run_status", "exit_code", "exit_status", "return_code"),
}
# Parts of a label's name by which a yes or no tells how events ended.
_SAYS_IT_FAILED = {"failed", "failure", "error", "errored", "exception", "crashed", "timedout", "cancelled", "canceled"}
_SAYS_IT_WENT_WELL = {"success", "succeeded", "successful", "ok"}
_YES, _NO = {"true", "1", "yes", "y"}, {"false", "0", "no", "n", "none", "null", "nil"}
# Parts of a name behind which 0 is the only number that means well.
_ZERO_IS_WELL = {"exit", "grpc", "returncode", "exitcode", "rc"}
# On any label these are outcomes. More words would not do: a tool may be called "abort", a stage "done".
_PLAIN_FAILURES = {
    *("error", "errored", "err", "failed", "failure", "fail", "crashed"),
    *("timeout", "timedout", "timed_out", "cancelled", "canceled", "aborted"),
}
_PLAIN_SUCCESSES = {"ok", "success", "succeeded", "successful"}
_NO_OUTCOME = {"severity", "level", "log_level", "alertname", "type", "kind", "__name__", "service_name", "track"}
_STATUS = re.compile(r"[1-5](?:\d\d|xx)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+")
_PARTS = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*")


class Ended(StrEnum):
    """How events ended, as far as a label's value says."""

    WELL = "well"
    BADLY = "badly"
    NOT_UNDERSTOOD = "not understood"


def outcome_labels(rows: Iterable[Sample]) -> frozenset[str]:
    """The labels of these series that tell how events ended: by their name, or since some value says it went well."""
    found = set(OF_OUTCOMES)
    for row in rows:
        found |= {label for label, value in row.labels.items() if value.casefold() in _PLAIN_SUCCESSES}
    return frozenset(found - _NO_OUTCOME)


def beside(label: str, value: str, telling: frozenset[str], words: Words) -> Ended | None:
    """How a label says that events ended, which nobody named for that; None where it does not speak of it.

    Args:
        telling: from `outcome_labels`.
    """
    if label in _NO_OUTCOME or not value:
        return None
    if label in telling:
        return ended(label, value, words)
    return Ended.BADLY if value.casefold() in _PLAIN_FAILURES or _yes_or_no(label, value) is Ended.BADLY else None


def ended(label: str, value: str, words: Words) -> Ended:
    """How events ended whose label says this: a yes or no, a status of HTTP, another number, or a word."""
    if (said := _yes_or_no(label, value)) is not None:
        return said
    if _ZERO_IS_WELL & _parts(label) and _NUMBER.fullmatch(value):
        return Ended.WELL if int(value) == 0 else Ended.BADLY
    if _STATUS.fullmatch(value):
        return Ended.BADLY if value.startswith("5") else Ended.WELL
    if label in OF_FAILURES:
        # Whatever kind of error it names. "OK" and "none" are none.
        known = of_table("outcome", value, words)
        return known if known is Ended.WELL or not words.names_an_error(value) else Ended.BADLY
    return of_table("outcome", value, words)


def of_table(table: str, word: str, words: Words) -> Ended:
    """What a word means in one of the tables `outcome`, `evaluation` and `decision`."""
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


def _yes_or_no(label: str, value: str) -> Ended | None:
    parts, word = _parts(label), value.casefold()
    if word not in _YES | _NO or "type" in parts or _ZERO_IS_WELL & parts:
        return None
    if _SAYS_IT_FAILED & parts:
        return Ended.BADLY if word in _YES else Ended.WELL
    if _SAYS_IT_WENT_WELL & parts:
        return Ended.WELL if word in _YES else Ended.BADLY
    return None


def _parts(label: str) -> set[str]:
    """The words of a label's name: `is_error` and `isError` have two."""
    return {part.casefold() for part in _PARTS.findall(label)}
