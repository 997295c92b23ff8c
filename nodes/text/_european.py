"""Spoken forms of German, French and Spanish: numbers, dates, times, money, units and symbols.

The three write numbers as 1.234,5 and dates with the day first, and share their rules; what differs
is in a `Tongue`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from num2words import num2words

from nodes.text._rules import DIGIT, PLACE, SpokenForm, rule

Unit = tuple[str, str, bool]
"""Its name in singular and plural, and whether it is feminine."""
_NUMBER = r"(?:[1-9]\d{0,2}(?:[.\s’']\d{3}){1,5}(?![\d.])(?:,\d+)?|\d+\.\d+|\d+(?:,\d+)?)"
_SEP = r"\s?(?:[-–—~]|bis|à)\s?"
_SIGNS = "€$£¥"
_UNIT = r"(?:°\s?[CFK]?(?![^\W\d_])|%|[^\W\d_]{1,4}(?:[²³]|2\b|3\b)?(?:/[^\W\d_]{1,4}(?:²)?)?)"
LONGEST = 15
"""Number of digits beyond which a number is read digit by digit."""


class Tongue(NamedTuple):
    """What a language says."""

    code: str
    months: tuple[str, ...]
    comma: str
    point: str
    minus: str
    until: str
    out_of: str
    """Between the numbers of a fraction that has no name."""
    one: tuple[str, str]
    """The number 1 before a noun, masculine and feminine."""
    ones: tuple[tuple[str, str, str], ...]
    """Endings of other numbers before a noun: as counted, before masculine, before feminine."""
    money: Mapping[str, tuple[str, str, str, str, str]]
    """By sign: singular, plural, and of the small coin; the word between both."""
    millions: Mapping[str, tuple[str, str]]
    """Short forms of millions, singular and plural, with what joins them to a noun."""
    units: Mapping[str, Unit]
    fractions: Mapping[tuple[int, int], str]
    part: Callable[[int, int], str]
    """The name of another fraction; empty if it has none."""
    symbols: Mapping[str, str]
    date: Callable[[int, int, int | None, str], str]
    """Day, month, year and the words before give the spoken date."""
    time: Callable[[int, int, str], str]
    """Hour, minute and the word that follows give the spoken time."""
    extra: tuple[SpokenForm, ...]
    """Rules of this language alone, before the others."""
    of: str = " "
    """Between a million and a noun."""
    pairs: bool = False
    """Whether telephone numbers are read in pairs."""


@lru_cache(maxsize=2048)
def cardinal(number: int, code: str) -> str:
    """A whole number in words."""
    return str(num2words(number, lang=code))


def digits(text: str, code: str) -> str:
    """Digit by digit."""
    return " ".join(cardinal(int(digit), code) for digit in text if digit.isdecimal())


def number(written: str, tongue: Tongue) -> str:
    """A number in the notation of the language, in words."""
    plain = re.sub(r"[\s’']", "", written)
    mark = "," if "," in plain else "." if re.fullmatch(r"\d+\.(?!\d{3}$)\d+", plain) else ""
    whole, _, decimals = plain.partition(mark) if mark else (plain, "", "")
    whole = whole.replace(".", "")
    odd = len(whole) > LONGEST or (whole.startswith("0") and len(whole) > 1)
    words = digits(whole, tongue.code) if odd else cardinal(int(whole), tongue.code)
    if not mark:
        return words
    return f"{words} {tongue.comma if mark == ',' else tongue.point} {digits(decimals, tongue.code)}"


def counted(written: str, unit: Unit, tongue: Tongue) -> str:
    """A number before a noun: eine Stunde, veintiún euros."""
    one, many, feminine = unit
    if written == "1":
        return f"{tongue.one[feminine]} {one}"
    words = number(written, tongue)
    for ending, masculine, other in tongue.ones:
        if words.endswith(ending):
            words = words.removesuffix(ending) + (other if feminine else masculine)
            break
    return f"{words} {many}"


def _before(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - 20) : found.start()]


def _money(found: re.Match[str], tongue: Tongue) -> str:
    sign = found["sign"].strip()
    one, many, small_one, small_many, join = tongue.money[sign]
    per = found["per"]
    rest = f" {tongue.symbols['/']} {_per(per, tongue)}" if per else ""
    start = f"{number(found['a'], tongue)} {tongue.until} " if found["b"] else ""
    amount = found["b"] or found["a"]
    minus = f"{tongue.minus} " if found["minus"] else ""
    if size := found["size"]:
        single, several = tongue.millions[size.strip(" .").lower()]
        millions = counted(amount, (single, several, tongue.code == "de"), tongue)
        return f"{minus}{start}{millions}{tongue.of}{many}{rest}"
    whole, _, part = amount.partition(",")
    if len(part) != 2 or found["b"]:
        return f"{minus}{start}{counted(amount, (one, many, False), tongue)}{rest}"
    coins = counted(str(int(part)), (small_one, small_many, False), tongue)
    if whole == "0":
        return minus + coins + rest
    euros = counted(whole, (one, many, False), tongue)
    if not int(part):
        return minus + euros + rest
    return f"{minus}{euros} {join + coins if join else cardinal(int(part), tongue.code)}{rest}"


def _per(symbol: str, tongue: Tongue) -> str:
    unit = tongue.units.get(symbol)
    return unit[0] if unit else symbol


def _unit(found: re.Match[str], tongue: Tongue) -> str:
    symbol = re.sub(r"\s", "", found["unit"]).replace("2", "²").replace("3", "³")
    above, _, below = symbol.partition("/")
    unit = tongue.units.get(symbol) or tongue.units.get(above)
    if unit is None or (below and symbol not in tongue.units and below not in tongue.units):
        return found[0]
    said = counted(found["b"] or found["a"], unit, tongue)
    if below and symbol not in tongue.units:
        said += f" {tongue.symbols['/']} {tongue.units[below][0]}"
    start = f"{number(found['a'], tongue)} {tongue.until} " if found["b"] else ""
    return f"{tongue.minus + ' ' if found['minus'] else ''}{start}{said}"


def _date(found: re.Match[str], tongue: Tongue) -> str:
    day, month, in_year = int(found[1]), int(found[2]), found[3]
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return found[0]
    year = int(in_year) if in_year else None
    if year is not None and len(in_year) == 2:
        year += 2000 if year < 70 else 1900
    return tongue.date(day, month, year, _before(found))


def _iso(found: re.Match[str], tongue: Tongue) -> str:
    year, month, day = (int(found[group]) for group in (1, 2, 3))
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return found[0]
    return tongue.date(day, month, year, _before(found))


def _time(found: re.Match[str], tongue: Tongue) -> str:
    return tongue.time(int(found[1]), int(found[2] or 0), found[3] or "")


def _telephone(found: re.Match[str], tongue: Tongue) -> str:
    plus = f"{tongue.symbols['+']} " if found[0].startswith("+") else ""
    groups = re.findall(r"\d+", found[0])
    if tongue.pairs and all(len(group) <= 2 for group in groups):
        return plus + ", ".join(number(group, tongue) for group in groups)
    return plus + ", ".join(digits(group, tongue.code) for group in groups)


def _dots(found: re.Match[str], tongue: Tongue) -> str:
    """An address of a machine digit by digit, a version number by number."""
    parts = found[0].split(".")
    if len(parts) == 4 and any(len(part) > 1 for part in parts):
        return f" {tongue.point} ".join(digits(part, tongue.code) for part in parts)
    return f" {tongue.point} ".join(cardinal(int(part), tongue.code) for part in parts)


def _address(found: re.Match[str], tongue: Tongue) -> str:
    said = re.sub(r"^https?://(?:www\.)?|^www\.", "", found[0]).partition("?")[0].rstrip(".,!?;:/")
    stop = found[0][-1] if found[0][-1] in ".,!?;:" else ""
    for mark, word in (("@", " at "), (".", f" {tongue.point} "), ("/", f" {tongue.symbols['slash']} "), ("-", " ")):
        said = said.replace(mark, word)
    return re.sub(r"\d+", lambda digit: f" {number(digit[0], tongue)} ", said) + stop


def _fraction(found: re.Match[str], tongue: Tongue) -> str:
    above, below = int(found[2]), int(found[3])
    name = tongue.fractions.get((above, below)) or tongue.part(above, below)
    if found[1] and tongue.code == "de" and (above, below) == (1, 2):
        return f"{number(found[1].strip(), tongue).removesuffix('s')}einhalb"
    said = name or f"{cardinal(above, tongue.code)} {tongue.out_of} {cardinal(below, tongue.code)}"
    if not found[1]:
        return said
    joint = {"de": " ", "fr": " et ", "es": " y "}[tongue.code]
    return f"{number(found[1].strip(), tongue)}{joint}{said}"


def _range(found: re.Match[str], tongue: Tongue) -> str:
    return f" {tongue.until} "


def _plain(found: re.Match[str], tongue: Tongue) -> str:
    return number(found[0], tongue)


def rules(tongue: Tongue) -> tuple[SpokenForm, ...]:
    """The rules of a language, in order."""

    def by(function: Callable[[re.Match[str], Tongue], str]) -> Callable[[re.Match[str]], str]:
        return lambda found: function(found, tongue)

    return (
        rule(r"\s?\[[1-9]\d{0,2}(?:\s?[,–-]\s?\d{1,3}){0,9}\]|【[^【】]{0,60}】", "", needs="[【", rewrites=True),
        rule(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))", " ", needs=DIGIT, rewrites=True),
        rule(
            r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:https?://|www\.)[^\s<>\"]+"
            r"|(?<![\w@./-])(?:[a-z0-9][a-z0-9-]*\.)+(?:com|org|net|de|fr|es|eu|io)(?![\w-])",
            by(_address),
            needs=".",
        ),
        *tongue.extra,
        rule(r"(?<![\w/-])(\d{4})-(\d{2})-(\d{2})(?![\w/-])", by(_iso), needs=f"{DIGIT} -"),
        rule(r"(?<![\w.,/])(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})(?![\w/]|\.\d)", by(_date), needs=f"{DIGIT} ."),
        rule(r"(?:(?<=\ble )|(?<=\bel )|(?<=\bau ))(\d{1,2})/(\d{1,2})()(?![\w/])", by(_date), needs=f"{DIGIT} /"),
        rule(r"(?<![\w.,/])(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})(?![\w/])", by(_date), needs=f"{DIGIT} /-"),
        rule(
            r"(?<![\w:.,])([01]?\d|2[0-4])(?:[:h]|\sh\s)([0-5]\d)(?::[0-5]\d)?(?:\s?(Uhr|h|heures|horas)\b)?(?![\w:])",
            by(_time),
            needs=f"{DIGIT} :h",
        ),
        rule(
            r"(?<![\w.])(?:\+\d{1,3}[\s./-]?\(?\d[\d\s()/-]{5,16}\d|0\d{1,4}(?:[\s/-]{1,3}\d{2,9}){1,4})(?![\w,-])",
            by(_telephone),
            needs=DIGIT,
        ),
        rule(
            r"(?<![\w.,])\d{1,4}(?:\.\d{1,4}){2,8}(?![\w,]|\.\d)(?<!\.\d\d\d)|(?<![\w.,])\d{1,3}(?:\.\d{1,3}){3}(?![\w,]|\.\d)",
            by(_dots),
            needs=f"{DIGIT} .",
        ),
        rule(
            rf"(?:(?<![\w)])(?P<minus>[-−])\s?)?(?<![\w.,])(?P<a>{_NUMBER})(?:{_SEP}(?P<b>{_NUMBER}))?"
            rf"(?P<size>\s?(?:Mio|Mrd|Md|M|mill)\b\.?)?\s?(?P<sign>[{_SIGNS}]|(?:EUR|USD|CHF|GBP)\b)(?:/(?P<per>[^\W\d_]{{1,10}}))?",
            by(_money),
            needs=f"{DIGIT} {_SIGNS}EUC",
        ),
        rule(
            rf"(?:(?<![\w)])(?P<minus>[-−])\s?)?(?P<sign>(?:[{_SIGNS}]|\b(?:EUR|USD|CHF|GBP))\s?)(?P<a>{_NUMBER})(?:{_SEP}(?P<b>{_NUMBER}))?"
            r"(?P<size>\s?(?:Mio|Mrd|Md|mill)\b\.?)?(?P<per>\Zx)?",
            by(_money),
            needs=f"{DIGIT} {_SIGNS}EUC",
        ),
        rule(
            rf"(?:(?<![\w)])(?P<minus>[-−–])\s?)?(?<![\w.,/])(?P<a>{_NUMBER})(?:{_SEP}(?P<b>{_NUMBER}))?\s?(?P<unit>{_UNIT})(?![\w/])",
            by(_unit),
            needs=DIGIT,
        ),
        rule(r"(?<![\w.,/])(\d{1,4}\s)?(\d{1,3})[/⁄](\d{1,3})(?![\w/]|[.,]\d)", by(_fraction), needs=f"{DIGIT} /⁄"),
        rule(rf"(?<=[\d{PLACE}])\s?[–—~]\s?(?=[\d{PLACE}])|(?<=[\d{PLACE}])-(?=[\d{PLACE}])", by(_range), needs="-–—~"),
        rule(
            r"(?<![\w)])[-−–](?=\d)|(?<=\d)\s?−\s?(?=\d)|(?<=\d)\s-\s(?=\d)", f" {tongue.minus} ", needs=f"{DIGIT} -−–"
        ),
        rule(_NUMBER, by(_plain), needs=DIGIT),
        rule(r"\d+", by(_plain), needs=DIGIT),
        rule(
            r"[&+=%°§×÷→≈±²³√<>]",
            lambda found: f" {tongue.symbols.get(found[0], '')} ",
            needs="&+=%°§×÷→≈±²³√<>",
        ),
        rule(r"[][{}_*#\\~|^•·]", " ", needs="][{}_*#\\~|^•·"),
    )
