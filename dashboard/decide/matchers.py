"""What a silence's matchers mean: read from text, held against labels, and looked at before they mute anything.

As Alertmanager reads them: a missing label is the empty string, and a regular expression has to match the whole value.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import re2

from dashboard.model.silence import AlertMatcher

MOST_MATCHERS = 30
LONGEST_VALUE = 2_000
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ONE = re.compile(
    r"""\s*(?P<name>[^\s=!~,{}"]+)\s*(?P<sign>=~|!~|!=|=)\s*
        (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,{}"]*))[ \t\r]*""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
# Values that no alert has. What lets all of them pass does not tell one value from another.
_NOBODY = ("zq-nobody-7f3a", "ZqNobody7F3A", "7031994", "zq.nobody:1/x y")


class MatcherError(ValueError):
    """Matchers that cannot be used. `str()` says why in words for who typed them."""


def read(text: str) -> tuple[AlertMatcher, ...]:
    """The matchers that a person typed, with commas or new lines between, braces around them or not.

    Raises:
        MatcherError: they cannot be understood, or do not fit labels of alerts.
    """
    rest = text.strip()
    if rest.startswith("{") and rest.endswith("}"):
        rest = rest[1:-1].strip()
    found: list[AlertMatcher] = []
    while rest:
        one = _ONE.match(rest)
        if one is None:
            raise MatcherError(f'“{_short(rest)}” is no condition on a label: write label="value", with commas between')
        found.append(_matcher(one))
        rest = rest[one.end() :]
        if rest and rest[0] not in ",\n":
            raise MatcherError(f"a comma is missing before “{_short(rest)}”")
        rest = rest.lstrip(", \n\t\r")
    check(found)
    return tuple(dict.fromkeys(found))


def check(matchers: Sequence[AlertMatcher]) -> None:
    """Whether Alertmanager can use these. Raises MatcherError when it cannot."""
    if not matchers:
        raise MatcherError('nothing is named: write at least one condition, for example alertname="TargetDown"')
    if len(matchers) > MOST_MATCHERS:
        raise MatcherError(f"{len(matchers)} conditions are too many: at most {MOST_MATCHERS}")
    for one in matchers:
        if not _NAME.fullmatch(one.name):
            raise MatcherError(f"“{_short(one.name)}” is no name of a label: letters, digits and _ only")
        if len(one.value) > LONGEST_VALUE:
            raise MatcherError(f"the value of {one.name} is longer than {LONGEST_VALUE:,} characters")
        if one.is_regex:
            _compiled(one.value)


def fits(matcher: AlertMatcher, labels: Mapping[str, str]) -> bool:
    """Whether an alert with these labels fits one matcher. May raise MatcherError for its regular expression."""
    value = labels.get(matcher.name, "")
    same = _compiled(matcher.value).fullmatch(value) is not None if matcher.is_regex else value == matcher.value
    return same is matcher.is_equal


def fit(matchers: Iterable[AlertMatcher], labels: Mapping[str, str]) -> bool:
    """Whether an alert with these labels fits all matchers. May raise MatcherError."""
    return all(fits(one, labels) for one in matchers)


def too_wide(matchers: Sequence[AlertMatcher]) -> str:
    """Why these would mute nearly everything; "" when at least one of them names something."""
    if any(_names(one) for one in matchers):
        return ""
    return (
        "it would mute nearly every alert: each condition also holds for alerts without the label, or for any value. "
        "Name at least one value that the alert must have"
    )


def contradiction(matchers: Sequence[AlertMatcher]) -> str:
    """Why no alert can ever fit these; "" when one could."""
    for one in matchers:
        if one.is_regex or not one.is_equal:
            continue
        against = [other for other in matchers if other.name == one.name and not fits(other, {one.name: one.value})]
        if against:
            return f"it can never match: {one} and {against[0]} cannot both be true"
    return ""


def warnings(matchers: Sequence[AlertMatcher], *, matched: int, firing: int) -> tuple[str, ...]:
    """What a person should know before these are used, each in one sentence. Pure.

    Args:
        matched: how many alerts that fire now they match.
        firing: how many alerts fire now.
    """
    said = []
    if not matched:
        said.append(
            "It matches no alert that fires now: check the spelling. It mutes such alerts as soon as they begin."
        )
    elif matched == firing and firing > 1:
        said.append(f"It matches every one of the {firing} alerts that fire now.")
    if not any(one.name == "alertname" and _names(one) for one in matchers):
        said.append("It names no alert: it also mutes alerts of other kinds that begin later, however urgent they are.")
    return tuple(said)


def _names(one: AlertMatcher) -> bool:
    """Whether it lets neither a missing label pass nor just any value."""
    return not fits(one, {}) and not all(fits(one, {one.name: value}) for value in _NOBODY)


def _matcher(found: re.Match[str]) -> AlertMatcher:
    quoted, sign = found["quoted"], found["sign"]
    value = found["bare"] if quoted is None else re.sub(r"\\(.)", _unescaped, quoted, flags=re.DOTALL)
    return AlertMatcher(name=found["name"], value=value, is_regex="~" in sign, is_equal=not sign.startswith("!"))


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[0])


@lru_cache(maxsize=512)
def _compiled(expression: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        why = error.args[0] if error.args else error
        said = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
        raise MatcherError(f"“{_short(expression)}” is no regular expression: {said}") from None


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
