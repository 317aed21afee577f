"""What a switch or a rollback writes to the cluster, as values: the dialog shows them, the steps send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One merge patch. It is sent with the resourceVersion read just before, which is not part of this value."""

    kind: str
    name: str
    body: Mapping[str, Any]
    subresource: Literal["", "scale"] = ""

    @property
    def path(self) -> str:
        """The object it is sent to, within the namespace."""
        return "/".join(filter(None, (self.kind, self.name, self.subresource)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficChange:
    """All patches of one action, in their order: `scale` the target up, move the `service`, then the `preview`.

    `scale` is None when the target asks for enough pods. `preview` is None when the preview Service is left alone, for
    the reason in `preview_left`, which is "" where there is no preview Service or nothing to change on it.
    `left_behind` are other Services that select the track which users leave: they are not changed.
    """

    scale: Patch | None
    service: Patch
    preview: Patch | None
    preview_left: str = ""
    left_behind: tuple[str, ...] = ()

    @property
    def patches(self) -> tuple[Patch, ...]:
        """Those that are sent, in their order."""
        return tuple(patch for patch in (self.scale, self.service, self.preview) if patch is not None)
