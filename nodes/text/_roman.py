"""Spoken forms of Roman numerals in English."""

from __future__ import annotations

import re

from nodes.text._numbers import cardinal, ordinal
from nodes.text._rules import SpokenForm, rule

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_SHAPE = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_WORDS = frozenset(
    "MIX DIM CD DC MC MD MM CC CV XL XXL CI DI DL ML LL CL LC MI MIL CIVIL LI DIX MDC CM DVI LCD LD".split()
)
"""Capitals that are numerals, but more often something else."""
_PARTS = frozenset(
    """chapter part volume book act scene section article appendix type class phase stage level title world war
    episode season round unit figure table bowl olympiad grade vol ch fig pt no number verse canto psalm division
    group tier schedule annex amendment corps lesson module""".split()
)
_TITLES = frozenset("king queen pope emperor empress prince tsar czar sultan pharaoh kaiser duke lord saint".split())
_RULERS = frozenset(
    """abdullah albert alexander alfonso alphonse amenhotep anne baldwin benedict boniface carlos carol catherine
    charles christian clement constantine cyrus darius edward elizabeth felipe ferdinand francis franz frederick
    friedrich george gregory gustav haakon harald hassan heinrich henry innocent isabella ivan james john joseph
    juan julius justinian karl leo leopold louis ludwig malcolm manuel margaret mary maximilian mehmed mohammed
    murad napoleon nicholas olaf otto paul pedro peter philip pius ptolemy rama ramesses ramses richard robert
    rudolf selim seti sixtus stephen suleiman sylvester theodosius thutmose umberto urban victor vittorio wilhelm
    william xerxes emmanuel edgar""".split()
)


def value(numeral: str) -> int | None:
    """MCMXC is 1990; None for what is no numeral."""
    if not numeral or not _SHAPE.fullmatch(numeral):
        return None
    numbers = [_VALUES[letter] for letter in numeral]
    return sum(-each if each < max(numbers[at:]) else each for at, each in enumerate(numbers))


def _numeral(found: re.Match[str]) -> str:
    numeral = found[1]
    number = value(numeral)
    words = found.string[max(0, found.start() - 40) : found.start()].replace("-", " ").split()
    if number is None or not words:
        return found[0]
    first, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if last.lower() in _PARTS:
        return cardinal(number)
    king = last.lower() in _RULERS or first.lower() in _TITLES
    single = len(numeral) == 1
    if king and last[:1].isupper() and not (single and not _may_be_single(numeral, first, last, found)):
        return f"the {ordinal(number)}"
    if single or numeral in _WORDS or not last[:1].isupper() or last.isupper():
        return found[0]
    return cardinal(number)


def _may_be_single(numeral: str, first: str, last: str, found: re.Match[str]) -> bool:
    """Whether `Elizabeth I` is a queen: not in `said Elizabeth I think`, nor Malcolm X."""
    if numeral == "V":
        return True
    follows = re.match(r"\s+([a-z]+)", found.string[found.end() :])
    rules = follows is None or follows[1] in (
        "was",
        "of",
        "and",
        "became",
        "ruled",
        "reigned",
        "died",
        "is",
        "in",
        "had",
    )
    return (
        numeral == "I" and rules and (first.lower() in _TITLES or last in ("Elizabeth", "Napoleon", "Charles", "James"))
    )


def _century(found: re.Match[str]) -> str:
    number = value(found[1])
    return ordinal(number) if number else found[0]


def _range(found: re.Match[str]) -> str:
    first, second = value(found[1]), value(found[2])
    return f"{cardinal(first)} to {cardinal(second)}" if first and second else found[0]


def _listed(found: re.Match[str]) -> str:
    first, second = value(found[1]), value(found[3])
    return f"{cardinal(first)}{found[2]}{cardinal(second)}" if first and second else found[0]


RULES: tuple[SpokenForm, ...] = (
    rule(r"(?<=s )([IVX]{1,5})( and |, | or | to )([IVX]{2,5})\b", _listed, needs="IVX s"),
    rule(r"\b([IVX]{1,5})(?:th|st)?(?=\s[Cc]entur)", _century, needs="IVX"),
    rule(r"(?<=s )([IVX]{1,5})[-–]([IVX]{1,5})\b", _range, needs="IVX -–"),
    rule(r"(?<=[\w'’][ -])([IVXLCDM]{1,15})\b(?!['’.]?\w|-)", _numeral, needs="IVXLCDM"),
)
