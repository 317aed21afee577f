"""What the name of a label says about its values: what a yes means, that it names errors, how a number is read. Pure.

A rule on the words of a name finds labels that no list has: `llm_exception_class`, `wasCancelled`, `failed_step`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*")
YES, NO = ("true", "1", "yes", "y", "t"), ("false", "0", "no", "n", "f", "none", "null", "nil")

_BAD = {
    *("abort", "aborted", "blocked", "breach", "breached", "broken", "cancelled", "canceled", "crash", "crashed"),
    *("denied", "died", "dropped", "err", "error", "errored", "errors", "evicted", "exception", "exceptions"),
    *("expired", "fail", "failed", "failing", "fails", "failure", "failures", "fatal", "fault", "faulted", "faulty"),
    *("forbidden", "hung", "illegal", "incomplete", "interrupted", "invalid", "killed", "lost", "noncompliant"),
    *("oom", "oomkilled", "overloaded", "panic", "panicked", "preempted", "ratelimited", "refused", "rejected"),
    *("stuck", "exceeded", "throttled", "timedout", "timeout", "unhandled", "unhealthy", "unresolved"),
    *("unsatisfied", "unsolved", "unsuccessful", "violated", "violates", "violation", "deny", "reject", "block"),
}
_GOOD = {
    *("accepted", "achieved", "allow", "allowed", "approved", "complete", "completed", "compliant", "conformant"),
    *("correct", "done", "finished", "fulfilled", "good", "granted", "healthy", "kept", "met", "ok", "okay", "pass"),
    *("passed", "passes", "permitted", "resolved", "satisfied", "solved", "succeed", "succeeded", "success"),
    *("successful", "successfully", "valid", "validated"),
}
# Words that may stand around such a one without changing what a yes means: `tool_call_succeeded`, `error_seen`.
_AROUND = {
    *("agent", "api", "be", "been", "call", "check", "contract", "did", "eval", "evaluation", "flag", "found"),
    *("fully", "guard", "guardrail", "has", "had", "is", "job", "llm", "model", "occurred", "operation", "policy"),
    *("present", "query", "request", "response", "result", "rule", "run", "schema", "seen", "sla", "slo", "state"),
    *("status", "step", "task", "test", "tool", "validation", "was", "were", "workflow"),
}
# Of these a failure is none of the event's: `cache_invalid`, `parent_failed`.
_OF_OTHERS = {"cache", "parent", "previous", "retry", "token"}
_NEGATIONS = {"not", "no", "non", "without", "never", "free", "isnt"}
# Words of two parts: `timed_out` and `timedOut`.
_PAIRS = {
    *("timed out", "time out", "rate limited", "oom killed", "return code", "ret code", "exit code", "exit status"),
    *("status code", "response flags"),
}
# Behind one of these stands a kind of error, its words or its number, and nothing where there was none.
_ERRORS = {
    *("crash", "err", "errno", "error", "errors", "exc", "exception", "exceptions", "failed", "failing", "failure"),
    *("failures", "fault", "faults", "panic", "responseflags"),
}
# A name with one of these speaks of errors and names none: `failure_domain`, `error_budget`, `on_error`.
_NO_ERRORS = {
    *("action", "allowed", "bound", "bounds", "bucket", "budget", "channel", "correction", "detection", "detector"),
    *("domain", "domains", "endpoint", "expected", "handler", "handling", "ignore", "ignored", "inject", "injected"),
    *("injection", "level", "limit", "log", "logs", "margin", "max", "min", "model", "on", "over", "page", "policy"),
    *("proof", "queue", "rate", "ratio", "recovery", "region", "reporting", "retries", "retry", "retryable"),
    *("severity", "sink", "strategy", "threshold", "tolerance", "tolerant", "topic", "tracker", "tracking", "zone"),
}
_REASONS = {"reason", "cause"}
_ROOTS = re.compile(
    r"abort|block|breach|cancel|crash|den(?:y|ied|ial)|drop|error|evict|fail|fault|kill|panic|refus|reject|throttl"
    r"|timed?out|violat"
)
_ENDS = {"completion", "end", "exit", "finish", "finished", "stop", "stopped", "termination", "terminated"}
_ZERO_IS_WELL = {"exit", "exitcode", "exitstatus", "grpc", "rc", "ret", "retcode", "returncode", "errorlevel"}
_OF_OTLP = {"otel", "otlp", "span"}
_VERDICTS = {"outcome", "result", "status", "verdict"}
# To the question that one of these asks, a plain yes or no is an answer.
_ANSWERS = {*_VERDICTS, "answer", "conclusion", "decision", "disposition", "effect", "response", "ruling"}
_CODES = {"code", "httpcode", "httpstatus", "statuscode"}
_OPERATIONS = {
    *("api", "backend", "call", "client", "completion", "end", "execution", "final", "grpc", "http"),
    *("invocation", "job", "llm", "operation", "otel", "otlp", "provider", "query", "reply"),
    *("request", "response", "rpc", "run", "server", "span", "step", "task", "tool", "upstream", "workflow"),
}


@lru_cache(maxsize=4096)
def parts(label: str) -> tuple[str, ...]:
    """The words of a label's name: `is_error`, `isError` and `is.error` have two."""
    found = [part.casefold() for part in _PARTS.findall(label)]
    joined: list[str] = []
    for part in found:
        if joined and f"{joined[-1]} {part}" in _PAIRS:
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


