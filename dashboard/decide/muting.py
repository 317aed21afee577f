"""Whether an alert may be acknowledged or silenced, and a silence changed: asked by the page and by the guard. Pure.

Each answer is why not, in words for who asked; "" is yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dashboard.decide.alerts import namespace
from dashboard.decide.answering import acknowledging, is_in_force, touches
from dashboard.decide.matchers import MatcherError, check, contradiction, fit, too_wide, warnings
from dashboard.model.alert import Alert
from dashboard.model.muting import MOST_ACKNOWLEDGED, THE_DECK, MutingKind, MutingRequest, MutingRules
from dashboard.model.reason import LONGEST_REASON, problem, tidy, visible_length
from dashboard.model.silence import ACKNOWLEDGED, AlertMatcher, Mute
from dashboard.model.written import span


def unfit(request: MutingRequest, rules: MutingRules, now: datetime) -> str:
    """Why a request may not even be looked into: who asks, why, and for how long."""
    actor = tidy(request.actor.name)
    if not visible_length(actor):
        return "nobody says who acts"
    if request.namespace not in rules.namespaces:
        return f"the settings do not list the namespace {request.namespace}"
    answers = request.kind is MutingKind.ACKNOWLEDGE or bool(request.mute and request.mute.acknowledges)
    allowed = rules.may_acknowledge if answers else rules.may_silence
    if "*" not in allowed and actor not in allowed and request.actor != THE_DECK:
        return (
            f"{actor} may not {'acknowledge alerts' if answers else 'silence alerts'} here: the settings name who may"
        )
    if why_not := _reason_problem(request):
        return why_not
    if request.kind is MutingKind.EXPIRE:
        return ""
    if request.until is None or request.until <= now:
        return "it would end before it begins"
    longest = rules.longest_acknowledgement if answers else rules.longest_silence
    if request.until - now > longest:
        return f"it would last longer than {span(longest)}, the longest that the settings allow"
    return ""


def _reason_problem(request: MutingRequest) -> str:
    """A silence has to say why; the other acts may, so that nobody has to type at night."""
    if request.kind is MutingKind.SILENCE and (lacks := problem(request.reason)):
        return f"a silence {lacks}"
    if request.kind is MutingKind.SILENCE and request.reason.startswith(ACKNOWLEDGED):
        return "the reason of a silence may not read like an acknowledgement"
    return f"a reason has at most {LONGEST_REASON} characters" if len(request.reason) > LONGEST_REASON else ""


def matchers_problem(matchers: Sequence[AlertMatcher]) -> str:
    """Why no silence may be made with these matchers, whatever fires now."""
    try:
        check(matchers)
        return too_wide(matchers) or contradiction(matchers)
    except MatcherError as error:
        return str(error)


def refusal(
    request: MutingRequest, rules: MutingRules, alerts: Sequence[Alert], mutes: Sequence[Mute], now: datetime
) -> str:
    """Why a request may not be done as Alertmanager stands now.

    Args:
        alerts: all that fire now, of all namespaces.
        mutes: all silences.
    """
    match request.kind:
        case MutingKind.ACKNOWLEDGE:
            return _acknowledge(request, rules, alerts, mutes, now)
        case MutingKind.SILENCE:
            return _silence(request, rules, alerts)
        case _:
            return _change(request, mutes, now)


def strangers(alerts: Sequence[Alert], rules: MutingRules) -> tuple[Alert, ...]:
    """The alerts of namespaces that this environment does not show: they are not ours to mute."""
    return tuple(one for one in alerts if namespace(one.placing) not in ("", *rules.namespaces))


def of_others(matched: Sequence[Alert], rules: MutingRules) -> str:
    """Why a silence that matches these alerts is not ours to make."""
    foreign = strangers(matched, rules)
    if not foreign:
        return ""
    places = ", ".join(sorted({namespace(one.labels) for one in foreign})[:3])
    count = "1 alert" if len(foreign) == 1 else f"{len(foreign):,} alerts"
    return f"it would also mute {count} of namespaces that this deck does not show ({places}): add a namespace"


def _acknowledge(
    request: MutingRequest, rules: MutingRules, alerts: Sequence[Alert], mutes: Sequence[Mute], now: datetime
) -> str:
    if not request.alerts:
        return "no alert is named"
    if len(request.alerts) > MOST_ACKNOWLEDGED:
        return f"{len(request.alerts)} alerts are more than {MOST_ACKNOWLEDGED} at once: make a silence that names them"
    firing = {tuple(sorted(one.labels.items())): one for one in alerts}
    named = [firing.get(tuple(sorted(one.labels.items()))) for one in request.alerts]
    if all(one is None for one in named):
        return "it no longer fires: there is nothing to acknowledge"
    if why_not := of_others([one for one in named if one is not None], rules):
        return why_not
    known = [acknowledging(mutes, one.labels, now) for one in request.alerts]
    if all(known):
        first = known[0][0]
        return f"{tidy(first.by) or 'somebody'} has acknowledged it already, until {first.ends_at:%H:%M} UTC"
    return ""


def _silence(request: MutingRequest, rules: MutingRules, alerts: Sequence[Alert]) -> str:
    if why_not := matchers_problem(request.matchers):
        return why_not
    matched = [one for one in alerts if fit(request.matchers, one.labels)]
    if why_not := of_others(matched, rules):
        return why_not
    firing = len(alerts) - len(strangers(alerts, rules))
    said = warnings(request.matchers, matched=len(matched), firing=firing)
    return "" if request.accepts_warnings or not said else f"look again before it is made: {' '.join(said)}"


def _change(request: MutingRequest, mutes: Sequence[Mute], now: datetime) -> str:
    shown = request.mute
    if shown is None:
        return "no silence is named"
    found = next((one for one in mutes if one.id == shown.id), None)
    if found is None or not is_in_force(found, now):
        return "the silence has ended already"
    if not touches(found, request.namespace):
        return f"the silence is not about alerts of {request.namespace}"
    if set(found.matchers) != set(shown.matchers) or abs((found.ends_at - shown.ends_at).total_seconds()) > 1:
        return f"somebody changed the silence meanwhile: it ends at {found.ends_at:%Y-%m-%d %H:%M} UTC now. Look again"
    return ""
