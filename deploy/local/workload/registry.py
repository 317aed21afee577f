"""The contract registry: serves contracts and waivers with an ETag, so that asking again costs next to nothing.

Waivers are granted when the registry starts, for so many days: a date in a document would be past one day.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from deploy.local.workload.contracts import ContractError, parse_contract
from deploy.local.workload.metrics import RequestMetrics
from deploy.local.workload.server import Answer, Call, Component, Equipment, Handler

CONTRACTS = Path(__file__).with_name("contracts")
WAIVERS = Path(__file__).with_name("waivers.json")


class ContractRegistry(Component):
    def __init__(self, equipment: Equipment, folder: Path = CONTRACTS) -> None:
        """Raises ContractError if a document in the folder cannot be evaluated: a bad one is never handed out."""
        self.requests = RequestMetrics(equipment.registry, "registry")
        documents = [_checked(path) for path in sorted(folder.glob("*.json"))]
        self._body = orjson.dumps({"contracts": documents, "waivers": _granted(datetime.now(UTC))})
        self._etag = f'"{hashlib.sha256(self._body).hexdigest()[:16]}"'

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {("GET", "/v1/contracts"): self.contracts}

    async def contracts(self, call: Call) -> Answer:
        headers = {"ETag": self._etag, "Cache-Control": "no-cache"}
        if call.headers.get("if-none-match") == self._etag:
            return Answer(304, b"", headers)
        return Answer(200, self._body, headers)


def _granted(now: datetime) -> list[dict[str, Any]]:
    """The waivers, each with its end."""
    waivers = orjson.loads(WAIVERS.read_bytes())
    return [{**waiver, "expires_at": (now + timedelta(days=waiver["days"])).isoformat()} for waiver in waivers]


def _checked(path: Path) -> Any:
    document = orjson.loads(path.read_bytes())
    try:
        parse_contract(document)
    except ContractError as error:
        raise ContractError(f"{path}: {error}; mend the document") from error
    return document
