"""Secrets that we send, so that no message of ours repeats them: a server may put what it was sent into its error.

What was read is remembered for the life of the process, the newest first. Safe for threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from urllib.parse import quote

HIDDEN = "[secret]"
# Shorter text would be found in words that are no secret.
SHORTEST = 6
MOST = 500
_SCHEMES = ("Bearer ", "Basic ", "ApiKey ")
_known: OrderedDict[str, None] = OrderedDict()
_lock = threading.Lock()


def remember(text: str) -> str:
    """Remember a secret, with or without its scheme as a header has it, and return it as it was given."""
    bare = text
    for scheme in _SCHEMES:
        bare = bare.removeprefix(scheme)
    if len(bare) >= SHORTEST:
        with _lock:
            for spelled in {bare, quote(bare, safe="")}:
                _known[spelled] = None
                _known.move_to_end(spelled)
            while len(_known) > MOST:
                _known.popitem(last=False)
    return text


def without_secrets(text: str) -> str:
    """`text` with HIDDEN in place of each secret that is remembered, longer ones first."""
    with _lock:
        known = sorted(_known, key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, HIDDEN)
    return text
