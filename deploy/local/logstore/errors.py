"""Errors in Elasticsearch's form."""

from __future__ import annotations

from typing import Any


class StoreError(Exception):
    """A request that is refused: HTTP status, Elasticsearch's type of error, and the reason in words."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.kind, self.reason = status, kind, reason

    def document(self) -> dict[str, Any]:
        cause = {"type": self.kind, "reason": self.reason}
        return {"error": {"root_cause": [cause], **cause}, "status": self.status}


def unknown(what: str, name: str) -> StoreError:
    """A clause or parameter that this store does not have."""
    return StoreError(400, "parsing_exception", f"unknown {what} [{name}]")


def illegal(reason: str) -> StoreError:
    """A value that cannot be."""
    return StoreError(400, "illegal_argument_exception", reason)


def no_such_index(name: str) -> StoreError:
    return StoreError(404, "index_not_found_exception", f"no such index [{name}]")
