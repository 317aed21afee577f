"""What the words of other people's systems mean: severities of alerts, log levels, outcomes of operations, decisions,
evaluations of contracts, how tasks ended, and why pods do not run.

One table for each, and one lookup. A word outside its table is *not understood*: `meaning` answers None, and the caller
says so and shows the word itself. It never counts as the harmless case. An environment's settings extend the tables.
Words that mean different things to different people (P2, sev2) are left out on purpose: only the settings can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from dashboard.model.workload import Health

M = TypeVar("M")

LONGEST_WORD = 40


class Severity(StrEnum):
    """How urgent an alert is, worst first."""

    CRITICAL = "critical"
    UNKNOWN = "not understood"  # may be the worst, so it stands above a warning
    WARNING = "warning"
    INFO = "info"


class LogLevel(StrEnum):
    """The level that a log line states, worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


class SpanOutcome(StrEnum):
    """The outcome that a span or a metric states. UNSAID: it states none."""

    FAILED = "failed"
    SUCCEEDED = "succeeded"
    UNSAID = "not said"


class PolicyDecision(StrEnum):
    """What a policy decided about a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    CHANGED = "changed"
    ESCALATED = "escalated"
    NOTED = "noted"


class EvaluationOutcome(StrEnum):
    """What the evaluation of a contract found. ERRORED and SKIPPED: nobody knows whether the contract was kept."""

    PASSED = "passed"
    VIOLATED = "violated"
    ERRORED = "errored"
    SKIPPED = "skipped"


class TaskOutcome(StrEnum):
    """How a task ended for the person who gave it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HANDED_OVER = "handed over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary(Generic[M]):
    """Words with their meanings. Case, spaces, dashes and underscores make no difference: "SEV-1" is "sev1".

    Attributes:
        key: name of its settings table: `[environments.X.words.KEY]`.
        spelled: word as people write it, in lower case, and its meaning.
        told: the words that the settings gave a meaning, folded.
    """

    key: str
    spelled: Mapping[str, M]
    told: frozenset[str] = frozenset()
    _folded: Mapping[str, M] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folded", {folded(word): meaning for word, meaning in self.spelled.items()})

    def meaning(self, word: str) -> M | None:
        """What `word` means; None where it is not understood."""
        return self._folded.get(folded(word))

    def is_told(self, word: str) -> bool:
        """Whether the settings say what `word` means."""
        return folded(word) in self.told

    def extended(self, more: Mapping[str, M]) -> Vocabulary[M]:
        """The same table with more words; `more` wins over what is there."""
        new = frozenset(folded(word) for word in more)
        kept = {word: meaning for word, meaning in self.spelled.items() if folded(word) not in new}
        return replace(self, spelled={**kept, **more}, told=self.told | new)

    def words_for(self, *meanings: M) -> tuple[str, ...]:
        """Words that mean one of `meanings`, in lower case."""
        return tuple(word for word, meaning in self.spelled.items() if meaning in meanings and word)

    def spellings(self, *meanings: M) -> tuple[str, ...]:
        words = self.words_for(*meanings)
        return tuple(dict.fromkeys(spelling for word in words for spelling in _cases(word)))


def folded(word: str) -> str:
    """A word without the differences that make no difference: case, spaces, dashes, underscores.

    A number is no word: -1 is not 1, and 4.5 is not 45, but 4.0 is 4.
    """
    bare = word.strip()
    return _WHOLE.sub("", bare) if _NUMBER.fullmatch(bare) else word.casefold().translate(_IGNORED)


def shown(word: str) -> str:
    """A word that was not understood, as a sentence shows it."""
    word = " ".join(word.split())
    return f"“{word[:LONGEST_WORD]}{'…' * (len(word) > LONGEST_WORD)}”" if word else "no word"


_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_WHOLE = re.compile(r"\.0+$")
_IGNORED = dict.fromkeys(map(ord, " \t-_."))