@lru_cache(maxsize=4096)
def yes_is_well(label: str) -> bool | None:
    """What a yes means: that it went well, that it failed, or nothing that the name says."""
    words = parts(label)
    telling = [at for at, word in enumerate(words) if word in _BAD | _GOOD]
    if not telling or reads_zero_as_well(label) or set(words) & _OF_OTHERS:
        return None
    plain = _AROUND | _NEGATIONS | _BAD | _GOOD
    is_bad = any(words[at] in _BAD for at in telling)
    # Anything may have failed; of what went well the name must say that it is the event.
    around = words[telling[-1] :] if is_bad else words
    if not set(around) <= plain or set(words) & (_NO_ERRORS - plain):
        return None
    return (not is_bad) is not bool(set(words) & _NEGATIONS)


@lru_cache(maxsize=4096)
def names_errors(label: str) -> bool:
    """Whether its values name kinds of errors, so that events that went well have none."""
    said = parts(label)
    if set(said) & (_NO_ERRORS | _NEGATIONS):
        return False
    is_reason = bool(said) and said[-1] in _REASONS and any(map(_ROOTS.match, said))
    return is_reason or bool(set(said) & _ERRORS)


def names_an_ending(label: str) -> bool:
    """Whether its values say why something ended, well or not: `finish_reason`."""
    said = set(parts(label))
    return bool(said & _ENDS) and bool(said & _REASONS)


def reads_zero_as_well(label: str) -> bool:
    """Whether 0 is the only number that means well, as of exit codes and of gRPC."""
    return bool(_ZERO_IS_WELL & set(parts(label)))


def is_of_otlp(label: str) -> bool:
    """Whether its numbers are those of a span's status: 1 is well and 2 failed."""
    return bool(_OF_OTLP & set(parts(label)))


def is_verdict(label: str) -> bool:
    """Whether it says in a word how something ended, so that a yes needs no more words: `result`, `run_status`."""
    *before, last = parts(label) or ("",)
    return last in _VERDICTS | _CODES and set(before) <= _OPERATIONS


def is_answer(label: str) -> bool:
    """Whether a plain true or false under it means that it went well or did not: `decision`, `check_result`."""
    return (parts(label) or ("",))[-1] in _ANSWERS


def is_state(label: str) -> bool:
    """Whether it says where something stands, under way or ended: `task_state`."""
    *before, last = parts(label) or ("",)
    return last in {"state", "phase"} and set(before) <= _OPERATIONS


def said_yes(value: str) -> bool | None:
    """Whether a value is a yes or a no; None where it is neither."""
    word = value.strip().casefold()
    return True if word in YES else False if word in NO else None


def spelled(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words in the cases that programs write: true, True, TRUE."""
    return tuple(dict.fromkeys(each for word in words for each in (word, word.capitalize(), word.upper())))
