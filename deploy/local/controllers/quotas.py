"""What each ResourceQuota allows and what of it is used. Only what pods ask for is counted here."""

from __future__ import annotations

from deploy.local.controllers.objects import is_terminating
from deploy.local.controllers.queue import Key, Queue
from deploy.local.kubeapi import Informer, KubeApi
from deploy.local.quantities import asked_for, written


class ResourceQuotas:
    """Writes the status of each quota when pods come and go."""

    def __init__(self, api: KubeApi, quotas: Informer, pods: Informer) -> None:
        self._api, self._quotas, self._pods = api, quotas, pods
        self.queue = Queue("resource quotas", self._look)

    async def _look(self, key: Key) -> None:
        quota = self._quotas.get(*key)
        if quota is None or is_terminating(quota):
            return
        hard = quota["spec"].get("hard", {})
        asked = asked_for(pod for (of, _), pod in self._pods.objects.items() if of == key[0])
        used = {name: written(name, asked[name]) for name in hard if name in asked}
        if (after := {"hard": hard, "used": used}) != quota.get("status"):
            await self._api.patch("resourcequotas", key[0], key[1], {"status": after}, sub="status")
