"""Numbers of levels that families of log libraries use for different levels: 40 is an error in Python and a warning in
pino, 3 an error in syslog and a warning in .NET. Such a number is understood only where the document around it tells
the family. Pure.

The settings can say what a number means (`words.level`), and then that holds everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.model.words import LogLevel, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How one family of libraries numbers levels, and how its documents look.

    Attributes:
        numbers: only those that another family gives another meaning. What all agree on stands in the table of words.
        together: sets of keys beside the level; all of one set show the family.
        numeric: of those keys the ones whose value is a number.
        own: a pattern of names that a field for levels has in this family alone; "" where there are none.
    """

    numbers: Mapping[str, LogLevel]
    together: tuple[frozenset[str], ...]
    numeric: frozenset[str] = frozenset()
    own: str = ""

    def owns(self, name: str) -> bool:
        """Whether a field of this name holds a level of this family, whatever stands beside it."""
        return bool(self.own) and re.search(self.own, name) is not None


def _each(*keys: str) -> tuple[frozenset[str], ...]:
    """Keys of which each alone shows a family."""
    return tuple(frozenset((key,)) for key in keys)


PINO = Family(  # and bunyan
    numbers={"20": LogLevel.DEBUG, "30": LogLevel.INFO, "40": LogLevel.WARNING},
    together=(frozenset(("pid", "hostname")), frozenset(("time", "msg"))),
    numeric=frozenset(("time",)),
)
PYTHON = Family(
    numbers={"20": LogLevel.INFO, "30": LogLevel.WARNING, "40": LogLevel.ERROR},
    together=_each("levelno", "levelname", "lineno", "funcName", "processName", "relativeCreated"),
)
SYSLOG = Family(  # and GELF and journald
    numbers={
        **dict.fromkeys(("0", "1", "2", "3"), LogLevel.ERROR),
        "4": LogLevel.WARNING,
        "5": LogLevel.INFO,
    },
    together=(
        *(frozenset(("facility", key)) for key in ("severity", "hostname", "source_host")),
        frozenset(("short_message", "host")),
        *_each(
            "syslog_facility",
            "syslog_severity",
            "SYSLOG_FACILITY",
            "SYSLOG_IDENTIFIER",
            "_TRANSPORT",
            "gl2_source_input",
        ),
    ),
    own=r"(?i:(^|[._])syslog[._])|(^|[._])PRIORITY$",
)
DOTNET = Family(  # Microsoft.Extensions.Logging and Serilog
    numbers={
        **dict.fromkeys(("0", "1"), LogLevel.DEBUG),
        "2": LogLevel.INFO,
        "3": LogLevel.WARNING,
        **dict.fromkeys(("4", "5"), LogLevel.ERROR),
    },
    together=(
        frozenset(("EventId", "Category")),
        frozenset(("EventId", "CategoryName")),
        *_each("@mt", "MessageTemplate", "messageTemplate", "RenderedMessage", "SourceContext"),
        *_each("Properties.SourceContext", "fields.SourceContext", "EventId.Id"),
    ),
)
FAMILIES = (PINO, PYTHON, SYSLOG, DOTNET)
NUMBERS = tuple(dict.fromkeys(number for family in FAMILIES for number in family.numbers))


def rivals(family: Family) -> tuple[Family, ...]:
    """The families whose keys show that a number is not of this one.

    Python's documents may have a pid and a host's name too, but no other's have a levelname.
    """
    if family is PYTHON:
        return ()
    return tuple(other for other in FAMILIES if other is not family and other.numbers.keys() & family.numbers.keys())


def meanings(number: str) -> tuple[LogLevel, ...]:
    """Everything that a number may mean; nothing where it is none of these."""
    return tuple(family.numbers[number] for family in FAMILIES if number in family.numbers)


def bare(word: str) -> str:
    """The number that a word is, without an ending `.0`; "" where it is none of these."""
    number = word.strip().removesuffix(".0")
    return number if number in NUMBERS else ""


def family_of(siblings: Mapping[str, object], word: str, name: str = "") -> Family | None:
    """The family whose number a level is; None where it is no such number, or none or several families may be it.

    Args:
        siblings: the values beside the level, by their own key.
        word: the level as written.
        name: the field that it stands in.
    """
    number = bare(word)
    told = [
        family
        for family in FAMILIES
        if number in family.numbers
        and (family.owns(name) or any(_has(family, keys, siblings) for keys in family.together))
    ]
    sure = [family for family in told if family.owns(name) or not any(rival in told for rival in rivals(family))]
    return sure[0] if len(sure) == 1 else None


def siblings_of(flat: Mapping[str, object], name: str) -> Mapping[str, object]:
    """What stands beside a field of a flat document, by its key there."""
    start = name[: name.rfind(".") + 1]
    return {key.removeprefix(start): value for key, value in flat.items() if key.startswith(start)}


def level(word: str, family: Family | None, words: Words) -> LogLevel | None:
    """What a word or a number for a level means; None where it is not understood."""
    known = words.level.meaning(word)
    return known or (family.numbers.get(bare(word)) if family else None)


def unsettled(words: Words) -> tuple[str, ...]:
    """The numbers that the settings leave to the family."""
    return tuple(number for number in NUMBERS if words.level.meaning(number) is None)


def harmless(words: Words, wanted: Iterable[LogLevel]) -> tuple[str, ...]:
    """The numbers that mean none of the wanted levels in any family: 30 is no error."""
    asked = set(wanted)
    return tuple(number for number in unsettled(words) if not asked & set(meanings(number)))


def _has(family: Family, keys: frozenset[str], siblings: Mapping[str, object]) -> bool:
    return all(
        key in siblings and (key not in family.numeric or isinstance(siblings[key], int | float)) for key in keys
    )
