"""The query language of the page Logs: the part of Lucene and KQL that people know by heart. Pure.

`timeout`            the word, in any case            `level:error`        a field has this value
`"tool call failed"` these words in this order        `tool:*`             the line has the field
`tim*`               a word that begins so            `retries>=3`         a number
`a b`, `a AND b`     both                             `level:(error OR warning)`
`a OR b`             either                           `NOT a`, `-a`        not this

AND binds closer than OR. What would cost the store minutes (a `*` at the beginning or in the middle, regular
expressions, fuzzy words) is refused with a sentence that says what to write instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Final

from dashboard.model.log_query import (
    AllOf,
    AnyOf,
    Condition,
    FieldCompared,
    FieldExists,
    FieldIs,
    NoneOf,
    QueryMistakeError,
    SaysWords,
)

LONGEST: Final = 1_000
MOST_PARTS: Final = 30
DEEPEST: Final = 8
SHORTEST_PREFIX: Final = 2
_SHOWN: Final = 40

_TOKEN = re.compile(
    r'\s*(?:(?P<open>\()|(?P<close>\))|"(?P<phrase>(?:\\.|[^"\\])*)"|(?P<quote>")|(?P<word>(?:\\.|[^\s()"\\]|\\$)+))'
)
_FIELD = re.compile(r"(?P<name>[^\W\d][\w.@/-]+)(?P<sign>:|>=|<=|>|<)(?P<value>.*)", re.DOTALL)
_SIGNS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_AND, _OR, _NOT = ("AND", "&&"), ("OR", "||"), ("NOT",)
_FUZZY = re.compile(r"\w~\d*$")
_STAR = re.compile(r"(?<!\\)\*")


def parse(text: str, known: Collection[str] = ()) -> Condition | None:
    """What `text` asks for; None where it asks for nothing in particular.

    Args:
        known: the names of fields of which a value is expected after the colon: `agent:` alone is a mistake,
            `Error:` is the word.

    Raises:
        QueryMistakeError: it cannot be asked.
    """
    if len(text) > LONGEST:
        raise QueryMistakeError(f"A query has at most {LONGEST:,} characters, this one has {len(text):,}. Shorten it.")
    tokens = list(_TOKEN.finditer(text))
    if not tokens:
        return None
    reader = _Tokens(tokens, frozenset(known))
    return reader.whole()


def hints(text: str) -> tuple[str, ...]:
    """What was read otherwise than it may be meant, in plain words."""
    words = [token["word"] for token in _TOKEN.finditer(text[:LONGEST])]
    within = words[1:-1] if len(words) > 2 else []
    found = dict.fromkeys(word for word in within if word in ("or", "and", "not"))
    return tuple(
        f"“{word}” is searched as a word. In capitals, {word.upper()}, it joins what to search." for word in found
    )


class _Tokens:
    """Reads tokens from left to right, by recursive descent."""

    def __init__(self, tokens: list[re.Match[str]], known: frozenset[str]) -> None:
        self._tokens, self._known = tokens, known
        self._at, self._parts, self._depth = 0, 0, 0

    def whole(self) -> Condition:
        found = self._either()
        if self._next is not None:
            raise QueryMistakeError("A closing bracket has no opening one. Remove the “)”, or put it in quotes.")
        return found

    @property
    def _next(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is(self, words: tuple[str, ...]) -> bool:
        return self._next is not None and self._next["word"] in words

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._is(_OR):
            self._at += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _both(self) -> Condition:
        parts: list[Condition] = []
        while self._next is not None and not self._next["close"] and not self._is(_OR):
            if self._is(_AND):
                self._expect_more(parts)
                continue
            parts.append(self._one())
        if not parts:
            raise QueryMistakeError("Something to search for is missing beside AND, OR or within brackets.")
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _expect_more(self, parts: list[Condition]) -> None:
        self._at += 1
        follows = self._next
        if not parts or follows is None or follows["close"] or self._is((*_OR, *_AND)):
            raise QueryMistakeError("AND joins two things: something is missing before or after it.")

    def _one(self) -> Condition:
        token = self._tokens[self._at]
        if self._is(_NOT):
            self._at += 1
            return self._counted(NoneOf(self._after_not()))
        self._at += 1
        if token["open"]:
            return self._group()
        if token["phrase"] is not None:
            return self._counted(SaysWords(_plain(token["phrase"]), is_phrase=True), of_text=True)
        if token["quote"]:
            raise QueryMistakeError('A quote is not closed: write a second " where the words end.')
        return self._word(token)

    def _after_not(self) -> Condition:
        if self._next is None or self._next["close"] or self._is((*_OR, *_AND)):
            raise QueryMistakeError("NOT needs something after it, such as NOT level:debug.")
        return self._one()

    def _group(self, field: str = "") -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise QueryMistakeError(f"Brackets lie at most {DEEPEST} deep. Search in two steps, or use filters.")
        outer, self._field = self._field, field or self._field
        found = self._either()
        self._field = outer
        if self._next is None:
            raise QueryMistakeError("A bracket is not closed: write a “)” where the group ends.")
        self._at += 1
        self._depth -= 1
        return found

    _field = ""  # that the values of a group are of: `level:(error OR warning)`

    def _word(self, token: re.Match[str]) -> Condition:
        word = token["word"]
        if word[0] in "-!" and len(word) > 1:
            return self._counted(NoneOf(self._said(word[1:], token)))
        if word in ("-", "!") and self._follows(token):
            return self._counted(NoneOf(self._after_not()))
        return self._said(word, token)

    def _said(self, word: str, token: re.Match[str]) -> Condition:
        found = None if self._field else _FIELD.fullmatch(word)
        if found is None:
            return self._value(self._field, word)
        name, sign, value = found["name"], found["sign"], found["value"]
        if sign in _SIGNS:
            number = _number(value)
            return self._value("", word) if number is None else self._counted(FieldCompared(name, _SIGNS[sign], number))
        if value.startswith(("//", ":")):  # an address, a class
            return self._value("", word)
        return self._value(name, value) if value else self._named(name, token)

    def _named(self, name: str, token: re.Match[str]) -> Condition:
        """A name and a colon, with its value in quotes or brackets, or nothing that belongs to it."""
        follows = self._next
        if follows is not None and self._follows(token):
            if follows["phrase"] is not None:
                self._at += 1
                return self._counted(FieldIs(name, _plain(follows["phrase"])))
            if follows["open"]:
                self._at += 1
                return self._group(name)
        if name in self._known:
            raise QueryMistakeError(f"After {name}: a value is missing. Write it without a space, or {name}:* for any.")
        return self._value("", name)

    def _follows(self, token: re.Match[str]) -> bool:
        """Whether the next token stands directly behind this one."""
        return self._next is not None and self._next.start() == token.end() and not self._next[0][:1].isspace()

    def _value(self, field: str, word: str) -> Condition:
        """A word of the line, or a field's value."""
        shown = f"“{word[:_SHOWN]}”"
        if word == "*":
            return self._counted(FieldExists(field) if field else AllOf(()))
        stars = [star.start() for star in _STAR.finditer(word)]
        if stars and stars[0] == 0:
            raise QueryMistakeError(f"{shown} begins with *, which would read every line. Write how the word begins.")
        if stars and stars != [len(word) - 1]:
            raise QueryMistakeError(f"{shown} has a * in the middle. Only the end of a word may be left open: time*")
        if _FUZZY.search(word):
            raise QueryMistakeError(
                f"{shown} asks for similar words, which costs minutes. Write the word, or its begin*"
            )
        text = _plain(word[:-1] if stars else word)
        if stars and len(text) < SHORTEST_PREFIX:
            raise QueryMistakeError(f"{shown} is too short: at least {SHORTEST_PREFIX} letters stand before the *.")
        if field:
            return self._counted(FieldIs(field, text, is_prefix=bool(stars)))
        return self._counted(SaysWords(text, is_prefix=bool(stars)), of_text=True)

    def _counted(self, found: Condition, *, of_text: bool = False) -> Condition:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise QueryMistakeError(f"A query has at most {MOST_PARTS} parts. Use fewer words, or filters.")
        if of_text and isinstance(found, SaysWords) and found.text.isascii() and not re.search(r"\w", found.text):
            raise QueryMistakeError(f"“{found.text[:_SHOWN]}” has no letter or digit to search for. Remove it.")
        return found


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
