"""Authorization by RBAC over the stored Roles and bindings.

Only the administrators' group bypasses it. An access review gives the same answer as a request. As on a real server,
some Roles are bound to everybody who has signed in (`FIRST_OBJECTS`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import errors
from .store import Store

Json = dict[str, Any]
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
_GROUP = "rbac.authorization.k8s.io"
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Json = field(default_factory=dict)

    def info(self) -> Json:
        """As reviews show it."""
        shown: Json = {"username": self.name, "groups": list(self.groups)}
        return {**shown, **({"uid": self.uid} if self.uid else {}), **({"extra": self.extra} if self.extra else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What a request wants: a verb on a resource, or on a path that is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


def service_account(namespace: str, name: str, uid: str = "") -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(name=f"{_ACCOUNT}{namespace}:{name}", groups=groups, uid=uid)


def require(store: Store, user: User, act: Attributes) -> None:
    """Raises ApiError 403 with the real server's sentence."""
    if not is_allowed(store, user, act):
        raise _forbidden(user, act)


def is_allowed(store: Store, user: User, act: Attributes) -> bool:
    return MASTERS in user.groups or any(_permits(rule, act) for rule in rules_of(store, user, act.namespace))


def rules_of(store: Store, user: User, namespace: str) -> Iterator[Json]:
    """All rules that a user has in a namespace ("" for cluster-wide)."""
    if MASTERS in user.groups:
        yield {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        yield {"verbs": ["*"], "nonResourceURLs": ["*"]}
        return
    for record in store.table(f"clusterrolebindings.{_GROUP}").values():
        yield from _bound(store, user, record.obj, "")
    for (of, _), record in store.table(f"rolebindings.{_GROUP}").items():
        if namespace and of == namespace:
            yield from _bound(store, user, record.obj, namespace)


def _bound(store: Store, user: User, binding: Json, namespace: str) -> Iterator[Json]:
    if any(_is_subject(user, subject, namespace) for subject in binding.get("subjects") or []):
        role = binding["roleRef"]
        is_cluster_wide = role["kind"] == "ClusterRole"
        key = ("" if is_cluster_wide else namespace, role["name"])
        record = store.get(f"{'clusterroles' if is_cluster_wide else 'roles'}.{_GROUP}", key)
        yield from (record.obj.get("rules") or []) if record else ()


def _is_subject(user: User, subject: Json, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case _:
            return user.name == f"{_ACCOUNT}{subject.get('namespace') or namespace}:{subject['name']}"


def _permits(rule: Json, act: Attributes) -> bool:
    if not _has(rule.get("verbs"), act.verb):
        return False
    if act.path:
        urls = rule.get("nonResourceURLs") or []
        return any(act.path == url or (url.endswith("*") and act.path.startswith(url[:-1])) for url in urls)
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("apiGroups"), act.group)
        and _has_resource(rule.get("resources") or [], act)
        and (not names or act.name in names)
    )


def _has(allowed: list[str] | None, asked: str) -> bool:
    return asked in (allowed or []) or "*" in (allowed or [])


def _has_resource(allowed: list[str], act: Attributes) -> bool:
    asked = f"{act.resource}/{act.subresource}" if act.subresource else act.resource
    return asked in allowed or "*" in allowed or bool(act.subresource and f"*/{act.subresource}" in allowed)


def _forbidden(user: User, act: Attributes) -> errors.ApiError:
    if act.path:
        why = f'forbidden: User "{user.name}" cannot {act.verb} path "{act.path}"'
        return errors.ApiError(403, "Forbidden", why)
    resource = f"{act.resource}/{act.subresource}" if act.subresource else act.resource
    where = f'in the namespace "{act.namespace}"' if act.namespace else "at the cluster scope"
    why = f'User "{user.name}" cannot {act.verb} resource "{resource}" in API group "{act.group}" {where}'
    qualified = f"{act.resource}.{act.group}" if act.group else act.resource
    shown = f'{qualified} "{act.name}"' if act.name else qualified
    details: Json = {"kind": act.resource}
    details.update({key: value for key, value in (("name", act.name), ("group", act.group)) if value})
    return errors.ApiError(403, "Forbidden", f"{shown} is forbidden: {why}", details)


def _role(name: str, *rules: Json) -> Json:
    return {"apiVersion": f"{_GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}


def _binding(role: str, group: str) -> Json:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role},
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _GROUP, "kind": "Group", "name": group}],
    }


FIRST_OBJECTS: tuple[Json, ...] = (
    _role(
        "cluster-admin",
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ),
    _role(
        "system:basic-user",
        {
            "verbs": ["create"],
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews"],
        },
        {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
    ),
    _role(
        "system:discovery",
        {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]},
    ),
    _binding("cluster-admin", MASTERS),
    _binding("system:basic-user", AUTHENTICATED),
    _binding("system:discovery", AUTHENTICATED),
)
