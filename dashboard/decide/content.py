"""Which fields of logs and spans hold what people and models said to each other: prompts, completions, tool results.

They may hold personal data, so pages fold them away and exports leave them out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

# As the conventions of OpenTelemetry (old and new), OpenInference, Traceloop and OpenLIT name them.
_CONTENT: Final = re.compile(
    r"(?:^|\.)(?:"
    r"gen_ai\.(?:prompt|completion|system_instructions|(?:input|output|content)(?:\.(?:messages|prompt|completion))?)"
    r"|gen_ai\.tool\.(?:call\.)?(?:arguments|result|message|output|input)"
    r"|gen_ai\.(?:system|user|assistant|tool)\.message|gen_ai\.choice"
    r"|(?:llm|traceloop\.entity|db\.query)\.(?:prompts?|completions?|input|output|input_messages|output_messages)"
    r"|(?:input|output)\.value|(?:llm\.)?(?:input|output)_messages"
    r"|message\.content|(?:body\.\w+\.)?(?:prompt|completion|messages)"
    r")(?:\.|$)"
)
_EVENT_NAMES: Final = ("event_name", "attributes.event.name", "event.name", "labels.event_name")
_EVENT: Final = re.compile(
    r"gen_ai\.(?:(?:system|user|assistant|tool)\.message|choice|client\.inference\..*|content\..*)"
)


def is_content(name: str) -> bool:
    """Whether a field of this name holds a prompt, a completion or what went into or came out of a tool."""
    return _CONTENT.search(name) is not None


def is_content_event(fields: Mapping[str, Any]) -> bool:
    """Whether a log line itself is a message of a conversation, so that its body is content."""
    return any(_EVENT.fullmatch(str(fields.get(name, ""))) for name in _EVENT_NAMES)
