"""Kubernetes Events: what `kubectl describe` shows under an object. One that happens again is counted, not repeated."""

from __future__ import annotations

import logging
import uuid

from deploy.local.controllers.objects import now_text
from deploy.local.kubeapi import ApiError, KubeApi, NotFoundError, Object

_LOG = logging.getLogger("events")
_REMEMBERED = 500


class Events:
    """Writes events in the name of one component."""

    def __init__(self, api: KubeApi, component: str) -> None:
        self._api, self._component = api, component
        self._known: dict[tuple[str, str, str], tuple[str, int]] = {}

    async def tell(self, about: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """An event is a courtesy: that it could not be written is logged and stops nothing."""
        metadata = about["metadata"]
        namespace = metadata.get("namespace", "default")
        key = metadata["uid"], reason, message
        now = now_text()
        host = about.get("spec", {}).get("nodeName", "")
        try:
            if key in self._known:
                name, count = self._known[key]
                self._known[key] = name, count + 1
                await self._api.patch("events", namespace, name, {"count": count + 1, "lastTimestamp": now})
                return
            name = f"{metadata['name']}.{uuid.uuid4().hex[:16]}"
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = name, 1
            await self._api.create(
                "events",
                namespace,
                {
                    "apiVersion": "v1",
                    "kind": "Event",
                    "metadata": {"name": name, "namespace": namespace},
                    "involvedObject": {
                        "apiVersion": about.get("apiVersion", ""),
                        "kind": about.get("kind", ""),
                        "name": metadata["name"],
                        "namespace": namespace,
                        "uid": metadata["uid"],
                    },
                    "reason": reason,
                    "message": message,
                    "type": "Warning" if warning else "Normal",
                    "source": {"component": self._component, **({"host": host} if host else {})},
                    "firstTimestamp": now,
                    "lastTimestamp": now,
                    "count": 1,
                },
            )
        except NotFoundError:
            self._known.pop(key, None)  # it has expired; the next one is a new event
        except ApiError as error:
            _LOG.warning("event not written reason=%s about=%s error=%s", reason, metadata["name"], error)
