"""Label and field selectors, as predicates over objects.

Label selectors take the whole grammar, set-based included. Field selectors know per kind what the real server knows,
and refuse the rest, so that a selector is never silently ignored.
"""

import re
from collections.abc import Callable
from typing import Any

from . import errors
from .kinds import Resource

Json = dict[str, Any]
Predicate = Callable[[Json], bool]

_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        *(f"involvedObject.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")),
        "involvedObject.resourceVersion",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "replicasets.apps": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "services": ("spec.clusterIP", "spec.type"),
}
_FLAGS = ("spec.unschedulable", "spec.hostNetwork")  # left out of an object when false
_TERM = re.compile(
    r"\s*(?:"
    r"(?P<set_key>[^\s!=,()]+)\s+(?P<set_op>in|notin)\s*\((?P<values>[^()]*)\)"
    r"|(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s!=,()]*)"
    r"|(?P<absent>!)?\s*(?P<present>[^\s!=,()]+)"
    r")\s*(?:,|$)"
)


def by_labels(text: str) -> Predicate | None:
    """The predicate of a labelSelector; None when it selects everything. Raises ApiError 400."""
    terms = [_label_term(match) for match in _terms(text)]
    if not terms:
        return None
    return lambda obj: _all(terms, obj["metadata"].get("labels") or {})


def by_fields(text: str, resource: Resource) -> Predicate | None:
    """The predicate of a fieldSelector; None when it selects everything. Raises ApiError 400."""
    terms = [_field_term(part, resource) for part in text.split(",") if part.strip()]
    if not terms:
        return None
    return lambda obj: _all(terms, obj)


def matches(selector: Json | None, labels: Json) -> bool:
    """Whether a LabelSelector object (matchLabels, matchExpressions) selects these labels; none selects nothing."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_matches_expression(expression, labels) for expression in selector.get("matchExpressions") or [])


def written(selector: Json | None) -> str:
    """A LabelSelector object as the text a labelSelector parameter takes."""
    selector = selector or {}
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], ",".join(sorted(expression.get("values") or []))
        match expression["operator"]:
            case "In" | "NotIn" as operator:
                terms.append(f"{key} {operator.lower()} ({values})")
            case "Exists":
                terms.append(key)
            case _:
                terms.append(f"!{key}")
    return ",".join(terms)


def _all(terms: list[Predicate], subject: Json) -> bool:
    return all(term(subject) for term in terms)


def _matches_expression(expression: Json, labels: Json) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _terms(text: str) -> list["re.Match[str]"]:
    found, position = [], 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        if match is None:
            raise errors.bad_request(
                f'unable to parse requirement: found "{text[position:]}" in labelSelector "{text}"'
            )
        found.append(match)
        position = match.end()
    return found


def _label_term(match: "re.Match[str]") -> Predicate:
    if match["set_key"]:
        key, values = match["set_key"], {value.strip() for value in match["values"].split(",")}
        if match["set_op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match["key"]:
        key, value = match["key"], match["value"]
        if match["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    key = match["present"]
    if match["absent"]:
        return lambda labels: key not in labels
    return lambda labels: key in labels


def _field_term(part: str, resource: Resource) -> Predicate:
    path, operator, value = re.match(r"\s*([^=!]*)(==|=|!=)?(.*?)\s*$", part).groups()  # type: ignore[union-attr]
    if not operator:
        raise errors.bad_request(f"invalid field selector: {part}")
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(resource.storage, ()))
    if path not in known:
        raise errors.bad_request(
            f'field label not supported: "{path}" is not a known field selector of {resource.plural}'
        )
    steps = path.split(".")
    absent = "false" if path in _FLAGS else ""
    if operator == "!=":
        return lambda obj: (_field(obj, steps) or absent) != value
    return lambda obj: (_field(obj, steps) or absent) == value


def _field(obj: Json, steps: list[str]) -> str:
    found: Any = obj
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, dict):  # an event's source is an object; the selector means its component
        found = found.get("component")
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None else str(found)
