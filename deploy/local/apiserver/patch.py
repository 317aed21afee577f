"""The patch types that work on values alone: JSON patch, merge patch and strategic merge patch.

Strategic merge needs to know which lists are merged by which key. The table names them by parent and field, which is
unambiguous in the kinds served here. Server-side apply (`apply.py`) uses the same table.
"""

from typing import Any

from . import errors

Json = dict[str, Any]

# (parent field, list field) -> keys that identify an element. Parent "*" is any parent.
_LIST_KEYS: dict[tuple[str, str], tuple[str, ...]] = {
    ("*", "containers"): ("name",),
    ("*", "initContainers"): ("name",),
    ("*", "ephemeralContainers"): ("name",),
    ("*", "volumes"): ("name",),
    ("*", "env"): ("name",),
    ("*", "volumeMounts"): ("mountPath",),
    ("*", "volumeDevices"): ("devicePath",),
    ("*", "imagePullSecrets"): ("name",),
    ("*", "hostAliases"): ("ip",),
    ("*", "topologySpreadConstraints"): ("topologyKey", "whenUnsatisfiable"),
    ("*", "conditions"): ("type",),
    ("*", "ownerReferences"): ("uid",),
    ("*", "podIPs"): ("ip",),
    ("*", "hostIPs"): ("ip",),
    ("*", "addresses"): ("type",),
    ("containers", "ports"): ("containerPort", "protocol"),
    ("initContainers", "ports"): ("containerPort", "protocol"),
    ("spec", "ports"): ("port", "protocol"),
    ("", "secrets"): ("name",),
}
_SETS = {"finalizers"}

_DEFAULTS = {"protocol": "TCP"}
Identity = tuple[tuple[str, Any], ...]


def keyed(parent: str, field: str, elements: list[Any]) -> tuple[str, ...]:
    """The keys that identify an element of this list; empty when the list is one value."""
    keys = _LIST_KEYS.get((parent, field)) or _LIST_KEYS.get(("*", field), ())
    # A custom kind may use the name for something else: an element without its key cannot be told from others.
    return keys if all(isinstance(element, dict) and keys[0] in element for element in elements if keys) else ()


def is_set(field: str) -> bool:
    return field in _SETS


def identity(element: Json, keys: tuple[str, ...]) -> Identity:
    """What makes an element this element, with the defaults that a client may leave out."""
    return tuple((key, element.get(key, _DEFAULTS.get(key))) for key in keys)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def json_patch(target: Json, operations: Any) -> Json:
    """RFC 6902. Raises ApiError 400 for a malformed patch, 422 for one that does not apply."""
    import jsonpatch

    try:
        patch = jsonpatch.JsonPatch(operations)
    except (jsonpatch.InvalidJsonPatch, TypeError, KeyError, AttributeError) as error:
        raise errors.bad_request(f"error decoding patch: {error}") from error
    try:
        patched = patch.apply(target)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        message = f"the server rejected our request due to an error in our request: {error}"
        raise errors.ApiError(422, "Invalid", message) from error
    if not isinstance(patched, dict):
        raise errors.bad_request("a patch must leave an object")
    return patched


def strategic(target: Json, patch: Json, parent: str = "", field: str = "") -> Json:
    """Strategic merge: as merge patch, but lists with keys merge element by element, with $patch directives."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = dict(target)
    for key, value in patch.items():
        if key == "$retainKeys":
            result = {name: result[name] for name in result if name in value}
        elif key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [element for element in result.get(name) or [] if element not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = strategic(result.get(key) or {}, value, field, key)
        elif isinstance(value, list):
            result[key] = _strategic_list(result.get(key) or [], value, field, key, patch)
        else:
            result[key] = value
    return result


def _strategic_list(target: list[Any], patch: list[Any], parent: str, field: str, siblings: Json) -> list[Any]:
    if is_set(field):
        return target + [element for element in patch if element not in target]
    keys = keyed(parent, field, [*target, *(element for element in patch if element != {"$patch": "replace"})])[:1]
    if not keys:
        return patch
    if any(element.get("$patch") == "replace" for element in patch):
        return [element for element in patch if "$patch" not in element]
    # One key here, even where apply knows two: that is strategic merge's old contract.
    elements = {identity(element, keys): element for element in target}
    for change in patch:
        key = identity(change, keys)
        if change.get("$patch") == "delete":
            elements.pop(key, None)
            continue
        elements[key] = strategic(elements.get(key, {}), change, parent, field)
    order = siblings.get(f"$setElementOrder/{field}")
    return _ordered(elements, order, keys) if order else list(elements.values())


def _ordered(elements: dict[Identity, Json], order: list[Json], keys: tuple[str, ...]) -> list[Json]:
    """The listed elements in the listed order, those that the client does not know of after them."""
    listed = [identity(entry, keys) for entry in order]
    known = [elements[key] for key in listed if key in elements]
    return known + [element for key, element in elements.items() if key not in listed]
