"""What every handler needs, wired once at start."""

from dataclasses import dataclass

from .admission import ClusterAddresses
from .kinds import Kinds
from .store import Change, Store
from .watch import Hub

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The running server's parts."""

    store: Store
    kinds: Kinds
    hub: Hub
    addresses: ClusterAddresses


def wire(store: Store, service_cidr: str) -> Api:
    """The parts around a store. Kinds that CustomResourceDefinitions define are served from here on."""
    kinds = Kinds()
    for record in store.table(DEFINITIONS).values():
        kinds.define(record.obj)

    def follow(change: Change) -> None:
        if change.storage != DEFINITIONS:
            return
        if change.after is None:
            kinds.forget(change.shown.obj)
        else:
            kinds.define(change.after.obj)

    store.listen(follow)
    return Api(store=store, kinds=kinds, hub=Hub(store), addresses=ClusterAddresses(service_cidr))
