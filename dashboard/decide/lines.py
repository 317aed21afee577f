"""Reads a log line as its program wrote it: what it says, and its level where the line states it with certainty.

Programs write JSON, logfmt, plain text with a header, colours and tracebacks, and many shippers pass the line on
unparsed. Takes linear time in the length of the line, whatever is in it. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from dashboard.model.level_numbers import Family, family_of, siblings_of

# The part of a line that is shown and that its kind depends on. A traceback is also read from its end.
LONGEST_LINE = 4_000
# JSON is only understood whole. The connector cuts longer strings.
LONGEST_JSON = 300_000
_DEEPEST = 3

_COLOURS = re.compile(
    r"(?:\x1b|\\x1b|\\u001b|\\033|#033)\[[0-9;?]{0,20}[ -/]{0,4}[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
# Container runtimes put time, stream and a flag before each line.
_RUNTIME = re.compile(r"\d{4}-\d\d-\d\dT\S{8,30} (?:stdout|stderr) [FP] ")
_SYSLOG = re.compile(r"<(\d{1,3})>")
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
_KLOG_WORDS = {"I": "info", "W": "warning", "E": "error", "F": "fatal"}
_SYSLOG_WORDS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_LEVEL_NAMES = re.compile(
    r"TRACE|DEBUG|FINEST|FINER|FINE|VERBOSE|INFO|INFORMATION|INFORMATIONAL|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|FATAL"
    r"|CRIT|CRITICAL|ALERT|EMERG|EMERGENCY|PANIC"
)
_ANY_CASE = re.compile(_LEVEL_NAMES.pattern, re.IGNORECASE)
# `[error]`, `(ERROR)`, `<Error>`, or `error:` as the first word.
_BRACKETED = re.compile(r"[\[(<|](\w+)[\])>|]:?")
_FIRST_WORD = re.compile(r"(\w+):")
_HEADER_TOKENS = 8
# The uncaught error that ended a program.
_CRASHES = ("Traceback (most recent call last)", "panic: ", "Exception in thread ", "Unhandled exception")

_MESSAGE_KEYS = ("message", "msg", "event", "text", "body", "log", "@message", "@m", "@mt", "MESSAGE",
                 "Message", "MessageTemplate", "RenderedMessage", "short_message")  # fmt: skip
# A template says what all lines of one event have in common; its rendering has names of users in it.
_TEMPLATES, _RENDERINGS = ("@mt", "MessageTemplate"), ("@m", "RenderedMessage", "Message")
_ERROR_KEYS = ("error", "err", "errors", "exception", "exc", "exc_info", "exc_type", "error.message", "error.type",
               "error_message", "error_type", "exception.message", "exception.type", "exception_class",
               "exception_message", "reason", "cause", "code", "error_code", "thrown", "stack", "stack_trace",
               "stacktrace", "@x", "Exception")  # fmt: skip
_ERRORS = frozenset(("error", "err", "exception", "thrown"))
_OF_ERRORS = frozenset(("type", "kind", "class", "name", "code", "message", "stack_trace", "stacktrace", "stack"))
_OWN_ERROR_FIELDS = frozenset(
    ("error_type", "error_message", "error_code", "exception_class", "stack_trace", "exc_info")
)
# The line before the first frame of a stack names the error: Java, .NET, JavaScript, Elixir, Ruby.
_FRAME = re.compile(r"\s+(?:at \S|\.\.\. \d+ more|\([\w.]+ [\d.]+\) |from \S+:\d)")
# The console of .NET names the logger in the first line and says the message in the second.
_CATEGORY = re.compile(r"(trce|dbug|info|warn|fail|crit): .*\[\d+\]$")
_CONSOLE_WORDS = {"trce": "trace", "dbug": "debug", "info": "info", "warn": "warn", "fail": "error", "crit": "critical"}
_LEVEL_KEYS = ("level", "severity", "log.level", "loglevel", "log_level", "levelname", "lvl", "severity_text",
               "severityText", "SeverityText", "@level", "@l", "level_name", "log.severity", "Level",
               "LogLevel", "PRIORITY")  # fmt: skip
_LEVEL_NUMBER_KEYS = ("severity_number", "severityNumber", "SeverityNumber")
# Differ from line to line and say nothing about the event.
_ASIDE = re.compile(
    r"(?i)(?:.*[._])?(?:@?timestamp|time|ts|@t|t|date|pid|tid|thread|host|hostname|pod|caller|file|line|lineno|trace_?id"
    r"|span_?id|request_?id|run_?id|id|uuid|duration|elapsed|seq|v|stream)|@timestamp|@t"
)
_PAIR = re.compile(r'(?<![^\s])([A-Za-z_@][\w.@-]{0,60}+)=("(?:[^"\\]|\\.)*+"|[^\s"]*+)')


@dataclass(frozen=True, slots=True)
class LogLine:
    """What one line says, on one line of text, and the word for its level; "" where it does not state one.

    `family` tells whose number the level is, where it is a number and the line shows it.
    """

    text: str
    level: str
    family: Family | None = None


def read(message: str) -> LogLine:
    """The message and the level of a line, whatever its format."""
    return _read(message, 0)


def tells_error(field: str) -> bool:
    """Whether a field of a document tells the error of its line: `error.type`, `attributes.exception.message`."""
    *above, last = field.split(".")
    return last in _OWN_ERROR_FIELDS or (last in _OF_ERRORS and bool(_ERRORS & set(above)))


def plain(text: str) -> str:
    """Text without colours and control characters."""
    if "\x1b" in text or "33[" in text or "1b[" in text:
        text = _COLOURS.sub("", text)
    return _CONTROLS.sub(" ", text)


def _read(message: str, depth: int) -> LogLine:
    text = message.strip()
    if header := _RUNTIME.match(text):
        text = text[header.end() :]
    if (found := _structured(text, depth)) is not None:
        return found
    text = plain(text if len(text) <= 2 * LONGEST_LINE else f"{text[:LONGEST_LINE]}\n{text[-LONGEST_LINE:]}").strip()
    return _pairs(text) or LogLine(_said(text), _level(text))


def _structured(text: str, depth: int) -> LogLine | None:
    """A JSON object, or one behind a short header; None where there is none."""
    start = text.find("{", 0, 200)
    if start < 0 or depth >= _DEEPEST or len(text) > LONGEST_JSON or not text.endswith("}"):
        return None
    try:
        tree = json.loads(text[start:])
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict) or not tree:
        return None
    header = plain(text[:start]).strip()
    inner = _of_tree(tree, depth)
    if not header:
        return inner
    return LogLine(f"{_said(header)} {inner.text}", inner.level or _level(header), inner.family)


def _of_tree(tree: Mapping[str, Any], depth: int) -> LogLine:
    """The message and the error of a structured line; without either, all its fields."""
    flat = dict(_leaves(tree))
    said: list[str] = []
    key = next((key for key in _LEVEL_KEYS if flat.get(key) not in (None, "")), "")
    level = str(flat[key]) if key else ""
    family = family_of(siblings_of(flat, key), level, key) if key else None
    level = level or next((of_number(flat[key]) for key in _LEVEL_NUMBER_KEYS if key in flat), "")
    has_template = any(flat.get(name) for name in _TEMPLATES)
    for name, value in flat.items():
        if _is_message(name) and not (has_template and name in _RENDERINGS):
            inner = _read(value, depth + 1) if isinstance(value, str) else LogLine(str(value), "")
            said.append(inner.text)
            if not level:
                level, family = inner.level, inner.family
    said += [error_in(key, value) for key, value in flat.items() if isinstance(value, str) and _is_error(key)]
    if not said:
        said = [f"{key}={plain(str(flat[key]))}" for key in sorted(flat) if not _is_aside(key)]
    return LogLine(
        ": ".join(dict.fromkeys(filter(None, (part.strip() for part in said))))[:LONGEST_LINE], level, family
    )


def _is_message(key: str) -> bool:
    return key in _MESSAGE_KEYS or (key.startswith("body.") and key.removeprefix("body.") in _MESSAGE_KEYS)


def _is_error(key: str) -> bool:
    """The error's type, code and message, and its stack, of which only the ends are read."""
    return key in _ERROR_KEYS or key.partition(".")[0] in _ERROR_KEYS


