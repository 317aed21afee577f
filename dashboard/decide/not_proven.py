"""Why a figure beyond its limit does not stop a release yet, in words. Pure."""

from __future__ import annotations

from dashboard.model.trial import Trial
from dashboard.model.verdict import Evidence
from dashboard.model.written import duration


def not_begun(trial: Trial) -> str:
    """When counting begins; "" once it has begun."""
    if trial.intervals > 0:
        return ""
    length = f" of {duration(trial.warm_up_seconds)}, as long as runs may take" if trial.warm_up_seconds > 60 else ""
    return f"counting begins at {trial.started_at:%H:%M:%S} UTC, after the warm-up{length}"


def why_not_proven(evidence: Evidence, *, is_counted: bool) -> str:
    """Why there is no evidence beyond chance: it is not enough yet, counting has not begun, or nothing is counted."""
    trial = evidence.trial.value
    if trial is None:
        return f"the counts since the release began are not known: {evidence.trial.reason}"
    if not is_counted:
        return not_begun(trial) or "this is not counted since the release began, so chance cannot be ruled out"
    return "chance may explain it so far"


def reaches_back(evidence: Evidence, seconds: float) -> bool:
    """Whether a window holds what the release before on the same track did."""
    began = evidence.began or (evidence.trial.value.started_at if evidence.trial.value else None)
    return began is not None and (evidence.at - began).total_seconds() < seconds
