"""Users who get no service: what every page asks, since nothing on it matters more. Triage tells the rest.

Cheap on purpose: Services and their endpoints are watched anyway, and the kill switch is one number.
"""

from __future__ import annotations

from dashboard.catalog import release as catalog
from dashboard.decide import objects
from dashboard.decide.governed import serving
from dashboard.model.reading import State
from dashboard.queries.ask import Ask, Instant, Objects

_KNOWN_NOW = (State.FRESH, State.PARTIAL)


def outages(ask: Ask, namespace: str) -> tuple[str, ...]:
    """Why users get no service just now, each in one sentence; nothing is said of what is not known now."""
    found = ask.gather(
        {
            "services": Objects("services", namespace),
            "slices": Objects("endpointslices", namespace),
            "engaged": Instant(catalog.KILL_SWITCH, {"namespace": namespace}),
        }
    )
    engaged, services, slices = found.samples("engaged"), found.objects("services"), found.objects("slices")
    said = []
    if engaged.state in _KNOWN_NOW and any((sample.value or 0.0) > 0 for sample in engaged.value or ()):
        said.append("The kill switch is engaged: agents are stopped by policy.")
    if services.state is State.FRESH and slices.state is State.FRESH:
        governed = filter(ask.environment.blue_green.known.is_governed, services.value or ())
        said += [
            f"No pod serves {objects.name_of(one)}: every request to it fails."
            for one in governed
            if objects.part(one, "spec", "selector") and not serving(objects.name_of(one), slices.value or ())
        ]
    return tuple(said)
