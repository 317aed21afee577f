"""The frame of every page: navigation, the global bar, what is down, and the part that refreshes itself.

A page calls `view = begin(title, question)` and then `live(draw, key=...)`. Everything the bar sets goes into the
URL by a callback, and the next run reads it from there: the address bar is the only memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st
from streamlit.elements.lib.layout_utils import Width
from streamlit.navigation.page import Page

from dashboard.model.view import RANGES, View
from dashboard.queries.ask import Ask
from dashboard.queries.outage import outages
from dashboard.ui import links, session, states, theme, url
from dashboard.ui.format import clock, span, stamp, zone
from dashboard.ui.text import in_html, plain
from dashboard.ui.timerange import SHORTEST
from dashboard.ui.wall_clock import entered, twin, wall

RANGE, REFRESH, LOCAL, ENV, NS = "bar.range", "bar.refresh", "bar.local", "bar.env", "bar.ns"
FROM, TO = "bar.from", "bar.to"
# How many pages have a place in the bar of a phone.
IN_BAR = 5
# What a page asks in its own words means nothing to another page; what is looked at goes along.
LEFT_BEHIND = dict.fromkeys(
    (
        *("q", "container", "trace", "actor", "action", "record", "alert"),
        *("compare", "span", "outcome", "error", "took", "cost", "order", "show"),
    ),
    "",
)
_DAY = timedelta(days=1)
_PULSE, _VIEW, _REPACED = "page.pulse", "page.view", "page.repaced"


def begin(title: str, question: str) -> View:
    """Draw the frame and return what the person looks at."""
    view = url.read()
    theme.style()
    links.follow()
    _navigation(view, title)
    with st.container(horizontal=True, key="bar", vertical_alignment="center", gap="small"):
        where = f"{in_html(view.env)} / {in_html(view.ns)}"
        st.html(f'<h1 class="td-title" tabindex="-1">{in_html(title)} <span>{where}</span></h1>', width="content")
        pulse = st.container(key="bar-pulse", width="content")
        pulse.empty()
        _ranges(view)
        with st.popover("View", icon=":material/tune:", key="bar-more", help="Period, refresh, time zone, link"):
            _more(view)
    with st.container(key="bar-question"):
        st.caption(plain(question))
    if view.notes:
        with st.container(border=True, key="notes", gap="xxsmall"):
            for note in view.notes:
                st.markdown(f":material/link_off: {plain(note)}")
    if not view.range:
        start, end = view.window(session.now())
        st.caption(f":material/date_range: {stamp(start, view.tz)} to {stamp(end, view.tz)}, {span(end - start)}")
    st.session_state[_PULSE], st.session_state[_VIEW] = pulse, view
    return view


def live(draw: Callable[[], None], *, key: str) -> None:
    """Run `draw` now and, while the view follows the clock, again at each refresh; the rest stands still.

    While a source is down it is refreshed more often, so that the end of an outage shows soon.
    """
    view: View = st.session_state[_VIEW]
    pulse = st.session_state[_PULSE]
    ask = session.ask_for(view)
    calm = ask.environment.refresh_seconds
    every = session.pace_seconds(calm, is_well=ask.is_well)
    may_repace = not st.session_state.pop(_REPACED, False)

    def part() -> None:
        nonlocal may_repace
        with st.container(key=f"live-{key.replace('.', '-')}"):
            down = st.container(key=f"down-{key.replace('.', '-')}", gap="xsmall")
            draw()
            health, now = ask.health(), session.now()
            with down:
                is_triage = key.startswith("triage")
                _outages(ask, view, leads_on=not is_triage)
                # On Triage a source that does not answer has a card of its own.
                states.sources((one for one in health if not is_triage or one.reachable is not False), now, view.tz)
        with pulse:
            states.pulse(health, now, is_live=view.is_live, tz=view.tz)
        if view.is_live and may_repace and session.pace_seconds(calm, is_well=ask.is_well) != every:
            st.session_state[_REPACED] = True  # once: a source that comes and goes must not draw the page for ever
            st.rerun()  # only the whole page can set another pace
        may_repace = True

    st.fragment(part, run_every=every if view.is_live else None, key=key)()


def _outages(ask: Ask, view: View, *, leads_on: bool) -> None:
    """Above everything on every page: that users get no service, and why; Triage needs no link to itself."""
    said = outages(ask, view.ns)
    if said:
        st.error(f"**Users get no service.** {plain(' '.join(said), limit=500)}", icon=":material/person_off:")
        if leads_on:
            go("triage", "Triage", view, icon=":material/emergency:")


def go(page: str, label: str, view: View, *, icon: str | None = None, **changes: str) -> None:
    """A link to another page of the deck that keeps what the person looks at, with some filters changed."""
    link(page, label, replace(view, **changes), icon=icon)  # type: ignore[arg-type]  # filters are strings


def link(page: str, label: str, view: View, *, icon: str | None = None, width: Width = "stretch") -> None:
    """A link to a page of the deck that shows `view`."""
    if (target := session.pages().get(page)) is not None:
        st.page_link(target, label=label, icon=icon, query_params=url.link(view), width=width)


def _navigation(view: View, title: str) -> None:
    """The pages in a row by group: on top of a desktop; on a phone five under the thumb and the rest behind "More"."""
    pages, groups, kept = list(session.pages().items()), session.groups(), url.link(view, **LEFT_BEHIND)
    first, others = pages[:IN_BAR], pages[IN_BAR:]
    told: set[str] = set()

    def links(of: Sequence[tuple[str, Page]]) -> None:
        for name, page in of:
            if (group := groups.get(name, "")) and group not in told:
                told.add(group)
                st.html(f'<span class="td-group">{in_html(group)}</span>', width="content")
            st.page_link(page, query_params=kept, width="content")

    with st.container(horizontal=True, key="nav", gap="xsmall", vertical_alignment="center"):
        links(first)
        if not others:
            return
        with st.container(
            horizontal=True, key="nav-others", gap="xsmall", width="content", vertical_alignment="center"
        ):
            links(others)
        # A key of its own on each page: what was opened on one page must not be open on the next.
        with st.popover("More", icon=":material/more_horiz:", key=f"nav-more-{title.lower()}"):
            for _, page in others:
                st.page_link(page, query_params=kept, width="stretch")


def _ranges(view: View) -> None:
    st.session_state[RANGE] = view.range or None
    st.segmented_control(
        "Period",
        list(RANGES),
        key=RANGE,
        label_visibility="collapsed",
        on_change=lambda: _relative(st.session_state[RANGE] or view.range),
    )


def _more(view: View) -> None:
    """What is needed less often than the quick ranges."""
    now = session.now()
    start, end = view.window(now)
    with st.container(horizontal=True, gap="small"):
        st.button("Earlier", icon=":material/chevron_left:", key="bar.earlier", on_click=_shift, args=(-1, now))
        st.button("Later", icon=":material/chevron_right:", key="bar.later", on_click=_shift, args=(1, now))
    st.session_state[FROM], st.session_state[TO] = (wall(at, zone(view.tz)) for at in (start, end))
    with st.form("bar.period", border=False):
        # With room on both sides, since a value beyond a bound is an error of the widget; by day, so that they stand.
        least, most = (wall(at, zone(view.tz)).date() for at in (_oldest(view, now) - _DAY, now + 2 * _DAY))
        st.datetime_input(f"From ({view.tz})", key=FROM, step=60, min_value=least, max_value=most)
        st.datetime_input(f"To ({view.tz})", key=TO, step=60, min_value=least, max_value=most)
        st.form_submit_button("Show this period", on_click=_absolute, args=(start, end), width="stretch")
    if not view.range:
        _twins(view, start, end)
    st.session_state[REFRESH], st.session_state[LOCAL] = view.refresh == "on", view.tz != "UTC"
    st.toggle("Refresh by itself", key=REFRESH, on_change=_toggle)
    st.toggle("Local time instead of UTC", key=LOCAL, on_change=_toggle)
    _places(view)
    st.caption("Link to exactly this, for another person:")
    st.code(_address(view, now), language=None, wrap_lines=True)


def _twins(view: View, start: datetime, end: datetime) -> None:
    """A button for each end in an hour that comes twice, to mean the other hour."""
    for name, at, other, period in other_hours(start, end, zone(view.tz), session.now()):
        now_word, other_word = (clock(one, view.tz, seconds=False) for one in (at, other))
        label = f"{name} {other_word} instead of {now_word}"
        st.button(label, key=f"bar.twin.{name.lower()}", on_click=_period, args=period, width="stretch")


def other_hours(
    start: datetime, end: datetime, zone: tzinfo, now: datetime
) -> tuple[tuple[str, datetime, datetime, tuple[datetime, datetime]], ...]:
    """For each end that a clock of the zone shows twice: its name, the instant, the other one, and the period with it.

    Pure. Left out where no period would remain.
    """
    found = []
    if (other := twin(start, zone)) is not None and end - other >= SHORTEST:
        found.append(("From", start, other, (other, end)))
    if (other := twin(end, zone)) is not None and other - start >= SHORTEST and other <= now:
        found.append(("To", end, other, (start, other)))
    return tuple(found)


def _period(start: datetime, end: datetime) -> None:
    url.write_period(url.read(), start, end)


def _places(view: View) -> None:
    """Which environment and namespace; nothing to choose where the settings have one."""
    environments, namespaces = list(session.settings().environments), session.namespaces_of(view.env)
    st.session_state[ENV], st.session_state[NS] = view.env, view.ns
    if len(environments) > 1:
        st.selectbox("Environment", environments, key=ENV, on_change=_environment)
    if len(namespaces) > 1:
        st.selectbox("Namespace", namespaces, key=NS, on_change=_namespace)


def _address(view: View, now: datetime) -> str:
    parts = urlsplit(st.context.url or "")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", urlencode(url.share(view, now)), ""))


def _relative(period: str) -> None:
    if period:
        url.write(replace(url.read(), range=period, start=None, end=None))


def _shift(direction: int, now: datetime) -> None:
    """Move by half the period; the view then stands still, since it no longer ends now."""
    view = url.read()
    start, end = shifted(*view.window(now), direction=direction, oldest=_oldest(view, now), now=now)
    url.write_period(view, start, end)


def shifted(
    start: datetime, end: datetime, *, direction: int, oldest: datetime, now: datetime
) -> tuple[datetime, datetime]:
    """The period half its length earlier (-1) or later (1), as long as it was and within what sources keep. Pure."""
    by = (end - start) / 2 * direction
    by = max(by, oldest - start) if direction < 0 else min(by, now - end)
    return start + by, end + by


def _absolute(start: datetime, end: datetime) -> None:
    """Show what the inputs say; `start` and `end` are the instants that they showed."""
    view = url.read()
    first, last = st.session_state[FROM], st.session_state[TO]
    if first is not None and last is not None:
        known = zone(view.tz)
        url.write_period(view, entered(first, start, known, late=False), entered(last, end, known, late=True))


def _oldest(view: View, now: datetime) -> datetime:
    """Where the oldest period begins; a minute later than the bound, which moves on while a person looks."""
    return now - timedelta(days=session.settings().environments[view.env].retention_days) + timedelta(minutes=1)


def _toggle() -> None:
    tz = url.local_zone() if st.session_state[LOCAL] else "UTC"
    url.write(replace(url.read(), refresh="on" if st.session_state[REFRESH] else "off", tz=tz))


def _environment() -> None:
    name = st.session_state[ENV]
    url.write(replace(url.read(), env=name, ns=session.namespace_of(name)))


def _namespace() -> None:
    url.write(replace(url.read(), ns=st.session_state[NS]))
