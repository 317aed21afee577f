"""Authentication: the administrator's token, tokens of service accounts, and impersonation."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from . import errors, lifecycle, requests, writing
from .api import Api
from .authorization import AUTHENTICATED, MASTERS, Attributes, User, require, service_account
from .requests import Target

Json = dict[str, Any]
ADMINISTRATOR = User(name="tealdeck-admin", groups=(MASTERS, AUTHENTICATED))
USER = web.RequestKey("user", User)
_SECONDS = 3600
_EXTRA = "impersonate-extra-"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and reads tokens. `secret` is the administrator's own token, which also signs those of service accounts."""

    secret: str

    def issue(self, account: Json, seconds: int) -> str:
        """A token for a ServiceAccount, in the form of a JSON Web Token."""
        metadata = account["metadata"]
        claims = {
            "sub": service_account(metadata["namespace"], metadata["name"]).name,
            "exp": int(time.time()) + seconds,
            "kubernetes.io": {
                "namespace": metadata["namespace"],
                "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
            },
        }
        signed = f"{_encoded(orjson.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_encoded(orjson.dumps(claims))}"
        return f"{signed}.{self._signature(signed)}"

    def user(self, api: Api, request: web.Request) -> User:
        """Whom the request's token names. Raises ApiError 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise errors.unauthorized()
        if hmac.compare_digest(token.encode(), self.secret.encode()):
            return ADMINISTRATOR
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            raise errors.unauthorized()
        claims = orjson.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        names = claims["kubernetes.io"]
        account = api.store.get("serviceaccounts", (names["namespace"], names["serviceaccount"]["name"]))
        uid = names["serviceaccount"]["uid"]
        if claims["exp"] < time.time() or account is None or account.obj["metadata"]["uid"] != uid:
            raise errors.unauthorized()
        return service_account(names["namespace"], names["serviceaccount"]["name"], uid)

    def _signature(self, signed: str) -> str:
        return _encoded(hmac.new(self.secret.encode(), signed.encode(), hashlib.sha256).digest())


def acting(api: Api, request: web.Request, user: User) -> User:
    """The user, or whom its headers impersonate. Raises ApiError 403 where it may not."""
    name, groups = request.headers.get("Impersonate-User", ""), request.headers.getall("Impersonate-Group", [])
    extra = {
        header.lower().removeprefix(_EXTRA): request.headers.getall(header)
        for header in set(request.headers)
        if header.lower().startswith(_EXTRA)
    }
    uid = request.headers.get("Impersonate-Uid", "")
    if not name:
        if groups or extra or uid:
            raise errors.bad_request("groups, extra or uid cannot be impersonated without a user")
        return user
    for act in _impersonations(name, groups, extra, uid):
        require(api.store, user, act)
    account = name.split(":")
    if not groups and len(account) == 4 and name.startswith("system:serviceaccount:"):
        groups = list(service_account(account[2], account[3]).groups)
    return User(name=name, groups=tuple(dict.fromkeys([*groups, AUTHENTICATED])), uid=uid, extra=extra)


def _impersonations(name: str, groups: list[str], extra: dict[str, list[str]], uid: str) -> Iterator[Attributes]:
    """What the impersonating user needs the verb `impersonate` on."""
    account = name.split(":")
    if len(account) == 4 and name.startswith("system:serviceaccount:"):
        yield Attributes(verb="impersonate", resource="serviceaccounts", namespace=account[2], name=account[3])
    else:
        yield Attributes(verb="impersonate", resource="users", name=name)
    for group in groups:
        yield Attributes(verb="impersonate", resource="groups", name=group)
    for key, values in extra.items():
        for value in values:
            yield Attributes(
                verb="impersonate", group="authentication.k8s.io", resource="userextras", subresource=key, name=value
            )
    if uid:
        yield Attributes(verb="impersonate", group="authentication.k8s.io", resource="uids", name=uid)


def token_handler(tokens: Tokens) -> Any:
    """POST serviceaccounts/NAME/token: what `kubectl create token` asks."""

    async def create(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
        review = await requests.read_kind(request, "authentication.k8s.io/v1", "TokenRequest")
        record = api.store.get("serviceaccounts", target.key)
        if record is None:
            raise errors.not_found("serviceaccounts", target.name)
        seconds = int((review.get("spec") or {}).get("expirationSeconds") or _SECONDS)
        status = {"token": tokens.issue(record.obj, seconds), "expirationTimestamp": lifecycle.now_text(seconds)}
        return writing.json_response({**review, "status": status}, status=201)

    return create


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
