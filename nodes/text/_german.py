"""What German says."""

from __future__ import annotations

import re

from num2words import num2words

from nodes.text._european import Tongue, Unit, cardinal, digits, rules
from nodes.text._rules import DIGIT, SpokenForm, rule

_MONTHS = tuple("Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split())
_MONTH = rf"(?:{'|'.join(_MONTHS)}|(?:Jan|Feb|Mär|Apr|Aug|Sept?|Okt|Nov|Dez)\.)"
_DAYS = {
    "Mo": "Montag",
    "Di": "Dienstag",
    "Mi": "Mittwoch",
    "Do": "Donnerstag",
    "Fr": "Freitag",
    "Sa": "Samstag",
    "So": "Sonntag",
}
_WEAK = re.compile(
    r"\b(?:am|vom|zum|ab|bis|seit|dem|den|des|im|beim|einem|jedem|diesem|ihrem|seinem)\s\Z", re.IGNORECASE
)
_STRONG = re.compile(r"\b(?:der|die|das|diese|dieser|jede|jeder|seine|ihre|meine)\s\Z", re.IGNORECASE)
_SHORT = {
    "z.B.": "zum Beispiel",
    "z. B.": "zum Beispiel",
    "d.h.": "das heißt",
    "d. h.": "das heißt",
    "u.a.": "unter anderem",
    "u. a.": "unter anderem",
    "bzw.": "beziehungsweise",
    "usw.": "und so weiter",
    "ca.": "circa",
    "vgl.": "vergleiche",
    "inkl.": "inklusive",
    "Nr.": "Nummer",
    "Tel.": "Telefon",
    "Dr.": "Doktor",
    "Prof.": "Professor",
    "Hr.": "Herr",
    "Str.": "Straße",
    "Mio.": "Millionen",
    "Mrd.": "Milliarden",
    "v. Chr.": "vor Christus",
    "n. Chr.": "nach Christus",
    "St.": "Sankt",
    "S.": "Seite",
    "Abs.": "Absatz",
    "Kap.": "Kapitel",
    "Jh.": "Jahrhundert",
    "Std.": "Stunden",
    "Min.": "Minuten",
    "max.": "maximal",
    "min.": "mindestens",
    "evtl.": "eventuell",
    "ggf.": "gegebenenfalls",
}


def _ordinal(number: int, before: str, *, neuter: bool = False) -> str:
    word: str = num2words(number, lang="de", to="ordinal")
    if _WEAK.search(before):
        return f"{word}n"
    return word if _STRONG.search(before) else f"{word}{'s' if neuter else 'r'}"


def _part(above: int, below: int) -> str:
    """drei Achtel, fünf Zwölftel."""
    if not 0 < above < below <= 100:
        return ""
    name = {3: "drit", 7: "sieb", 8: "ach"}.get(below) or cardinal(below, "de")
    count = "ein" if above == 1 else cardinal(above, "de")
    return f"{count} {name.capitalize()}{'tel' if below < 20 else 'stel'}"


def _day_month(found: re.Match[str]) -> str:
    day, month = int(found[2]), int(found[3])
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return found[0]
    return f"{found[1]}{_date(day, month, None, found[1])}"


def _year(number: int) -> str:
    said: str = num2words(number, lang="de", to="year") if 1100 <= number < 2000 else cardinal(number, "de")
    return said


def _date(day: int, month: int, year: int | None, before: str) -> str:
    said = f"{_ordinal(day, before)} {_MONTHS[month - 1]}"
    return f"{said} {_year(year)}" if year is not None else said


def _time(hour: int, minute: int, follows: str) -> str:
    said = "ein" if hour == 1 else cardinal(hour, "de")
    return f"{said} Uhr {cardinal(minute, 'de')}" if minute else f"{said} Uhr"


def _before(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - 20) : found.start()]


def _named(found: re.Match[str]) -> str:
    month = next(name for name in _MONTHS if name[:3] == found[2][:3])
    said = f"{_ordinal(int(found[1]), _before(found))} {month}"
    return f"{said} {_year(int(found[3]))}" if found[3] else said


