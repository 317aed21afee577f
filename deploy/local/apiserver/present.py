"""How a stored object looks to the one who asked: in the asked version, whole, as metadata only, or as a table row.

Objects are kept in one version of their resource. Custom resources differ between versions by name only (conversion
webhooks are not called); the two Event APIs differ by field names.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from .kinds import Resource
from .store import Record

Json = dict[str, Any]
_META = "meta.k8s.io/v1"

# How events.k8s.io names what the core group calls otherwise.
_EVENT_NAMES = {
    "message": "note",
    "involvedObject": "regarding",
    "count": "deprecatedCount",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "source": "deprecatedSource",
    "reportingComponent": "reportingController",
}
_CORE_NAMES = {new: old for old, new in _EVENT_NAMES.items()}


def to_storage(obj: Json, resource: Resource, kept_as: Resource) -> Json:
    """An object in the version it is kept in."""
    if resource is kept_as:
        return obj
    names = _CORE_NAMES if resource.group == "events.k8s.io" else {}
    return {**{names.get(key, key): value for key, value in obj.items()}, "apiVersion": kept_as.api_version}


def to_version(obj: Json, resource: Resource) -> Json:
    """A stored object in the asked version."""
    if obj.get("apiVersion") == resource.api_version:
        return obj
    names = _EVENT_NAMES if resource.group == "events.k8s.io" else {}
    return {**{names.get(key, key): value for key, value in obj.items()}, "apiVersion": resource.api_version}


class Presenter:
    """Writes objects of one resource the way one request accepts them."""

    content_type = "application/json"

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def one(self, record: Record) -> bytes:
        if record.api_version == self.resource.api_version:
            return record.raw
        return orjson.dumps(to_version(record.obj, self.resource))

    def many(self, records: Sequence[Record], metadata: Json) -> bytes:
        head = orjson.dumps(
            {"kind": f"{self.resource.kind}List", "apiVersion": self.resource.api_version, "metadata": metadata}
        )
        return head[:-1] + b',"items":[' + b",".join(self.one(record) for record in records) + b"]}"


class MetadataPresenter(Presenter):
    """Only the metadata: what the namespace cleaner and generic informers ask for."""

    content_type = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

    def one(self, record: Record) -> bytes:
        return orjson.dumps(partial(record.obj))

    def many(self, records: Sequence[Record], metadata: Json) -> bytes:
        items = [partial(record.obj) for record in records]
        body = {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": metadata, "items": items}
        return orjson.dumps(body)


def partial(obj: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}


def presenter_for(accept: str, resource: Resource, include_object: str = "Metadata") -> Presenter:
    """The first form in the Accept header that is served; anything else gets plain JSON."""
    for offer in accept.split(","):
        if "as=Table" in offer:
            from .tables import TablePresenter

            return TablePresenter(resource, include_object)
        if "as=PartialObjectMetadata" in offer and "protobuf" not in offer:
            return MetadataPresenter(resource)
        if offer.strip().split(";")[0] in ("application/json", "*/*"):
            break
    return Presenter(resource)
