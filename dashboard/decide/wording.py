"""Other people's sentences in the page's form: figures as on tiles, pods by name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType

from dashboard.decide import objects
from dashboard.decide.objects import Object
from dashboard.model.alert import Alert
from dashboard.model.reading import Unit
from dashboard.model.written import duration, number, span

_FIGURE = re.compile(
    r"(?<![\w.])(?:(?P<percent>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s?%"
    # As Prometheus writes a duration: `6h 12m 45s`.
    r"|(?:(?P<days>\d+)d )?(?:(?P<hours>\d+)h )?(?P<minutes>\d+)m (?P<seconds>\d+)s\b"
    r"|(?P<time>\d+\.\d+)\s?(?P<unit>ms|s)\b|(?<![-:])(?P<whole>\d{2,9})\s?s\b"
    r"|(?<!:)(?P<plain>\d+\.\d{3,}(?:e[+-]?\d+)?)(?![\w.:]))"
)
_WHOLES = ("1", "100")
_ADDRESS = re.compile(r"(?<![\w.])(\[[0-9a-fA-F:]+\]|\d{1,3}(?:\.\d{1,3}){3})(:\d{1,5})?(?![\w.])")


def in_one_form(sentence: str) -> str:
    """The figures of a sentence as tiles write them: `31.25%` as `31.3 %`, `4.2184s` as `4.22 s`."""
    return _FIGURE.sub(_rewritten, sentence)


def _rewritten(found: re.Match[str]) -> str:
    if percent := found["percent"]:
        return number(float(percent) / 100, Unit.RATIO)
    if found["minutes"]:
        parts = {unit: int(found[unit] or 0) for unit in ("days", "hours", "minutes", "seconds")}
        return span(timedelta(**parts))
    if whole := found["whole"]:
        return duration(int(whole))
    if time := found["time"]:
        return number(float(time) / (1000 if found["unit"] == "ms" else 1), Unit.SECONDS)
    short = number(float(found["plain"]), Unit.COUNT)
    # A share of 0.9996 is not all, nor is 99.996 without its sign: the missing part is the message.
    return found["plain"] if short in _WHOLES and float(short) != float(found["plain"]) else short


def said(alert: Alert, addresses: Mapping[str, str] = MappingProxyType({})) -> str:
    """An alert's own sentence, with its figures as tiles write them and pods by name."""
    instance, pod = alert.labels.get("instance", ""), alert.labels.get("pod", "")
    own = {instance: pod} if instance and pod else {}
    return named(in_one_form(alert.annotations.get("summary") or alert.name), {**addresses, **own})


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