def _named_range(found: re.Match[str]) -> str:
    until = found.string[: found.start()] + "den "
    month = next(name for name in _MONTHS if name[:3] == found[3][:3])
    weak = _before(found) if _WEAK.search(_before(found)) else "den "
    said = f"{_ordinal(int(found[1]), weak)} bis {_ordinal(int(found[2]), until)} {month}"
    return f"{said} {_year(int(found[4]))}" if found[4] else said


def _nth(found: re.Match[str]) -> str:
    return _ordinal(int(found[1]), _before(found), neuter=True)


def _short(found: re.Match[str]) -> str:
    ends = found.end() == len(found.string)
    return _SHORT[found[0]] + ("." if ends else "")


def _clock(found: re.Match[str]) -> str:
    """`10-12 Uhr`, `15.30 Uhr`."""
    first = _time(int(found[1]), int(found[2] or 0), "")
    if found[3] is None:
        return first
    start = first.removesuffix(" Uhr") if not found[2] and not found[4] else first
    return f"{start} bis {_time(int(found[3]), int(found[4] or 0), '')}"


def _code(found: re.Match[str]) -> str:
    return f"{found[1]}{digits(found[2], 'de')}"


def _day_range(found: re.Match[str]) -> str:
    return f"{_DAYS[found[1]]} bis {_DAYS[found[2]]}"


