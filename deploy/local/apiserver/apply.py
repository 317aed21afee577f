"""Server-side apply: owners of fields, conflicts between them, and removal of fields that an owner gave up.

A field is a path in the wire's own spelling (`f:name`, `k:{...}` for an element with keys, `v:...` for a member of a
set), so that managedFields is nothing but paths, nested. A list without keys, and a map that only makes sense whole,
is one field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from . import errors
from .kinds import Resource
from .lifecycle import now_text
from .patch import identity, is_set, keyed

Json = dict[str, Any]
Path = tuple[str, ...]
Fields = dict[Path, Any]

# The server's own, which nobody owns.
_UNOWNED_METADATA = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "generateName",
        "selfLink",
    }
)
# Maps that only make sense whole: half a selector selects something else.
_ATOMIC = frozenset(
    {
        "selector",
        "podSelector",
        "labelSelector",
        "nodeSelector",
        "fieldRef",
        "configMapKeyRef",
        "secretKeyRef",
        "roleRef",
    }
)
_PRESENT = object()  # the value of an element's own path


@dataclass(slots=True)
class _Owner:
    """One entry of managedFields."""

    manager: str
    operation: str
    subresource: str
    api_version: str
    time: str
    paths: set[Path]

    @property
    def who(self) -> tuple[str, str, str]:
        return self.manager, self.operation, self.subresource


def track_update(current: Json, obj: Json, *, manager: str, subresource: str) -> Json:
    """The object with managedFields after a plain write: its writer owns what it changed, and nobody else does."""
    before, after = _fields_of(current), _fields_of(obj)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    gone = set(before) - set(after)
    if not changed and not gone:
        return obj
    owners = _owners(obj)
    for owner in owners:
        owner.paths -= changed | gone
    mine = _owner_of(owners, (manager, "Update", subresource), obj)
    mine.paths |= changed
    if changed:
        mine.time = now_text()
    return _with_owners(obj, owners)


def applied(
    current: Json,
    config: Json,
    *,
    resource: Resource,
    manager: str,
    subresource: str,
    force: bool,
) -> Json:
    """The object after `manager` applied `config` to `current` ({} when absent). Raises ApiError 409 on conflicts."""
    config = _intent(config, resource, subresource)
    wanted, live, owners = _fields_of(config), _fields_of(current), _owners(current)
    mine = _owner_of(owners, (manager, "Apply", subresource), config)
    others = [owner for owner in owners if owner is not mine]
    changed = {path for path, value in wanted.items() if path not in live or live[path] != value}
    if not force:
        _refuse_conflicts(resource, config, others, changed)
    for owner in others:
        owner.paths -= changed
    kept_by_others = set().union(*(owner.paths for owner in others))
    result = _merge(current, config, "", "")
    for path in sorted(mine.paths - set(wanted), key=len):  # an element before its fields: it is found by them
        if not _is_key(path) and not any(other[: len(path)] == path for other in kept_by_others):
            _remove(result, path)
    if set(wanted) != mine.paths or changed:
        mine.paths, mine.time = set(wanted), now_text()
    return _with_owners(result, owners)


def _intent(config: Json, resource: Resource, subresource: str) -> Json:
    """The applied object without what this address cannot set."""
    if not resource.has_status():
        return config
    if subresource == "status":
        return {key: value for key, value in config.items() if key in ("apiVersion", "kind", "metadata", "status")}
    return {key: value for key, value in config.items() if key != "status"}


def _refuse_conflicts(resource: Resource, config: Json, others: list[_Owner], changed: set[Path]) -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{_shown(owner)}"', "field": _dotted(path)}
        for owner in others
        for path in sorted(owner.paths & changed)
    ]
    if not causes:
        return
    count = f"{len(causes)} conflict" + ("s" if len(causes) > 1 else "")
    listed = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    message = f"Apply failed with {count}: {listed}"
    details = {"name": config["metadata"]["name"], "kind": resource.plural, "causes": causes}
    raise errors.ApiError(409, "Conflict", message, details)


def _shown(owner: _Owner) -> str:
    with_subresource = f" with subresource {owner.subresource}" if owner.subresource else ""
    return f"{owner.manager}{with_subresource}"


def _dotted(path: Path) -> str:
    return "".join(f".{step[2:]}" if step.startswith("f:") else f"[{step[2:]}]" for step in path)


def _fields_of(obj: Json) -> Fields:
    """Every field of an object that can be owned, with its value."""
    found: Fields = {}
    for name, value in obj.items():
        if name == "metadata":
            owned = {key: entry for key, entry in value.items() if key not in _UNOWNED_METADATA}
            if owned:
                found.update(_walk(owned, ("f:metadata",), "", "metadata"))
        elif name not in ("apiVersion", "kind"):
            found.update(_walk(value, (f"f:{name}",), "", name))
    return found


def _walk(value: Any, path: Path, parent: str, field: str) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and field not in _ATOMIC:
        for key, entry in value.items():
            yield from _walk(entry, (*path, f"f:{key}"), field, key)
    elif isinstance(value, list) and is_set(field):
        for entry in value:
            yield (*path, f"v:{_dumps(entry)}"), entry
    elif isinstance(value, list) and (keys := keyed(parent, field, value)):
        for entry in value:
            step = (*path, f"k:{_dumps(dict(identity(entry, keys)))}")
            yield step, _PRESENT
            for key, inner in entry.items():
                yield from _walk(inner, (*step, f"f:{key}"), field, key)
    else:
        yield path, value


def _merge(live: Any, config: Any, parent: str, field: str) -> Any:
    if isinstance(live, dict) and isinstance(config, dict) and field not in _ATOMIC:
        result = dict(live)
        for key, value in config.items():
            result[key] = _merge(live.get(key), value, field, key)
        return result
    if isinstance(live, list) and isinstance(config, list):
        if is_set(field):
            return live + [entry for entry in config if entry not in live]
        if keys := keyed(parent, field, [*live, *config]):
            elements = {identity(entry, keys): entry for entry in live}
            for entry in config:
                key = identity(entry, keys)
                elements[key] = _merge(elements.get(key, {}), entry, parent, field)
            return list(elements.values())
    return config


def _remove(target: Any, path: Path) -> None:
    """Take a field out, and the maps and lists that it leaves empty. Copies what it changes."""
    step, rest = path[0], path[1:]
    if isinstance(target, list):
        place = _place(target, step)
        if place is None:
            return
        if not rest:
            del target[place]
        else:
            target[place] = _copied(target[place])
            _remove(target[place], rest)
        return
    key = step[2:]
    if not isinstance(target, dict) or key not in target:
        return
    if not rest:
        del target[key]
        return
    target[key] = _copied(target[key])
    _remove(target[key], rest)
    if target[key] in ({}, []):
        del target[key]


def _is_key(path: Path) -> bool:
    """Whether a field is what its list element is found by: it leaves with the element only."""
    return len(path) > 1 and path[-2].startswith("k:") and path[-1][2:] in orjson.loads(path[-2][2:])


def _place(elements: list[Any], step: str) -> int | None:
    """Where in a list the element of a `k:` or `v:` step stands."""
    wanted = orjson.loads(step[2:])
    for index, element in enumerate(elements):
        if step.startswith("v:"):
            if element == wanted:
                return index
        elif isinstance(element, dict) and dict(identity(element, tuple(wanted))) == wanted:
            return index
    return None


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list) else value


def _owners(obj: Json) -> list[_Owner]:
    entries = (obj.get("metadata") or {}).get("managedFields") or []
    return [
        _Owner(
            manager=entry.get("manager", ""),
            operation=entry.get("operation", "Update"),
            subresource=entry.get("subresource", ""),
            api_version=entry.get("apiVersion", ""),
            time=entry.get("time", ""),
            paths=set(_decode(entry.get("fieldsV1") or {}, ())),
        )
        for entry in entries
    ]


def _owner_of(owners: list[_Owner], who: tuple[str, str, str], obj: Json) -> _Owner:
    for owner in owners:
        if owner.who == who:
            return owner
    manager, operation, subresource = who
    owner = _Owner(manager, operation, subresource, obj["apiVersion"], now_text(), set())
    owners.append(owner)
    return owner


def _with_owners(obj: Json, owners: list[_Owner]) -> Json:
    entries = [_entry(owner) for owner in owners if owner.paths]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}


def _entry(owner: _Owner) -> Json:
    entry = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": owner.api_version,
        "time": owner.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": _encode(owner.paths),
    }
    if owner.subresource:
        entry["subresource"] = owner.subresource
    return entry


def _encode(paths: set[Path]) -> Json:
    root: Json = {}
    for path in sorted(paths):
        node = root
        for step in path:
            node = node.setdefault(step, {})
        if path[-1].startswith("k:"):
            node["."] = {}
    return root


def _decode(node: Json, path: Path) -> Iterator[Path]:
    if not node and path:
        yield path
    for step, inner in node.items():
        if step == ".":
            yield path
        else:
            yield from _decode(inner, (*path, step))


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
