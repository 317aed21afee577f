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


class ShardError(StoreError):
    """A request that reads well and cannot be answered on these fields: every shard refuses it."""

    def document(self) -> dict[str, Any]:
        cause = {"type": self.kind, "reason": self.reason}
        failed = {"shard": 0, "index": None, "node": "local", "reason": cause}
        error = {
            "root_cause": [cause], "type": "search_phase_execution_exception", "reason": "all shards failed",
            "phase": "query", "grouped": True, "failed_shards": [failed],
        }  # fmt: skip
        return {"error": error, "status": self.status}


def parsing(reason: str) -> StoreError:
    """A clause, option or body that cannot be read."""
    return StoreError(400, "parsing_exception", reason)


def illegal(reason: str) -> StoreError:
    """A value that cannot be."""
    return StoreError(400, "illegal_argument_exception", reason)


def unsearchable(reason: str) -> StoreError:
    """A query that the type of a field does not allow."""
    return ShardError(400, "query_shard_exception", reason)


def undocumented(reason: str) -> StoreError:
    """A document that does not fit its mapping."""
    return StoreError(400, "document_parsing_exception", reason)


def invalid(reason: str) -> StoreError:
    """A request that lacks something."""
    return StoreError(400, "action_request_validation_exception", f"Validation Failed: 1: {reason};")


def disk_full(index: str, error: OSError) -> StoreError:
    """Nothing more can be written for now."""
    reason = f"index [{index}] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded: {error.strerror}];"
    return StoreError(429, "cluster_block_exception", reason)


def no_such_index(name: str) -> StoreError:
    return StoreError(404, "index_not_found_exception", f"no such index [{name}]")