_EXTRA: tuple[SpokenForm, ...] = (
    rule(
        rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(_SHORT, key=len, reverse=True)))})(?!\w|\s?[€$£])",
        _short,
        needs=".",
    ),
    rule(rf"(?<!\w)({'|'.join(_DAYS)})\.?\s?[-–]\s?({'|'.join(_DAYS)})\b\.?", _day_range, needs="-–"),
    rule(
        rf"(?<![\w.,])(\d{{1,2}})\.\s?(?:[-–]|bis)\s?(\d{{1,2}})\.\s?({_MONTH})(?:\s(\d{{4}}))?(?!\w)",
        _named_range,
        needs=f"{DIGIT} .",
    ),
    rule(
        r"\b([Aa]m |[Vv]om |[Bb]is |[Zz]um |[Dd]er |[Dd]en |[Aa]b |[Ss]eit )(\d{1,2})\.(\d{1,2})\.(?![\d])",
        _day_month,
        needs=f"{DIGIT} .",
    ),
    rule(rf"(?<![\w.,])(\d{{1,2}})\.\s?({_MONTH})(?:\s(\d{{4}}))?(?!\w)", _named, needs=f"{DIGIT} ."),
    rule(
        r"(?<![\w:.,])([01]?\d|2[0-4])(?:[:.]([0-5]\d))?(?:\s?(?:[-–]|bis)\s?([01]?\d|2[0-4])(?:[:.]([0-5]\d))?)?\sUhr\b",
        _clock,
        needs=f"{DIGIT} U",
    ),
    rule(
        r"\b((?:PLZ|Code|PIN|Kontonummer|Postleitzahl)(?:\s(?:ist|lautet))?:?\s)(\d{3,12})(?!\w|[.,]\d)",
        _code,
        needs=DIGIT,
    ),
    rule(r"(?<![\w.,])(\d{1,3})\.(?=\s(?:[A-ZÄÖÜ]\w|[a-zäöü]))", _nth, needs=f"{DIGIT} ."),
    rule(
        r"(?<![\w.,])(1[1-9]\d\d)(?!\w|[.,]\d|\s?[−+=]\s?\d|\s?[€$£%°])(?=\W|\Z)",
        lambda found: _year(int(found[1])),
        needs=DIGIT,
    ),
    rule(
        r"(?<![\w.,])([2-9]0)(ern?)(?=\s|[.,!?-]|\Z)",
        lambda found: f"{cardinal(int(found[1]), 'de')}{found[2]}",
        needs=DIGIT,
    ),
)
_F = True
_UNITS: dict[str, Unit] = {
    **{
        symbol: (name, name, False)
        for symbol, name in {
            "km": "Kilometer",
            "m": "Meter",
            "cm": "Zentimeter",
            "mm": "Millimeter",
            "kg": "Kilogramm",
            "g": "Gramm",
            "mg": "Milligramm",
            "l": "Liter",
            "L": "Liter",
            "ml": "Milliliter",
            "ha": "Hektar",
            "m²": "Quadratmeter",
            "km²": "Quadratkilometer",
            "cm²": "Quadratzentimeter",
            "m³": "Kubikmeter",
            "°": "Grad",
            "°C": "Grad Celsius",
            "°F": "Grad Fahrenheit",
            "%": "Prozent",
            "W": "Watt",
            "kW": "Kilowatt",
            "V": "Volt",
            "A": "Ampere",
            "Hz": "Hertz",
            "kHz": "Kilohertz",
            "MHz": "Megahertz",
            "GHz": "Gigahertz",
            "MB": "Megabyte",
            "GB": "Gigabyte",
            "TB": "Terabyte",
            "kB": "Kilobyte",
            "dB": "Dezibel",
            "PS": "P S",
            "kcal": "Kilokalorien",
            "hPa": "Hektopascal",
            "km/h": "Kilometer pro Stunde",
            "m/s": "Meter pro Sekunde",
            "m/s²": "Meter pro Quadratsekunde",
            "kJ": "Kilojoule",
            "bar": "Bar",
            "EL": "Esslöffel",
            "TL": "Teelöffel",
            "Uhr": "Uhr",
            "mAh": "Milliamperestunden",
        }.items()
    },
    "h": ("Stunde", "Stunden", _F),
    "Std": ("Stunde", "Stunden", _F),
    "min": ("Minute", "Minuten", _F),
    "s": ("Sekunde", "Sekunden", _F),
    "ms": ("Millisekunde", "Millisekunden", _F),
    "t": ("Tonne", "Tonnen", _F),
    "kWh": ("Kilowattstunde", "Kilowattstunden", _F),
    "Mio": ("Million", "Millionen", _F),
    "Mrd": ("Milliarde", "Milliarden", _F),
}
GERMAN = Tongue(
    code="de",
    months=_MONTHS,
    comma="Komma",
    point="Punkt",
    minus="minus",
    until="bis",
    out_of="von",
    one=("ein", "eine"),
    ones=(),
    money={
        "€": ("Euro", "Euro", "Cent", "Cent", ""),
        "EUR": ("Euro", "Euro", "Cent", "Cent", ""),
        "$": ("Dollar", "Dollar", "Cent", "Cent", ""),
        "USD": ("US-Dollar", "US-Dollar", "Cent", "Cent", ""),
        "£": ("Pfund", "Pfund", "Penny", "Pence", ""),
        "GBP": ("Pfund", "Pfund", "Penny", "Pence", ""),
        "¥": ("Yen", "Yen", "Sen", "Sen", ""),
        "CHF": ("Franken", "Franken", "Rappen", "Rappen", ""),
    },
    millions={
        "mio": ("Million", "Millionen"),
        "mrd": ("Milliarde", "Milliarden"),
        "md": ("Milliarde", "Milliarden"),
        "m": ("Million", "Millionen"),
        "mill": ("Million", "Millionen"),
    },
    units=_UNITS,
    fractions={
        (1, 2): "ein halb",
        (1, 3): "ein Drittel",
        (2, 3): "zwei Drittel",
        (1, 4): "ein Viertel",
        (3, 4): "drei Viertel",
        (1, 5): "ein Fünftel",
        (1, 8): "ein Achtel",
        (1, 10): "ein Zehntel",
    },
    part=_part,
    symbols={
        "&": "und",
        "+": "plus",
        "=": "gleich",
        "%": "Prozent",
        "°": "Grad",
        "§": "Paragraf",
        "×": "mal",
        "÷": "geteilt durch",
        "→": "nach",
        "≈": "ungefähr",
        "±": "plus minus",
        "²": "Quadrat",
        "³": "hoch drei",
        "√": "Wurzel aus",
        "<": "kleiner als",
        ">": "größer als",
        "/": "pro",
        "slash": "Schrägstrich",
    },
    date=_date,
    time=_time,
    extra=_EXTRA,
)
RULES = rules(GERMAN)
