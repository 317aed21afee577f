"""Numbers of levels that two families of log libraries use for different levels: 40 is an error in Python and a warning
in pino. Such a number is understood only where the document around it tells the family. Pure.

The settings can say what a number means (`words.level`), and then that holds everywhere.
"""

from __future__ import annotations

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
    """

    numbers: Mapping[str, LogLevel]
    together: tuple[frozenset[str], ...]
    numeric: frozenset[str] = frozenset()


PINO = Family(  # and bunyan
    numbers={"20": LogLevel.DEBUG, "30": LogLevel.INFO, "40": LogLevel.WARNING},
    together=(frozenset(("pid", "hostname")), frozenset(("time", "msg"))),
    numeric=frozenset(("time",)),
)
PYTHON = Family(
    numbers={"20": LogLevel.INFO, "30": LogLevel.WARNING, "40": LogLevel.ERROR},
    together=tuple(
        frozenset((key,)) for key in ("levelno", "levelname", "lineno", "funcName", "processName", "relativeCreated")
    ),
)
FAMILIES = (PINO, PYTHON)
NUMBERS = tuple(PINO.numbers)


def meanings(number: str) -> tuple[LogLevel, ...]:
    """Everything that a number may mean; nothing where it is none of these."""
    return tuple(family.numbers[number] for family in FAMILIES if number in family.numbers)


def bare(word: str) -> str:
    """The number that a word is, without an ending `.0`; "" where it is none of these."""
    number = word.strip().removesuffix(".0")
    return number if number in NUMBERS else ""


def family_of(siblings: Mapping[str, object]) -> Family | None:
    """The family whose documents have these keys beside their level; None where none or several may have.

    Args:
        siblings: the values beside the level, by their own key.
    """
    found = [family for family in FAMILIES if any(_has(family, keys, siblings) for keys in family.together)]
    if PYTHON in found:  # its documents may have a pid and a host's name too, but no other's have a levelname
        return PYTHON
    return found[0] if found else None


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
