"""Which messages of a browser reach Streamlit: those that the deck's pages need, and no others. Pure.

Streamlit's protocol also has messages that empty the caches of all visitors, write files beside the app, or change how
the server behaves. Nobody needs them here, so they are dropped without a word: a browser sends some by itself.
"""

from __future__ import annotations

from enum import StrEnum

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg

# The widgets of the largest page take some kilobytes.
LONGEST_BYTES = 1 << 18
_PASSING = frozenset({"stop_script", "app_heartbeat"})
_OPERATIONS = frozenset({"deferred_file", "dataframe_chunk"})


class Kind(StrEnum):
    """What becomes of a message."""

    RUN = "run"  # runs the script: counted and limited
    EXPORT = "export"  # makes a file in a thread: only one that this visitor was offered
    LET = "let through"
    DROP = "drop"
    TOO_LONG = "too long"
    UNREADABLE = "unreadable"


def kind_of(data: bytes | None) -> tuple[Kind, BackMsg]:
    """What becomes of a message as it came from the network; None is a text frame, which nobody sends."""
    message = BackMsg()
    if data is None:
        return Kind.UNREADABLE, message
    if len(data) > LONGEST_BYTES:
        return Kind.TOO_LONG, message
    try:
        message.ParseFromString(data)
    except DecodeError:
        return Kind.UNREADABLE, message
    return _kind(message), message


def _kind(message: BackMsg) -> Kind:
    name = message.WhichOneof("type")
    if name == "rerun_script":
        return Kind.RUN
    if name == "backend_operation_request":
        operation = message.backend_operation_request.WhichOneof("payload")
        if operation == "deferred_file":
            return Kind.EXPORT
        return Kind.LET if operation in _OPERATIONS else Kind.DROP
    return Kind.LET if name in _PASSING else Kind.DROP