def error_in(key: str, value: str) -> str:
    """What a field tells of an error. Of a stack only the error above its frames: which frames there are, varies."""
    text = plain(value[: 2 * LONGEST_LINE])
    return _ends(text.split("\n")) if "stack" in key else _said(text)


def _is_aside(key: str) -> bool:
    return key in _LEVEL_KEYS or key in _LEVEL_NUMBER_KEYS or _ASIDE.fullmatch(key) is not None


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", "\n".join(str(one) for one in value)
        elif value is not None:
            yield f"{prefix}{key}", value


def _pairs(text: str) -> LogLine | None:
    """A line in logfmt; None where it is none: it begins with a pair, or one of its pairs is its message."""
    first = text.split("\n", 1)[0]
    found = {key: _unquoted(value) for key, value in _PAIR.findall(first)}
    is_logfmt = len(found) > 1 and (_PAIR.match(first) or any(key in found for key in ("msg", "message")))
    if not is_logfmt:
        return None
    return _of_tree(found, _DEEPEST - 1)


def _unquoted(value: str) -> str:
    return value[1:-1].replace('\\"', '"').replace("\\n", "\n") if value.startswith('"') else value


def _said(text: str) -> str:
    """What a plain text says: its first line, and what a traceback or a chain of causes ends with."""
    lines = [line.rstrip() for line in text.strip().split("\n")]
    first = lines[0].strip()
    if len(lines) == 1:
        return first[:LONGEST_LINE]
    if _CATEGORY.fullmatch(first):
        first, lines = f"{first}: {lines[1].strip()}", [first, *lines[2:]]
    ends = _ends(lines)
    if first.startswith(_CRASHES[0]):
        return ends or first
    if first.endswith(":") and not ends:
        ends = next((line.strip() for line in lines[1:] if line and not line[0].isspace()), "")
    if ends and ends not in first:
        first = f"{first.removesuffix(':')[: LONGEST_LINE // 2]}: {ends}"
    return first[:LONGEST_LINE]


