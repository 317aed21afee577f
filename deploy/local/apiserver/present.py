"""How a stored object is sent to a client: as JSON in the version asked for.

`kubectl get` also asks for tables, which the real server draws. Here it gets JSON and prints name and age itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .kinds import Resource
from .store import Record

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Presenter:
    """Writes objects of one resource."""

    resource: Resource

    def one(self, record: Record) -> bytes:
        if record.api_version == self.resource.api_version:
            return record.raw
        return orjson.dumps(in_version(record.obj, self.resource))

    def many(self, records: Sequence[Record], metadata: Json) -> bytes:
        head = orjson.dumps(
            {"kind": f"{self.resource.kind}List", "apiVersion": self.resource.api_version, "metadata": metadata}
        )
        return head[:-1] + b',"items":[' + b",".join(self.one(record) for record in records) + b"]}"


def in_version(obj: Json, resource: Resource) -> Json:
    """An object in the version of a resource. Versions of a custom kind differ by name only: no webhook is called."""
    if obj.get("apiVersion") == resource.api_version:
        return obj
    return {**obj, "apiVersion": resource.api_version}