def _cases(word: str) -> Iterable[str]:
    return (word, word.upper(), word.capitalize())


def _table(key: str, words: Mapping[M, str]) -> Vocabulary[M]:
    return Vocabulary(
        key=key, spelled={word: meaning for meaning, several in words.items() for word in several.split()}
    )


SEVERITIES: Vocabulary[Severity] = _table(
    "severity",
    {
        Severity.CRITICAL: "critical crit page pager paging p0 p1 sev0 sev1 s1 severity1 error err high highest major "
        "severe fatal emergency emerg alert urgent disaster blocker outage down panic immediate",
        Severity.WARNING: "warning warn ticket p3 sev3 s3 medium moderate minor average low",
        Severity.INFO: "info information informational notice none ok debug p4 p5 sev4 sev5 s4 s5 lowest",
    },
)
# Numbers are those of syslog (GELF, journald), of pino, bunyan and Python, and of log4j and logback. Numbers that two
# of them read differently are left out: 200 is an error to log4j 2 and information to monolog. For 0 to 5, 20, 30 and
# 40 see `level_numbers.py`: the document around them may tell whose they are.
LEVELS: Vocabulary[LogLevel] = _table(
    "level",
    {
        LogLevel.ERROR: "error err errors severe fatal critical crit emergency emerg alert panic dpanic failure failed "
        "error2 error3 error4 fatal2 fatal3 fatal4 e f 50 60 40000 50000",
        LogLevel.WARNING: "warning warn warn2 warn3 warn4 wrn w 30000",
        LogLevel.INFO: "info information informational notice log ok success info2 info3 info4 inf config i n 6 20000",
        LogLevel.DEBUG: "debug debug2 debug3 debug4 trace trace2 trace3 trace4 verbose fine finer finest silly dbg trc "
        "all d t 7 10 10000 5000",
    },
)
# OTLP's numbers are 0 unset, 1 ok, 2 error. "Unset" means that nobody stated an outcome.
OUTCOMES: Vocabulary[SpanOutcome] = _table(
    "outcome",
    {
        SpanOutcome.FAILED: "error errors errored failure failures failed fail err status_code_error status_error "
        "exception timeout timed_out deadline_exceeded cancelled canceled aborted crash crashed panic fatal internal "
        "internal_error unavailable broken unsuccessful not_ok nok ko 2",
        SpanOutcome.SUCCEEDED: "ok success succeeded successful status_code_ok status_ok completed complete done "
        "finished passed pass 1",
        SpanOutcome.UNSAID: "unset unknown status_code_unset status_unset none 0",
    },
)
# In a field for errors these say that there was none; the regular expression of the same is `event_matchers.NO_ERROR`.
NO_ERROR_WORDS = (
    *("", "-", "--", "n/a", "na", "none", "null", "nil", "no", "false", "0", "no_error", "noerror", "ok", "success"),
    *("succeeded", "successful", "complete", "completed", "done", "finished", "pass", "passed"),
)
DECISIONS: Vocabulary[PolicyDecision] = _table(
    "decision",
    {
        PolicyDecision.ALLOWED: "allow allowed permit permitted grant granted accept accepted approve approved pass "
        "passed ok true",
        PolicyDecision.DENIED: "deny denied block blocked refuse refused reject rejected forbid forbidden fail failed "
        "drop dropped violation false",
        PolicyDecision.CHANGED: "modify modified redact redacted mask masked sanitize sanitized rewrite rewritten",
        PolicyDecision.ESCALATED: "escalate escalated review require_approval requires_approval approval_required "
        "pending hold held",
        PolicyDecision.NOTED: "audit audited log logged warn warned dryrun monitor",
    },
)
EVALUATIONS: Vocabulary[EvaluationOutcome] = _table(
    "evaluation",
    {
        EvaluationOutcome.PASSED: "pass passed ok success succeeded successful kept keep compliant met satisfied "
        "valid conformant good true",
        EvaluationOutcome.VIOLATED: "violation violated violate fail failed failure breach breached broken "
        "noncompliant not_met unsatisfied invalid nok bad false",
        EvaluationOutcome.ERRORED: "error errored err exception timeout timed_out aborted",
        EvaluationOutcome.SKIPPED: "skip skipped not_applicable n/a waived exempt",
    },
)
TASKS: Vocabulary[TaskOutcome] = _table(
    "task",
    {
        TaskOutcome.SUCCEEDED: "success succeeded successful ok done complete completed finished passed pass resolved "
        "solved",
        TaskOutcome.FAILED: "failure failed fail error errored err exception timeout timed_out aborted cancelled "
        "canceled rejected unresolved unsuccessful",
        TaskOutcome.HANDED_OVER: "handoff handed_off handover handed_over escalated escalation human transferred",
    },
)
# Reasons of pods and containers in the words of the kubelet, the scheduler and the node controller. OVER means that it
# ended; phase and exit code tell whether that was a failure.
REASONS: Vocabulary[Health] = _table(
    "reason",
    {
        Health.FAILING: "CrashLoopBackOff ImagePullBackOff ErrImagePull ErrImageNeverPull ImageInspectError "
        "InvalidImageName RegistryUnavailable SignatureValidationFailed CreateContainerConfigError "
        "CreateContainerError RunContainerError RunInitContainerError PreCreateHookError PreStartHookError "
        "PostStartHookError CreatePodSandboxError ConfigPodSandboxError KillPodSandboxError KillContainerError "
        "SetupNetworkError TeardownNetworkError VerifyNonRootError Unschedulable SchedulerError NodeLost "
        "NodeUnreachable",
        Health.CHANGING: "ContainerCreating PodInitializing SchedulingGated RestartingAllContainers",
        Health.OVER: "Completed Error OOMKilled ContainerCannotRun StartError DeadlineExceeded Evicted "
        "ContainerStatusUnknown Shutdown NodeShutdown Terminated NodeAffinity Preempting UnexpectedAdmissionError "
        "TopologyAffinityError PodOSNotSupported InvalidNodeInfo NodePorts SysctlForbidden AppArmor OutOfCpu "
        "OutOfMemory OutOfPods OutOfEphemeral-Storage",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The tables of one environment."""

    severity: Vocabulary[Severity] = SEVERITIES
    level: Vocabulary[LogLevel] = LEVELS
    outcome: Vocabulary[SpanOutcome] = OUTCOMES
    decision: Vocabulary[PolicyDecision] = DECISIONS
    evaluation: Vocabulary[EvaluationOutcome] = EVALUATIONS
    task: Vocabulary[TaskOutcome] = TASKS
    reason: Vocabulary[Health] = REASONS

    @property
    def no_error(self) -> tuple[str, ...]:
        """Spellings that say in a field for errors that there was none."""
        usual = tuple(dict.fromkeys(spelling for word in NO_ERROR_WORDS for spelling in _cases(word)))
        return tuple(dict.fromkeys((*usual, *self.outcome.spellings(SpanOutcome.SUCCEEDED))))

    def names_an_error(self, value: str) -> bool:
        """Whether the value of a field for errors names one."""
        plain = value.strip().casefold()
        return plain not in NO_ERROR_WORDS and self.outcome.meaning(value) is not SpanOutcome.SUCCEEDED

    def extended(self, more: Mapping[str, Mapping[str, str]]) -> Words:
        """The tables with the words of the settings, by the key of each table.

        Raises:
            ValueError: a word is given a meaning that its table does not have.
        """
        return replace(self, **{key: _extended(getattr(self, key), words) for key, words in more.items() if words})


def _extended(table: Vocabulary[Any], words: Mapping[str, str]) -> Vocabulary[Any]:
    meanings = type(next(iter(table.spelled.values())))
    return table.extended({word: meanings(meaning) for word, meaning in words.items()})


WORDS = Words()
