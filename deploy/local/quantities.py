"""Kubernetes quantities as numbers, and what pods ask for, as a ResourceQuota counts it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_SUFFIXES = {
    "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_OF_PODS = ("pods", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


def quantity(text: str | int | float) -> float:
    """A quantity such as `250m` or `128Mi` as a number."""
    text = str(text)
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * _SUFFIXES[suffix]
    return float(text)


def asked_for(pods: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """What pods that are not finished ask for, by a quota's names of resources."""
    total = dict.fromkeys(_OF_PODS, 0.0)
    for pod in pods:
        if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            continue
        total["pods"] += 1
        for container in pod["spec"]["containers"]:
            for kind, amounts in (container.get("resources") or {}).items():
                for resource, amount in (amounts or {}).items() if kind in ("requests", "limits") else ():
                    name = f"{kind}.{resource}"
                    total[name] = total.get(name, 0.0) + quantity(amount)
    return {**total, "cpu": total["requests.cpu"], "memory": total["requests.memory"]}


def written(resource: str, amount: float) -> str:
    """An amount as a quantity: cores in thousandths where they are not whole, memory in the largest unit that fits."""
    milli = round(amount * 1000)
    if resource.endswith("cpu") and milli % 1000:
        return f"{milli}m"
    if resource.endswith("memory") and amount:
        for unit in ("Ti", "Gi", "Mi", "Ki"):
            if not amount % _SUFFIXES[unit]:
                return f"{int(amount / _SUFFIXES[unit])}{unit}"
    return str(round(amount))


def share(value: int | str, of: int, rounded: Callable[[float], int] = math.ceil) -> int:
    """How many `25%` of some are, or the number itself. Percentages round up unless told otherwise."""
    if isinstance(value, str) and value.endswith("%"):
        return rounded(int(value[:-1]) * of / 100)
    return int(value)
