"""Acts on alerts, in the order of every guarded action: guard, record, do, read back, record. Nothing may skip a step.

An acknowledgement is a silence of exactly one alert with a mark in its comment. Alertmanager keeps it, so every deck
and every person sees it, and it stops the tiers of the ladder that have not told yet. Of two that are made at the same
moment the earlier one counts: the later one is taken back and its maker is told.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

from connectors import errors
from dashboard.act.alerting import Alerting
from dashboard.act.audit import AuditFile, NotWrittenError, Record
from dashboard.act.muting_entries import about, muting_entry
from dashboard.act.run import Clock, log
from dashboard.alerting import alert_of, mute_of, silence_of
from dashboard.decide.answering import acknowledging, is_in_force
from dashboard.decide.muting import refusal, unfit
from dashboard.decide.over import Over
from dashboard.model.action import ActionId, Outcome
from dashboard.model.alert import Alert
from dashboard.model.muting import THE_DECK, MutingKind, MutingRequest, MutingRules, MutingState
from dashboard.model.reason import LONGEST_NAME, tidy
from dashboard.model.silence import Mute, acknowledgement, exactly

T = TypeVar("T")
# How long the answers of Alertmanager may take to show a change: several behind one address tell each other.
READ_BACK = timedelta(seconds=5)
_LOOK_AGAIN = 0.25
# How often acknowledgements are held against the alerts that fire.
LOOK_EVERY = timedelta(seconds=30)
# Alertmanager lets a silence begin when it takes it; a beginning in its future would mute nobody yet.
_BEGINS_BEFORE = timedelta(minutes=5)
_LONGEST_WAIT_SECONDS = 60.0


@dataclass(slots=True)
class _Act:
    """One act on its way: the silences that were sent, by what they mute, and the ids that came back."""

    id: ActionId
    request: MutingRequest
    ids: list[str] = field(default_factory=list)
    done: list[Mute] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


class Muting:
    """Acts on the alerts of one environment. Safe for threads; one at a time in this process."""

    def __init__(
        self,
        *,
        alertmanager: Alerting,
        audit: AuditFile,
        rules: MutingRules,
        now: Clock,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._alertmanager = alertmanager
        self._audit = audit
        self._now = now
        self._wait = wait
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="muting")
        self.rules = rules

    def submit(self, request: MutingRequest) -> MutingState:
        """Do it, and answer how it ended. It goes on in a thread of its own when whoever asked goes away."""
        running = self._worker.submit(self.run, request)
        try:
            return running.result(timeout=_LONGEST_WAIT_SECONDS)
        except FutureTimeoutError:
            sentence = "Still under way: look at the silences in a minute."
            return MutingState(id=ActionId(""), request=request, outcome=Outcome.RUNNING, sentence=sentence)

    def watch(self) -> None:
        """From now on end acknowledgements whose alerts have ended, in a thread of the background."""
        thread = threading.Thread(target=self._watch, name="acknowledgements", daemon=True)
        thread.start()

    def _watch(self) -> None:
        over = Over()
        while not self._closing.wait(LOOK_EVERY.total_seconds()):
            try:
                self.tidy_up(over)
            except errors.SourceError as error:
                log.debug("acknowledgements not looked at reason=%s", error)

    def tidy_up(self, over: Over) -> None:
        """End the acknowledgements whose alerts are over, as `over` finds them. May raise a `SourceError`."""
        mutes, alerts = self._mutes(), self._alerts()
        for mute in over.ended(mutes, alerts, self.rules.namespaces, self._now()):
            self.run(
                MutingRequest(
                    kind=MutingKind.EXPIRE,
                    namespace=self.rules.namespaces[0],
                    actor=THE_DECK,
                    reason="the alert has ended",
                    mute=mute,
                )
            )

    def close(self) -> None:
        """Begin nothing more, and let what runs end."""
        self._closing.set()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def run(self, request: MutingRequest) -> MutingState:
        """All steps of one act, in their order. Always ends with what was read back, or why nothing was done."""
        act = _Act(ActionId(secrets.token_hex(6)), request)
        with self._turn:
            try:
                if why_not := self._guard(act):
                    return self._end(act, Outcome.REFUSED, f"Refused: {why_not}.")
                if why_not := self._record(act):
                    return self._end(act, Outcome.REFUSED, f"Refused: {why_not}.")
                self._do(act)
                return self._read_back(act)
            except errors.SourceError as error:
                begun = f" {len(act.ids)} of its changes were sent." if act.ids else " Nothing was changed."
                return self._end(act, Outcome.FAILED if act.ids else Outcome.REFUSED, f"Alertmanager: {error}.{begun}")
            except Exception as error:  # noqa: BLE001 - a fault of ours must not leave an act without an end
                log.exception("act on alerts broke id=%s", act.id)
                return self._end(act, Outcome.FAILED, f"A fault of the deck itself: {type(error).__name__}: {error}")

    def _guard(self, act: _Act) -> str:
        """Who, may, really: against the rules, then against Alertmanager as it stands. Reads only."""
        if why_not := unfit(act.request, self.rules, self._now()):
            return why_not
        alerts = self._alerts()
        return refusal(act.request, self.rules, alerts, self._mutes(), self._now())

    def _alerts(self) -> tuple[Alert, ...]:
        return tuple(alert_of(one, self.rules.own_labels) for one in self._alertmanager.alerts())

    def _record(self, act: _Act) -> str:
        """On disk before anything changes; why not where it cannot be."""
        try:
            self._audit.append(self._begun(act))
        except NotWrittenError as error:
            return f"the audit cannot be written, so nothing is done: {error}"
        return ""

    def _do(self, act: _Act) -> None:
        """Send every change until one is lost. It may have arrived all the same: reading back tells."""
        request = act.request
        if request.kind is MutingKind.EXPIRE and request.mute:
            act.ids.append(request.mute.id)
            self._sent(act, lambda silence: self._alertmanager.expire(silence), request.mute.id)
            return
        for mute in self._wanted(request):
            act.done.append(mute)
            if not self._sent(act, lambda mute: act.ids.append(self._alertmanager.silence(silence_of(mute))), mute):
                return

    @staticmethod
    def _sent(act: _Act, send: Callable[[T], None], what: T) -> bool:
        try:
            send(what)
        except errors.NotFound:
            return True  # it has ended by itself
        except (errors.TimedOut, errors.Unreachable, errors.BadAnswer) as error:
            act.trouble.append(str(error))
            return False
        return True

    def _wanted(self, request: MutingRequest) -> Sequence[Mute]:
        """The silences as they should be afterwards."""
        now, by = self._now(), tidy(request.actor.name, longest=LONGEST_NAME)
        until = request.until or now
        if request.kind is MutingKind.EXTEND and request.mute:
            shown = request.mute
            found = next((one for one in self._mutes() if one.id == shown.id), shown)
            return [replace(found, ends_at=until)]
        begins = now - _BEGINS_BEFORE
        if request.kind is MutingKind.SILENCE:
            wanted = {request.matchers: tidy(request.reason)}
        else:
            mutes = self._mutes()
            wanted = {
                exactly(one.labels): acknowledgement(one.since, tidy(request.reason))
                for one in request.alerts
                if not acknowledging(mutes, one.labels, now)
            }
        return [
            Mute(id="", state="active", matchers=matchers, starts_at=begins, ends_at=until, by=by, comment=comment)
            for matchers, comment in wanted.items()
        ]

    def _read_back(self, act: _Act) -> MutingState:
        """Success is what Alertmanager says it is: look until it does, or until the patience is over."""
        deadline = self._now() + READ_BACK
        while True:
            try:
                why_not = self._not_yet(act)
            except errors.SourceError as error:
                why_not = f"it cannot be read back: {error}"
            if not why_not:
                return self._settled(act)
            if self._now() >= deadline:
                told = "; ".join(dict.fromkeys((why_not, *act.trouble)))
                return self._end(act, Outcome.FAILED, f"Not shown as done: {told}. Look at the silences.")
            self._wait(_LOOK_AGAIN)

    def _not_yet(self, act: _Act) -> str:
        """What Alertmanager does not show yet of what was asked; "" when all of it is there."""
        mutes = self._mutes()
        if act.request.kind is MutingKind.EXPIRE:
            left = [one for one in mutes if one.id in act.ids and is_in_force(one, self._now())]
            return "the silence is still in force" if left else ""
        found = [_found(one, mutes) for one in act.done]
        missing = sum(one is None for one in found)
        if missing:
            return f"{missing} of {len(found)} silences are not there"
        act.ids = [one.id for one in found if one is not None]
        return ""

    def _settled(self, act: _Act) -> MutingState:
        request = act.request
        if request.kind is MutingKind.EXPIRE:
            return self._end(act, Outcome.SUCCEEDED, "Ended: Alertmanager tells people of these alerts again.")
        if request.kind is MutingKind.ACKNOWLEDGE and (first := self._earlier(act)):
            return self._withdraw(act, first)
        muted = [one for one in self._alertmanager.alerts() if set(one.silenced_by) & set(act.ids)]
        facts = {
            "silences": ", ".join(act.ids),
            "mutes now": f"{len(muted)} alerts" if len(muted) != 1 else "1 alert",
        }
        until = f"until {request.until:%Y-%m-%d %H:%M} UTC" if request.until else ""
        who = tidy(request.actor.name, longest=LONGEST_NAME)
        verb = {MutingKind.ACKNOWLEDGE: "Acknowledged", MutingKind.SILENCE: "Silenced", MutingKind.EXTEND: "Extended"}
        sentence = (
            f"{verb[request.kind]} by {who} {until}: {about(request)}. Alertmanager tells nobody of it meanwhile."
        )
        return self._end(act, Outcome.SUCCEEDED, sentence, facts)

    def _earlier(self, act: _Act) -> Mute | None:
        """The acknowledgement of somebody else that was made at the same moment and came first, if all have one."""
        mutes, now = self._mutes(), self._now()
        first = [acknowledging(mutes, one.labels, now) for one in act.request.alerts]
        others = [several[0] for several in first if several and several[0].id not in act.ids]
        ours = [several[0] for several in first if several and several[0].id in act.ids]
        return others[0] if others and not ours else None

    def _withdraw(self, act: _Act, first: Mute) -> MutingState:
        for silence in act.ids:
            self._sent(act, lambda ours: self._alertmanager.expire(ours), silence)
        who = tidy(first.by) or "somebody"
        left = f" Ours could not be taken back: {act.trouble[-1]}." if act.trouble else ""
        sentence = f"Refused: {who} acknowledged it at the same moment, until {first.ends_at:%H:%M} UTC.{left}"
        return self._end(act, Outcome.REFUSED, sentence)

    def _mutes(self) -> tuple[Mute, ...]:
        return tuple(map(mute_of, self._alertmanager.silences()))

    def _begun(self, act: _Act) -> Record:
        return muting_entry(act.id, act.request, "begun", at=self._now(), environment=self._audit.environment)

    def _end(self, act: _Act, outcome: Outcome, sentence: str, facts: Mapping[str, str] | None = None) -> MutingState:
        record = muting_entry(
            act.id,
            act.request,
            "finished",
            at=self._now(),
            environment=self._audit.environment,
            outcome=outcome,
            sentence=sentence,
            silences=act.ids,
            facts=facts,
        )
        try:
            self._audit.append(record)
        except NotWrittenError as error:
            sentence = f"{sentence} (its end could not be written into the audit: {error})"
        log.info("act on alerts ended id=%s kind=%s outcome=%s", act.id, act.request.kind, outcome)
        return MutingState(id=act.id, request=act.request, outcome=outcome, sentence=sentence, facts=facts or {})


def _found(wanted: Mute, mutes: Sequence[Mute]) -> Mute | None:
    """The silence that was wanted, as Alertmanager has it now: whoever asked for it, why, on what and until when."""
    return next(
        (
            one
            for one in mutes
            if one.state != "expired"
            and set(one.matchers) == set(wanted.matchers)
            and (one.by, one.comment) == (wanted.by, wanted.comment)
            and abs(one.ends_at - wanted.ends_at) < timedelta(seconds=2)
        ),
        None,
    )
