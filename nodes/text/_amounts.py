"""Spoken forms of telephone numbers, money, units, fractions and all other numbers."""

from __future__ import annotations

import re

from nodes.text._numbers import NUMBER, WHOLE_NUMBER, counted, fraction, one_by_one, ordinal, spoken, year
from nodes.text._rules import DIGIT, SpokenForm, rule

_MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "", ""),
}
_SIZES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "t": "trillion"}
_SIZE = "thousand|million|billion|trillion|mn|bn|[kmbt]"
_SIGNS = "".join(_MONEY)
_SIGN = f"[{_SIGNS}]"

_UNITS = {
    "km": ("kilometer", "kilometers"),
    "m": ("meter", "meters"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "l": ("liter", "liters"),
    "L": ("liter", "liters"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"),
    "ms": ("millisecond", "milliseconds"),
    "s": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "KB": ("kilobyte", "kilobytes"),
    "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "V": ("volt", "volts"),
    "dB": ("decibel", "decibels"),
    "px": ("pixel", "pixels"),
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_POWERS = {"²": "square", "³": "cubic"}
_SCALES = {"C": " Celsius", "F": " Fahrenheit", "": ""}


def _money(found: re.Match[str]) -> str:
    sign, amount, size = found["sign"], found["amount"], found["size"]
    one, many, small_one, small_many = _MONEY[sign]
    if size:
        return f"{spoken(amount)} {_SIZES.get(size.lower(), size)} {many}"
    whole, _, part = amount.partition(".")
    if len(part) != 2 or not small_one:
        return counted(amount, one, many)
    coins = counted(str(int(part)), small_one, small_many)
    if not int(part):
        return counted(whole, one, many)
    return coins if whole == "0" else f"{counted(whole, one, many)} and {coins}"


def _unit(found: re.Match[str]) -> str:
    one, many = _UNITS[found[2]]
    power = f"{_POWERS[found[3]]} " if found[3] else ""
    return counted(found[1], power + one, power + many)


def _degrees(found: re.Match[str]) -> str:
    return counted(found[1], "degree", "degrees") + _SCALES[found[2] or ""]


def _fraction(found: re.Match[str]) -> str:
    whole, above, below = found[1], int(found[2]), int(found[3])
    if not (0 < above < below <= 10) and below != 16:
        return f"{whole or ''} {above} slash {below}".strip() if below not in (10, 100) else _out_of(found)
    return (f"{spoken(whole)} and " if whole else "") + fraction(above, below)


def _out_of(found: re.Match[str]) -> str:
    return f"{found[1] or ''} {found[2]} out of {found[3]}".strip()


def _feet(found: re.Match[str]) -> str:
    return f"{counted(found[1], 'foot', 'feet')} {spoken(found[2])}"


def _telephone(found: re.Match[str]) -> str:
    groups = re.findall(r"\d+", found[0])
    return ("plus " if found[0].startswith("+") else "") + ", ".join(map(one_by_one, groups))


def _version(found: re.Match[str]) -> str:
    said = " point ".join(map(spoken, found[2].split(".")))
    return f"version {said}" if found[1] else said


def _number(found: re.Match[str]) -> str:
    """Separates a number from adjacent letters: MP3 is MP three."""
    text, start, end = found.string, found.start(), found.end()
    before = " " if start and text[start - 1].isalnum() else ""
    after = " " if text[end : end + 1].isalnum() else ""
    return f"{before}{spoken(found[0])}{after}"


RULES: tuple[SpokenForm, ...] = (
    rule(
        r"(?<![\w.)])(?:\+\d[\d\s().-]{6,16}\d|(?:1[\s.-])?\(?\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}|\d{3}-\d{4})(?![\w-])",
        _telephone,
        needs=DIGIT,
    ),
    rule(r"\b([vV])(\d+(?:\.\d+)*)\b", _version, needs=DIGIT),
    rule(r"(?<![\w.])()(\d+(?:\.\d+){2,})(?![\w]|\.\d)", _version, needs=f"{DIGIT} ."),
    rule(r"(?<![\w-])\d+(?:-\d+){2,}(?![\w-])", lambda found: found[0].replace("-", " "), needs=f"{DIGIT} -"),
    rule(r"(?<![\w.])\.(?=\d)", "0.", needs=f"{DIGIT} ."),
    rule(
        rf"(?<=\d)\s?[–—]\s?(?={_SIGN}?\d)|(?<=[\d%])-(?={_SIGN}?\d)|(?<=\d[kKmMbB])-(?={_SIGN}\d)",
        " to ",
        needs=f"{DIGIT} -–—",
    ),
    rule(r"(?<=\d)\s-\s(?=\d)", " minus ", needs=f"{DIGIT} -"),
    rule(rf"(?<![\w)])[-−](?={_SIGN}?\d)", "minus ", needs=f"{DIGIT} -−"),
    rule(r"(?<=\d)[x×](?=\d)", " by ", needs=f"{DIGIT} x×"),
    rule(r"(?<=\d)\s?[*×x]\s?(?=\d)", " times ", needs=f"{DIGIT} *×x"),
    rule(
        rf"(?:\bUS)?(?P<sign>{_SIGN})\s?(?P<amount>{NUMBER})(?:\s?(?P<size>{_SIZE})\b)?",
        _money,
        re.IGNORECASE,
        needs=f"{DIGIT} {_SIGNS}",
    ),
    rule(
        rf"(?P<amount>{WHOLE_NUMBER})(?:\s?(?P<size>{_SIZE}))?\s?(?P<sign>{_SIGN})",
        _money,
        re.IGNORECASE,
        needs=f"{DIGIT} {_SIGNS}",
    ),
    rule(r"(?<![\d'’])(\d{1,2})['′]\s?(\d{1,2})[\"″”]", _feet, needs=f"{DIGIT} '′ \"″”"),
    rule(rf"({WHOLE_NUMBER})\s?%", lambda found: f"{spoken(found[1])} percent", needs=f"{DIGIT} %"),
    rule(rf"({WHOLE_NUMBER})\s?°\s?([CF]\b)?", _degrees, needs=f"{DIGIT} °"),
    rule(rf"(?<![\w.])({WHOLE_NUMBER})\s?({_UNIT})([²³]?)(?![\w/'’²³-])", _unit, needs=DIGIT),
    rule(r"(?<![\w/.,])(?:(\d+)\s+)?(\d{1,3})[/⁄](\d{1,3})(?![\w/]|[.,]\d)", _fraction, needs=f"{DIGIT} /⁄"),
    rule(r"\b(\d{1,15})(?:st|nd|rd|th)\b", lambda found: ordinal(int(found[1])), needs=DIGIT),
    rule(r"(?:#|№)\s?(?=\d)", "number ", needs=f"{DIGIT} #№"),
    rule(r"(?<=\d):(?=\d)", " to ", needs=f"{DIGIT} :"),
    rule(r"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Za-z])", " ", needs=f"{DIGIT} -"),
    rule(r"(?<![\w.,])(1[1-9]\d\d|20\d\d)(?!\w|[.,]\d)", lambda found: year(int(found[1])), needs=DIGIT),
    rule(NUMBER, _number, needs=DIGIT),
)
