"""The approximate memory of a value, to bound a cache. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_NUMBERS = (float, int, type(None))
_FLOAT_BYTES = sys.getsizeof(1.0)
# From this length on a tuple that begins with numbers is taken to hold nothing else: a line has hundreds of them.
_LONG = 16


def size_bytes(value: Any) -> int:
    """The memory of `value` and everything it references, in bytes; shared objects count once."""
    total, waiting, seen = 0, [value], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        if isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, tuple | list | set | frozenset):
            if isinstance(one, tuple) and len(one) > _LONG and isinstance(one[0], _NUMBERS):
                total += _FLOAT_BYTES * len(one)
            else:
                waiting += one
        elif is_dataclass(one):
            waiting += [getattr(one, field.name) for field in fields(one)]
    return total
