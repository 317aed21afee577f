"""Which fields of logs and spans hold what people and models said to each other: prompts, completions, tool results.

They may hold personal data, so pages fold them away and exports leave them out. Each convention (OpenTelemetry old and
new, OpenInference, Traceloop, OpenLIT, Langfuse, MLflow, Vercel's and others) has names of its own, and shippers write
dots as underscores. So the words of a name decide, and where they leave a doubt, it is content. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# These words alone say it,
_SAYS: Final = _set(
    "prompt prompts completion completions messages instructions inputs outputs answer question explanation "
    "transcript conversation"
)
# and these at the end,
_ENDS: Final = frozenset(("input", "output", "content", "contents"))
# and these pairs: what something holds, and what goes into a tool or comes out.
_HOLDERS: Final = _set("input output response request message document embedding query observation")
_HELD: Final = _set("value values text content contents data body object message")
_TOOLS: Final = _set("tool toolcall call function")
_OF_TOOLS: Final = _set("result results response output input parameters message content object")
_PAIRS: Final = frozenset(
    (("task", "description"), ("agent", "result"), ("final", "result"), ("ai", "choice"), ("ai", "values"))
)
_ARGUMENTS: Final = frozenset(("args", "arguments"))
_OF_PROCESSES: Final = _set("process container command cmd jvm")
# A number about content, or its name, is no content.
_COUNTED: Final = _set("token tokens usage cost")
_ABOUT: Final = _set(
    "count counts total length size bytes id ids name names type types model version hash price role index kind format "
    "reason reasons duration seconds ms status language score relevance relevancy correctness sent received"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_EVENT_NAMES: Final = ("event_name", "attributes.event.name", "event.name", "labels.event_name")
_EVENT: Final = re.compile(
    r"gen_ai\.(?:(?:system|user|assistant|tool)\.message|choice|client\.inference\..*|content\..*)"
    r"|\w+\.(?:user_prompt|assistant_response|prompt|completion)"
)


def is_content(name: str) -> bool:
    """Whether a field of this name holds a prompt, a completion or what went into or came out of a tool."""
    words = tuple(word.lower() for word in _WORD.findall(name.replace("toolCall", "toolcall")))
    if not words or words[-1] in _ABOUT or _COUNTED & set(words):
        return False
    if _SAYS & set(words) or words[-1] in _ENDS:
        return True
    if _ARGUMENTS & set(words):
        return not _OF_PROCESSES & set(words)
    return "db" not in words and any(map(_is_held, pairwise(words)))


def _is_held(pair: tuple[str, str]) -> bool:
    first, second = pair
    return (first in _HOLDERS and second in _HELD) or (first in _TOOLS and second in _OF_TOOLS) or pair in _PAIRS


def is_content_event(fields: Mapping[str, Any]) -> bool:
    """Whether a log line itself is a message of a conversation, so that its body is content."""
    return any(_EVENT.fullmatch(str(fields.get(name, ""))) for name in _EVENT_NAMES)
