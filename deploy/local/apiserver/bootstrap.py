"""What a server holds before it serves anybody: the first namespaces, and who may do what from the start.

Made together, in one write. Whoever is told that the server is ready finds them.
"""

from typing import Any

from . import authorization, lifecycle
from .api import Api
from .store import Decide, Key, View

Json = dict[str, Any]
_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def make_first_objects(api: Api) -> None:
    """Makes those that are not there; writes nothing when all are. Raises ApiError 500 when the disk takes no more."""
    namespaces = ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in _NAMESPACES)
    await api.store.begin_with([_present(api, obj) for obj in (*namespaces, *authorization.FIRST_OBJECTS)])


def _present(api: Api, obj: Json) -> tuple[str, Key, Decide]:
    """The change that makes a cluster-wide object unless it is there."""
    group, _, version = obj["apiVersion"].rpartition("/")
    resource = api.kinds.find(group, version, f"{obj['kind'].lower()}s")

    def decide(view: View, current: Json | None) -> Json:
        return current if current is not None else lifecycle.created(view, resource, obj, api.addresses)

    return resource.storage, ("", obj["metadata"]["name"]), decide