def _ends(lines: list[str]) -> str:
    """The error that a Python traceback ends with, or Java's innermost cause; "" where there is neither."""
    start = next((at for at in range(len(lines) - 1, -1, -1) if _CRASHES[0] in lines[at]), None)
    if start is not None:
        return next((bare for line in lines[start + 1 :] if (bare := _unframed(line)) and not bare[0].isspace()), "")
    causes = [line.strip() for line in lines if line.lstrip().startswith("Caused by: ")]
    if causes:
        return causes[-1].removeprefix("Caused by: ")
    return next((one.strip() for one, after in pairwise(lines) if _FRAME.match(after) and not _FRAME.match(one)), "")


def _unframed(line: str) -> str:
    """A line of an exception group without its frame."""
    bare = line.lstrip(" ")
    return bare.lstrip("|+- ").rstrip() if bare.startswith(("|", "+")) else line


def _level(text: str) -> str:
    """The level that a plain line states in its header; "" where it does not, or not for certain."""
    if text.startswith(_CRASHES):
        return "error"
    if found := _CATEGORY.match(text.split("\n", 1)[0]):
        return _CONSOLE_WORDS[found[1]]
    if found := _SYSLOG.match(text):
        return _SYSLOG_WORDS[int(found[1]) % 8]
    if found := _KLOG.match(text):
        return _KLOG_WORDS[found[1]]
    tokens = text[:300].split("\n", 1)[0].split()[:_HEADER_TOKENS]
    for at, token in enumerate(tokens):
        if word := _level_of(token, is_first=at == 0):
            return word
        if not _is_header(tokens, at):
            return ""
    return ""


def _level_of(token: str, *, is_first: bool) -> str:
    if (found := _BRACKETED.fullmatch(token)) and _ANY_CASE.fullmatch(found[1]):
        return found[1]
    if is_first and (found := _FIRST_WORD.fullmatch(token)) and _ANY_CASE.fullmatch(found[1]):
        return found[1]
    bare = token.strip("[]()<>|:,-")
    return bare if _LEVEL_NAMES.fullmatch(bare) else ""


def _is_header(tokens: list[str], at: int) -> bool:
    """Whether a token may stand before the level: a time, a name in brackets, a logger, or a separator."""
    token = tokens[at]
    if not any(sign.isalpha() for sign in token) or any(sign.isdigit() for sign in token):
        return True
    if token[0] in "[(<" or token[-1] in "])>" or "." in token.strip(".:"):
        return True
    around = (tokens[at - 1] if at else "", tokens[at + 1] if at + 1 < len(tokens) else "")
    return any(other in ("-", "|", ":", "--") for other in around)


def of_number(number: Any) -> str:
    """The word for OpenTelemetry's number of a level: 1 to 24, in steps of four; "" for any other."""
    words = ("trace", "debug", "info", "warn", "error", "fatal")
    try:
        value = int(number)
    except (TypeError, ValueError, OverflowError):
        return ""
    return words[(value - 1) // 4] if 1 <= value <= 24 else ""
