"""How a stored object is sent to a client: as JSON in the version asked for, or as a row of a table."""

from collections.abc import Sequence
from typing import Any

import orjson

from . import tables
from .kinds import Resource
from .store import Record

Json = dict[str, Any]
_META = "meta.k8s.io/v1"


class Presenter:
    """Writes objects of one resource the way one request accepts them."""

    content_type = "application/json"

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def one(self, record: Record) -> bytes:
        if record.api_version == self.resource.api_version:
            return record.raw
        return orjson.dumps(in_version(record.obj, self.resource))

    def many(self, records: Sequence[Record], metadata: Json) -> bytes:
        head = orjson.dumps(
            {"kind": f"{self.resource.kind}List", "apiVersion": self.resource.api_version, "metadata": metadata}
        )
        return head[:-1] + b',"items":[' + b",".join(self.one(record) for record in records) + b"]}"


class TablePresenter(Presenter):
    """Writes objects as rows of a meta.k8s.io/v1 Table: what `kubectl get` prints.

    Args:
        include: what each row carries of its object: `Metadata`, `Object` or `None`.
    """

    content_type = "application/json;as=Table;g=meta.k8s.io;v=v1"

    def __init__(self, resource: Resource, include: str) -> None:
        super().__init__(resource)
        self._include = include
        self._columns = tables.columns(resource)

    def one(self, record: Record) -> bytes:
        return self.many([record], {"resourceVersion": str(record.version)})

    def many(self, records: Sequence[Record], metadata: Json) -> bytes:
        body = {
            "kind": "Table",
            "apiVersion": _META,
            "metadata": metadata,
            "columnDefinitions": [column.definition() for column in self._columns],
            "rows": [self._row(record.obj) for record in records],
        }
        return orjson.dumps(body)

    def _row(self, obj: Json) -> Json:
        row: Json = {"cells": [column.cell(obj) for column in self._columns]}
        if self._include == "Metadata":
            row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}
        elif self._include == "Object":
            row["object"] = in_version(obj, self.resource)
        return row


def in_version(obj: Json, resource: Resource) -> Json:
    """An object in the version of a resource. Versions of a custom kind differ by name only: no webhook is called."""
    if obj.get("apiVersion") == resource.api_version:
        return obj
    return {**obj, "apiVersion": resource.api_version}


def presenter_for(accept: str, resource: Resource, include_object: str = "Metadata") -> Presenter:
    """The first form in the Accept header that is served; anything else gets plain JSON."""
    for offer in accept.split(","):
        if "as=Table" in offer:
            return TablePresenter(resource, include_object)
        if offer.strip().split(";")[0] in ("application/json", "*/*"):
            break
    return Presenter(resource)
