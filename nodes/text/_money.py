"""Spoken forms of amounts of money in English."""

from __future__ import annotations

import re

from nodes.text._dates import before
from nodes.text._numbers import NUMBER, WHOLE_NUMBER, counted, spoken
from nodes.text._rules import DIGIT, SpokenForm, rule

Names = tuple[str, str, str, str]

_DOLLAR: Names = ("dollar", "dollars", "cent", "cents")


def _of(country: str, names: Names) -> Names:
    return (f"{country} {names[0]}", f"{country} {names[1]}", names[2], names[3])


_POUND: Names = ("pound", "pounds", "penny", "pence")
_EURO: Names = ("euro", "euros", "cent", "cents")
_YEN: Names = ("yen", "yen", "", "")
_RUPEE: Names = ("rupee", "rupees", "paisa", "paise")
_FRANC: Names = ("franc", "francs", "centime", "centimes")
_SIGNS: dict[str, Names] = {
    "US$": _DOLLAR,
    "A$": _of("Australian", _DOLLAR),
    "AU$": _of("Australian", _DOLLAR),
    "C$": _of("Canadian", _DOLLAR),
    "CA$": _of("Canadian", _DOLLAR),
    "NZ$": _of("New Zealand", _DOLLAR),
    "HK$": _of("Hong Kong", _DOLLAR),
    "S$": _of("Singapore", _DOLLAR),
    "R$": ("real", "reais", "centavo", "centavos"),
    "$": _DOLLAR,
    "€": _EURO,
    "£": _POUND,
    "¥": _YEN,
    "₹": _RUPEE,
    "₩": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₺": ("lira", "lira", "kurush", "kurush"),
    "₪": ("shekel", "shekels", "agora", "agorot"),
    "₫": ("dong", "dong", "", ""),
    "₱": ("peso", "pesos", "centavo", "centavos"),
    "₦": ("naira", "naira", "kobo", "kobo"),
    "₴": ("hryvnia", "hryvnias", "kopeck", "kopecks"),
    "₿": ("bitcoin", "bitcoins", "", ""),
}
_CODES: dict[str, Names] = {
    "USD": _of("US", _DOLLAR),
    "EUR": _EURO,
    "GBP": _POUND,
    "JPY": _YEN,
    "CHF": _of("Swiss", _FRANC),
    "CNY": ("yuan", "yuan", "", ""),
    "RMB": ("yuan", "yuan", "", ""),
    "INR": _RUPEE,
    "AUD": _of("Australian", _DOLLAR),
    "CAD": _of("Canadian", _DOLLAR),
    "NZD": _of("New Zealand", _DOLLAR),
    "HKD": _of("Hong Kong", _DOLLAR),
    "SGD": _of("Singapore", _DOLLAR),
    "MXN": _of("Mexican", ("peso", "pesos", "centavo", "centavos")),
    "BRL": ("real", "reais", "centavo", "centavos"),
    "KRW": ("won", "won", "", ""),
    "SEK": _of("Swedish", ("krona", "kronor", "", "")),
    "NOK": _of("Norwegian", ("krone", "kroner", "", "")),
    "DKK": _of("Danish", ("krone", "kroner", "", "")),
    "PLN": ("zloty", "zlotys", "", ""),
    "RUB": ("ruble", "rubles", "kopeck", "kopecks"),
    "TRY": ("lira", "lira", "", ""),
    "ZAR": ("rand", "rand", "cent", "cents"),
    "BTC": ("bitcoin", "bitcoins", "", ""),
}
_NAMES = {**_SIGNS, **_CODES}
_MARKS = "".join(sign for sign in _SIGNS if len(sign) == 1)
_SIGN = rf"(?:\b(?:{'|'.join(code for code in _CODES)})\s?|(?:\b(?:US|AU?|CA?|NZ|HK|S|R)(?=\$))?[{_MARKS}]\s?)"
_AFTER = rf"(?:(?:{'|'.join(_CODES)})\b|[{_MARKS}])"
_SIZES = {"k": "thousand", "m": "million", "mn": "million", "mm": "million", "b": "billion", "bn": "billion"}
_SIZES |= {"t": "trillion", "tn": "trillion"}
_SIZE = r"(?:\s?-?(?:[Tt]housand|[Mm]illion|[Bb]illion|[Tt]rillion|[Mm]n|[Bb]n|[Tt]n)\b|(?:[kKmMbBtT]|MM)\b)"
_SEP = r"\s?[-–—~]\s?"
_PER = r"(?:/\s?(?P<per>sq\s?ft|[A-Za-z]{1,10})\b)?"
PER = {
    "mo": "month",
    "hr": "hour",
    "h": "hour",
    "yr": "year",
    "y": "year",
    "wk": "week",
    "d": "day",
    "pp": "person",
    "min": "minute",
    "s": "second",
    "sec": "second",
    "lb": "pound",
    "kg": "kilogram",
    "g": "gram",
    "oz": "ounce",
    "gal": "gallon",
    "l": "liter",
    "L": "liter",
    "sqft": "square foot",
    "sq ft": "square foot",
    "ft": "foot",
    "mi": "mile",
    "km": "kilometer",
    "m": "meter",
    "kWh": "kilowatt hour",
    "GB": "gigabyte",
    "MB": "megabyte",
    "ea": "each",
    "doz": "dozen",
    "night": "night",
    "pt": "point",
}
_ARTICLE = re.compile(r"\b(?:a|an|another|one|each|every|per|this|that|his|her|my|your|their|our|the)\s\Z", re.I)
_NOUN = re.compile(
    r"[\s-](?:bills?|notes?|coins?|gift|tip|budget|fee|fine|ticket|tickets|prize|bet|deal|check|cheque|voucher|coupon"
    r"|loan|discount|reward|bonus|grant|range|investment|deposit|donation|mark|menu|meal|limit|minimum|credit|charge"
    r"|price|watch|car|phone|laptop|house|shirt|dollar|reward|question|salary|rebate|refund|word|project|lawsuit|plan"
    r"|a|per)\b"
)
_A = re.compile(r"\b(?:a|an|another)\s\Z", re.IGNORECASE)


