"""Sentences of others in the words of the page: figures as tiles write them, pods by name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dashboard.decide import objects
from dashboard.decide.objects import Object
from dashboard.model.reading import Unit
from dashboard.model.written import number

_PERCENT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s?%")
_SECONDS = re.compile(r"(?<![\w.])(\d+\.\d+)\s?(ms|s)\b")
_LONG = re.compile(r"(?<![\w.:])(\d+\.\d{3,}(?:e[+-]?\d+)?)(?![\w.:])")
_ADDRESS = re.compile(r"(?<![\w.])(\[[0-9a-fA-F:]+\]|\d{1,3}(?:\.\d{1,3}){3})(:\d{1,5})?(?![\w.])")


def in_one_form(sentence: str) -> str:
    """The figures of a sentence as tiles write them: `31.25%` as `31.3 %`, `4.2184s` as `4.22 s`."""
    said = _PERCENT.sub(lambda found: number(float(found[1]) / 100, Unit.RATIO), sentence)
    said = _SECONDS.sub(lambda found: number(float(found[1]) / (1000 if found[2] == "ms" else 1), Unit.SECONDS), said)
    return _LONG.sub(lambda found: number(float(found[1]), Unit.COUNT), said)


def named(sentence: str, addresses: Mapping[str, str]) -> str:
    """Addresses that are known (with or without a port) replaced by names; others stay."""

    def name(found: re.Match[str]) -> str:
        host = found[1].strip("[]")
        return addresses.get(found[0]) or addresses.get(host) or found[0]

    return _ADDRESS.sub(name, sentence)


def addresses_of(pods: Iterable[Object]) -> dict[str, str]:
    """Names of pods by their addresses. Pods on their node's own network share one, which names none of them."""
    found: dict[str, str] = {}
    for pod in pods:
        if objects.part(pod, "spec").get("hostNetwork") is True:
            continue
        status = objects.part(pod, "status")
        if objects.text(status, "phase") in ("Succeeded", "Failed"):
            continue
        listed = [objects.text(one, "ip") for one in objects.parts(pod, "status", "podIPs")]
        for address in filter(None, (objects.text(status, "podIP"), *listed)):
            found[address] = objects.name_of(pod)
    return found
