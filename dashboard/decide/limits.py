"""What restricts workloads: autoscalers, disruption budgets and quotas. Pure: API objects in, model types out.

Quantities are compared as numbers. Where that is not possible, it is unknown whether the limit is reached.
"""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.decide import objects
from dashboard.decide.objects import Object, StatusCondition
from dashboard.decide.quantities import quantity
from dashboard.model.reading import Unit
from dashboard.model.workload import Limit
from dashboard.model.written import number

NOT_COUNTED = "not yet counted"

_ORDER = (True, None, False)


def limits(autoscalers: Iterable[Object], budgets: Iterable[Object], quotas: Iterable[Object]) -> tuple[Limit, ...]:
    """What holds the workloads back: those at their limit first, then those of which that cannot be told."""
    found = [*map(_autoscaler, autoscalers), *map(_budget, budgets)]
    for quota in quotas:
        found.extend(_quota(quota))
    return tuple(sorted(found, key=lambda limit: (_ORDER.index(limit.at_limit), limit.kind, limit.name)))


def _autoscaler(autoscaler: Object) -> Limit:
    spec, status = objects.part(autoscaler, "spec"), objects.part(autoscaler, "status")
    current, highest = objects.count(status, "currentReplicas"), objects.count(spec, "maxReplicas")
    lowest = objects.count(spec, "minReplicas")
    if current is None and "desiredReplicas" in status:
        current = 0  # the API leaves out a zero here, and nothing else
    return Limit(
        kind="autoscaler",
        name=objects.name_of(autoscaler),
        now=NOT_COUNTED if current is None else f"{current} replica{'' if current == 1 else 's'}",
        allowed=f"{1 if lowest is None else lowest} to {'?' if highest is None else highest}",
        at_limit=None if current is None or highest is None else current >= highest,
        trouble=_cannot_scale(objects.conditions(autoscaler)),
    )


def _cannot_scale(conditions: dict[str, StatusCondition]) -> str:
    """Why it does not scale. That it is switched off, as it is at zero replicas, is no trouble."""
    for name in ("AbleToScale", "ScalingActive"):
        found = conditions.get(name)
        if found is not None and found.status != "True" and found.reason != "ScalingDisabled":
            return f"{found.reason or name}: {objects.clipped(found.message)}".removesuffix(": ")
    return ""


def _budget(budget: Object) -> Limit:
    status = objects.part(budget, "status")
    allowed, healthy = objects.count(status, "disruptionsAllowed"), objects.count(status, "currentHealthy")
    nothing = _covers_nothing(status)
    failed = objects.conditions(budget).get("DisruptionAllowed")
    return Limit(
        kind="disruption budget",
        name=objects.name_of(budget),
        now=NOT_COUNTED if healthy is None else f"{healthy} healthy",
        allowed="it covers no pod" if nothing else NOT_COUNTED if allowed is None else f"{allowed} may go",
        at_limit=None if allowed is None else allowed <= 0 and not nothing,
        trouble=objects.clipped(f"SyncFailed: {failed.message}") if failed and failed.reason == "SyncFailed" else "",
    )


def _covers_nothing(status: Object) -> bool:
    """Whether it covers no pod, as with a track scaled to zero: then it restricts nothing."""
    expected = objects.count(status, "expectedPods")
    if expected is not None:
        return expected == 0
    return objects.count(status, "currentHealthy") == 0 and objects.count(status, "desiredHealthy") == 0


def _quota(quota: Object) -> list[Limit]:
    status = objects.part(quota, "status")
    hard = objects.part(status, "hard") or objects.part(quota, "spec", "hard")
    used = objects.part(status, "used")
    return [_resource(objects.name_of(quota), resource, used.get(resource), most) for resource, most in hard.items()]


def _resource(quota: str, resource: str, used: object, hard: object) -> Limit:
    now, most = quantity(used), quantity(hard)
    odd = [str(one) for one, amount in ((used, now), (hard, most)) if one is not None and amount is None]
    return Limit(
        kind="quota",
        name=f"{quota}: {resource}",
        now=NOT_COUNTED if used is None else _amount(resource, used),
        allowed=_amount(resource, hard),
        at_limit=None if now is None or most is None else now >= most,
        trouble=objects.clipped(f"not understood: {', '.join(odd)}") if odd else "",
    )


def _amount(resource: str, written: object) -> str:
    """A quantity as figures are shown elsewhere: `1400m` of CPU is 1.4 cores. As written where it is not understood."""
    amount = quantity(written)
    return objects.clipped(str(written)) if amount is None else number(float(amount), _unit(resource))


def _unit(resource: str) -> Unit:
    """What a quota's resource counts: `requests.cpu` cores, `limits.memory` and all storage bytes, the rest objects."""
    name = resource.rpartition("requests.")[2].removeprefix("limits.")
    if name == "cpu":
        return Unit.CORES
    return (
        Unit.BYTES
        if name in ("memory", "storage", "ephemeral-storage") or name.startswith("hugepages-")
        else Unit.COUNT
    )
