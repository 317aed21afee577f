"""Server-side apply: who owns which field, conflicts between owners, and fields that fall away with their owner.

A set of fields is a frozenset of paths in the wire's own spelling (`f:name`, `k:{...}`, `v:...`), so that writing
managedFields is nothing but nesting. Lists without keys, and whatever has no deeper structure, are one field.
"""

from typing import Any

Json = dict[str, Any]


def track_update(current: Json, obj: Json, *, manager: str, subresource: str) -> Json:
    return obj