def _is_adjective(found: re.Match[str]) -> bool:
    """`a $20 bill`: the unit is singular before a noun."""
    text, end = found.string, found.end()
    if not text[end : end + 2].strip() or (found["per"] and not _A.search(before(found))):
        return False
    if text[end : end + 1] == "-" and text[end + 1 : end + 2].isalpha():
        return True
    if _A.search(before(found)) and text[end] == " " and text[end + 1 : end + 2].isalpha():
        return True
    follows = _NOUN.match(text, end)
    return follows is not None and not (follows[0].strip() in ("a", "per") and follows[0][0] == " ")


def _money(found: re.Match[str]) -> str:
    """One amount or a range of them."""
    names = _NAMES[found["sign"].strip()]
    sizes = [_size(found["size"]), _size(found["size_b"])]
    per = f" {_per(found['per'])}" if found["per"] else ""
    minus = "minus " if found["minus"] else ""
    if not found["b"]:
        return minus + _amount(found["a"], sizes[0], names, one=_is_adjective(found)) + per
    first, second = found["a"], found["b"]
    last = sizes[1] or sizes[0]
    if (sizes[0] and sizes[1] and sizes[0] != sizes[1]) or (not last and ("." in first or "." in second)):
        return f"{_amount(first, sizes[0], names)} to {_amount(second, sizes[1], names)}{per}"
    return f"{minus}{spoken(first)} to {_amount(second, last, names, one=_is_adjective(found))}{per}"


def _size(written: str | None) -> str:
    name = (written or "").strip(" -").lower()
    return _SIZES.get(name, name)


def _per(unit: str) -> str:
    name = PER.get(unit, unit)
    return name if name == "each" else f"per {name}"


def _amount(amount: str, size: str, names: Names, *, one: bool = False) -> str:
    single, many, small_one, small_many = names
    if one:
        many = single
    if size:
        return f"{spoken(amount)} {size} {many}"
    whole, _, part = amount.partition(".")
    if len(part) != 2 or not small_one:
        return counted(amount, single, many)
    coins = counted(str(int(part)), small_one, small_many)
    if not int(part):
        return counted(whole, single, many)
    return coins if whole == "0" else f"{counted(whole, single, many)} and {coins}"


def _cents(found: re.Match[str]) -> str:
    return counted(found[1], "cent", "cents")


RULES: tuple[SpokenForm, ...] = (
    rule(
        rf"(?:(?<![\w)])(?P<minus>[-−–])\s?)?(?P<sign>{_SIGN})(?P<a>{NUMBER})(?P<size>{_SIZE})?"
        rf"(?:{_SEP}(?:{_SIGN})?(?P<b>{NUMBER})(?P<size_b>{_SIZE})?)?(?!\d)(?:\sUSD\b)?{_PER}",
        _money,
        needs=f"{DIGIT} {_MARKS}UEGJCRINAHSMBKPTZ",
    ),
    rule(
        rf"(?:(?<![\w)])(?P<minus>[-−])\s?)?(?<![\w.])(?P<a>{WHOLE_NUMBER})(?P<size>{_SIZE})?"
        rf"(?:{_SEP}(?P<b>{NUMBER})(?P<size_b>{_SIZE})?)?\s?(?P<sign>{_AFTER}){_PER}",
        _money,
        needs=f"{DIGIT} {_MARKS}UEGJCRINAHSMBKPTZ",
    ),
    rule(rf"({WHOLE_NUMBER})\s?¢", _cents, needs=f"{DIGIT} ¢"),
)
