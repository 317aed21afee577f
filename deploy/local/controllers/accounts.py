"""The account that every namespace has, for pods that name none."""

from __future__ import annotations

from deploy.local.controllers.objects import is_terminating
from deploy.local.controllers.queue import Key, Queue
from deploy.local.kubeapi import Informer, KubeApi

_NAME = "default"


class DefaultAccounts:
    """Makes it with the namespace, and again should somebody delete it."""

    def __init__(self, api: KubeApi, namespaces: Informer, accounts: Informer) -> None:
        self._api, self._namespaces, self._accounts = api, namespaces, accounts
        self.queue = Queue("accounts", self._look)

    async def _look(self, key: Key) -> None:
        """The key is a namespace's."""
        namespace = self._namespaces.get(*key)
        if namespace is None or is_terminating(namespace) or self._accounts.get(key[1], _NAME) is not None:
            return
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _NAME, "namespace": key[1]}}
        await self._api.create("serviceaccounts", key[1], body)
