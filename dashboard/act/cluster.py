"""What an action needs of the cluster: reads and writes of raw JSON objects, each write with its precondition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from connectors.kubernetes import ListResult

Object = dict[str, Any]


class Cluster(Protocol):
    """The part of `connectors.kubernetes.Kubernetes` that actions use. Every method may raise a `SourceError`."""

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """One object as it is now."""
        ...

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> ListResult:
        """All objects of a kind that the selector matches."""
        ...

    def create(self, kind: str, namespace: str | None, body: Object) -> Object:
        """Creates an object; `Conflict` when it exists."""
        ...

    def replace(self, kind: str, name: str, namespace: str | None, body: Object) -> Object:
        """Replaces an object; `Conflict` when its resourceVersion is another by now."""
        ...

    def patch(
        self, kind: str, name: str, namespace: str | None, body: Any, *, subresource: Literal["", "scale"] = ""
    ) -> Object:
        """Merge-patches an object; `Conflict` when the resourceVersion in `body` is another by now."""
        ...


def selector_text(labels: Mapping[str, str]) -> str:
    """Labels as a label selector."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
