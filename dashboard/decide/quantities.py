"""Kubernetes quantities as numbers, by the official client's own arithmetic: `1000m` is 1, `2Gi` is 2147483648."""

from __future__ import annotations

import re
from decimal import Decimal

# The grammar of apimachinery's resource.Quantity. The client's parser accepts more (NaN, 1_000, K), which the API
# server refuses. The bound on digits stops hostile exponents.
_QUANTITY = re.compile(
    r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3}|[numkMGTPE]|[KMGTPE]i)?", re.ASCII
)


def quantity(written: object) -> Decimal | None:
    """The amount that a quantity stands for; None where it is not understood."""
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        return None
    found = str(written).strip()
    if not _QUANTITY.fullmatch(found):
        return None
    # Imported here: the client costs a second to load, and only quotas need it.
    from kubernetes.utils.quantity import parse_quantity

    try:
        return Decimal(parse_quantity(found))  # type: ignore[no-untyped-call]
    except ValueError:
        return None
