"""Who this process is: read once from the environment that the pod's manifest fills."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Name and release of one process; `track` is empty for components that are not released blue-green."""

    component: str
    version: str = "0.0.0"
    track: str = ""
    pod: str = ""
    namespace: str = ""

    @classmethod
    def from_environment(cls, component: str, environ: Mapping[str, str]) -> Identity:
        return cls(
            component=component,
            version=environ.get("SERVICE_VERSION", "0.0.0"),
            track=environ.get("TEALDECK_TRACK", ""),
            pod=environ.get("POD_NAME") or socket.gethostname(),
            namespace=environ.get("POD_NAMESPACE", "default"),
        )

    def resource(self) -> dict[str, str]:
        """The OpenTelemetry resource attributes of every log line and span of this process."""
        attributes = {
            "service.name": self.component,
            "service.version": self.version,
            "service.instance.id": self.pod,
            "k8s.namespace.name": self.namespace,
            "k8s.pod.name": self.pod,
        }
        return attributes | ({"tealdeck.track": self.track} if self.track else {})
