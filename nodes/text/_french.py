"""What French says."""

from __future__ import annotations

import re

from num2words import num2words

from nodes.text._european import Tongue, Unit, cardinal, digits, rules
from nodes.text._rules import DIGIT, SpokenForm, rule

_MONTHS = tuple("janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split())
_MONTH = "|".join(_MONTHS)
_SHORT = {
    "M.": "monsieur", "MM.": "messieurs", "Mme": "madame", "Mmes": "mesdames", "Mlle": "mademoiselle", "Dr": "docteur",
    "p. ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "etc.": "et cetera", "env.": "environ",
    "n°": "numéro", "N°": "numéro",
    "tél.": "téléphone", "av. J.-C.": "avant Jésus-Christ", "apr. J.-C.": "après Jésus-Christ", "chap.": "chapitre",
}  # fmt: skip


def _date(day: int, month: int, year: int | None, before: str) -> str:
    said = f"{'premier' if day == 1 else cardinal(day, 'fr')} {_MONTHS[month - 1]}"
    return f"{said} {cardinal(year, 'fr')}" if year is not None else said


def _part(above: int, below: int) -> str:
    """trois huitièmes."""
    if not 0 < above < below <= 100:
        return ""
    return f"{cardinal(above, 'fr')} {num2words(below, lang='fr', to='ordinal')}{'s' if above > 1 else ''}"


def _hours(hour: int) -> str:
    words = cardinal(hour, "fr")
    words = f"{words}e" if words.endswith("un") else words
    return f"{words} heure{'s' if hour > 1 else ''}"


def _time(hour: int, minute: int, follows: str) -> str:
    return f"{_hours(hour)} {cardinal(minute, 'fr')}" if minute else _hours(hour)


def _first(found: re.Match[str]) -> str:
    return f"premier {found[1]}"


def _ordinal(found: re.Match[str]) -> str:
    number, ending = int(found[1]), found[2]
    if number == 1:
        return "première" if ending.startswith(("re", "ère")) else "premier"
    said: str = num2words(number, lang="fr", to="ordinal")
    return said


def _short(found: re.Match[str]) -> str:
    ends = found.end() == len(found.string) and found[0].endswith(".")
    return _SHORT[found[0]] + ("." if ends else "")


def _clock(found: re.Match[str]) -> str:
    first = _time(int(found[1]), int(found[2] or 0), "")
    return f"{first} à {_time(int(found[3]), int(found[4] or 0), '')}" if found[3] else first


def _code(found: re.Match[str]) -> str:
    return f"{found[1]}{digits(found[2], 'fr')}"


_EXTRA: tuple[SpokenForm, ...] = (
    rule(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(_SHORT, key=len, reverse=True)))})(?=\s|\Z|\d)", _short),
    rule(rf"(?<![\w.,])1(?:er)?\s({_MONTH})\b", _first, needs=DIGIT),
    rule(r"(?<![\w.,])(\d{1,4})(ers?|ère|res?|re|ème|eme|es|e|nde?)\b", _ordinal, needs=DIGIT),
    rule(
        r"(?<![\w:.,])([01]?\d|2[0-4])\s?h(?:\s?([0-5]\d))?(?:\s?[-–]\s?([01]?\d|2[0-4])\s?h(?:\s?([0-5]\d))?)?(?![\w/])",
        _clock,
        needs=f"{DIGIT} h",
    ),
    rule(r"\b((?:[Cc]ode(?:\spostal)?|PIN)(?:\sest)?(?:\sle)?\s?:?\s)(\d{3,12})(?!\w|[.,]\d)", _code, needs=DIGIT),
    rule(r"(?<=\s)(?=[!?;:])|\s(?=[!?;:»])", "", rewrites=True),
)
_F = True
_UNITS: dict[str, Unit] = {
    **{symbol: (name, f"{name}s", False) for symbol, name in {
        "km": "kilomètre", "m": "mètre", "cm": "centimètre", "mm": "millimètre", "kg": "kilogramme", "g": "gramme",
        "mg": "milligramme", "l": "litre", "L": "litre", "ml": "millilitre", "ha": "hectare", "°": "degré", "W": "watt",
        "kW": "kilowatt", "V": "volt", "dB": "décibel", "Go": "gigaoctet", "Mo": "mégaoctet", "Ko": "kilooctet",
        "To": "téraoctet", "kWh": "kilowattheure", "hPa": "hectopascal", "GB": "gigaoctet", "MB": "mégaoctet",
    }.items()},
    "m²": ("mètre carré", "mètres carrés", False), "km²": ("kilomètre carré", "kilomètres carrés", False),
    "m³": ("mètre cube", "mètres cubes", False), "°C": ("degré Celsius", "degrés Celsius", False),
    "°F": ("degré Fahrenheit", "degrés Fahrenheit", False), "%": ("pour cent", "pour cent", False),
    "h": ("heure", "heures", _F), "min": ("minute", "minutes", _F), "s": ("seconde", "secondes", _F),
    "ms": ("milliseconde", "millisecondes", _F), "t": ("tonne", "tonnes", _F), "Hz": ("hertz", "hertz", False),
    "GHz": ("gigahertz", "gigahertz", False), "MHz": ("mégahertz", "mégahertz", False),
    "km/h": ("kilomètre heure", "kilomètres heure", False), "m/s": ("mètre par seconde", "mètres par seconde", False),
    "kcal": ("kilocalorie", "kilocalories", _F),
}  # fmt: skip
FRENCH = Tongue(
    code="fr",
    months=_MONTHS,
    comma="virgule",
    point="point",
    minus="moins",
    until="à",
    out_of="sur",
    one=("un", "une"),
    ones=(("et un", "et un", "et une"),),
    money={
        "€": ("euro", "euros", "centime", "centimes", ""),
        "EUR": ("euro", "euros", "centime", "centimes", ""),
        "$": ("dollar", "dollars", "cent", "cents", ""),
        "USD": ("dollar", "dollars", "cent", "cents", ""),
        "£": ("livre", "livres", "penny", "pence", ""),
        "GBP": ("livre", "livres", "penny", "pence", ""),
        "¥": ("yen", "yens", "sen", "sens", ""),
        "CHF": ("franc suisse", "francs suisses", "centime", "centimes", ""),
    },
    millions={
        "m": ("million", "millions"),
        "md": ("milliard", "milliards"),
        "mio": ("million", "millions"),
        "mrd": ("milliard", "milliards"),
        "mill": ("million", "millions"),
    },
    units=_UNITS,
    fractions={
        (1, 2): "un demi",
        (1, 3): "un tiers",
        (2, 3): "deux tiers",
        (1, 4): "un quart",
        (3, 4): "trois quarts",
        (1, 5): "un cinquième",
        (1, 10): "un dixième",
        (1, 8): "un huitième",
    },
    part=_part,
    symbols={
        "&": "et",
        "+": "plus",
        "=": "égale",
        "%": "pour cent",
        "°": "degrés",
        "§": "paragraphe",
        "×": "fois",
        "÷": "divisé par",
        "→": "vers",
        "≈": "environ",
        "±": "plus ou moins",
        "²": "au carré",
        "³": "au cube",
        "√": "racine carrée de",
        "<": "inférieur à",
        ">": "supérieur à",
        "/": "par",
        "slash": "barre",
    },
    date=_date,
    time=_time,
    extra=_EXTRA,
    of=" d'",
    pairs=True,
)
RULES = rules(FRENCH)
