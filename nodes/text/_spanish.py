"""What Spanish says."""

from __future__ import annotations

import re

from nodes.text._european import Tongue, Unit, cardinal, digits, rules
from nodes.text._rules import DIGIT, SpokenForm, rule

_MONTHS = tuple("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split())
_SHORT = {
    "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Dr.": "doctor", "Dra.": "doctora",
    "D.": "don", "Ud.": "usted", "Uds.": "ustedes", "p. ej.": "por ejemplo", "etc.": "etcétera",
    "EE. UU.": "Estados Unidos",
    "EE.UU.": "Estados Unidos", "núm.": "número", "pág.": "página", "aprox.": "aproximadamente",
    "n.º": "número", "Nº": "número", "nº": "número",
    "a. C.": "antes de Cristo", "d. C.": "después de Cristo", "tel.": "teléfono", "máx.": "máximo", "mín.": "mínimo",
}  # fmt: skip
_ORDINALS = "primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo".split()


def _date(day: int, month: int, year: int | None, before: str) -> str:
    said = f"{cardinal(day, 'es')} de {_MONTHS[month - 1]}"
    return f"{said} de {cardinal(year, 'es')}" if year is not None else said


def _part(above: int, below: int) -> str:
    """tres octavos."""
    names = {5: "quinto", 6: "sexto", 7: "séptimo", 8: "octavo", 9: "noveno", 10: "décimo"}
    if not 0 < above < below or below not in names:
        return ""
    return f"{'un' if above == 1 else cardinal(above, 'es')} {names[below]}{'s' if above > 1 else ''}"


def _hour(hour: int) -> str:
    words = cardinal(hour, "es")
    return f"{words[:-1]}a" if words.endswith("uno") else words


def _time(hour: int, minute: int, follows: str) -> str:
    said = (
        f"{_hour(hour)} {cardinal(minute, 'es') if minute > 9 else 'y ' + cardinal(minute, 'es')}"
        if minute
        else _hour(hour)
    )
    return f"{said} horas" if follows in ("h", "horas") else said


def _half(found: re.Match[str]) -> str:
    said = _time(int(found[1]), int(found[2] or 0), "")
    return f"{said} {'a' if found[3] in 'aA' else 'p'} m"


def _ordinal(found: re.Match[str]) -> str:
    number = int(found[1])
    if not 1 <= number <= 10:
        return cardinal(number, "es")
    word = _ORDINALS[number - 1]
    if found[2] in ("ª", "a"):
        return f"{word[:-1]}a"
    return word[:-1] if found[2] == "er" else word


def _short(found: re.Match[str]) -> str:
    ends = found.end() == len(found.string) and found[0].endswith(".")
    return _SHORT[found[0]] + ("." if ends else "")


def _clock(found: re.Match[str]) -> str:
    return f"{_time(int(found[1]), int(found[2]), '')} a {_time(int(found[3]), int(found[4]), '')}"


def _code(found: re.Match[str]) -> str:
    return f"{found[1]}{digits(found[2], 'es')}"


_EXTRA: tuple[SpokenForm, ...] = (
    rule(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(_SHORT, key=len, reverse=True)))})(?=\s|\Z|\d|,)", _short),
    rule(r"(?<![\w.,])(\d{1,3})\.?(º|ª|er)(?!\w)", _ordinal, needs=f"{DIGIT} ºªe"),
    rule(r"(?<![\w.,])(\d{1,2})\.?([oa])(?=\s[a-záéíóúñ]{3,20}\b)(?<=\.[oa])", _ordinal, needs=DIGIT),
    rule(r"(?<![\w:.,])(1[0-2]|0?[1-9])(?::([0-5]\d))?\s?([aApP])\.?\s?[mM]\b\.?", _half, needs=f"{DIGIT} mM"),
    rule(
        r"(?<![\w:.,])([01]?\d|2[0-4]):([0-5]\d)\s?[-–]\s?([01]?\d|2[0-4]):([0-5]\d)(?![\w:])",
        _clock,
        needs=f"{DIGIT} :",
    ),
    rule(r"\b((?:[Cc]ódigo(?:\spostal)?|PIN)(?:\ses)?(?:\sel)?\s?:?\s)(\d{3,12})(?!\w|[.,]\d)", _code, needs=DIGIT),
)
_F = True
_UNITS: dict[str, Unit] = {
    **{symbol: (name, f"{name}s", False) for symbol, name in {
        "km": "kilómetro", "m": "metro", "cm": "centímetro", "mm": "milímetro", "kg": "kilogramo", "g": "gramo",
        "mg": "miligramo", "l": "litro", "L": "litro", "ml": "mililitro", "ha": "hectárea", "°": "grado", "W": "vatio",
        "kW": "kilovatio", "V": "voltio", "dB": "decibelio", "GB": "gigabyte", "MB": "megabyte", "KB": "kilobyte",
        "TB": "terabyte", "min": "minuto", "s": "segundo", "ms": "milisegundo", "h": "hora", "hPa": "hectopascal",
    }.items()},
    "h": ("hora", "horas", _F), "t": ("tonelada", "toneladas", _F), "ha": ("hectárea", "hectáreas", _F),
    "m²": ("metro cuadrado", "metros cuadrados", False), "km²": ("kilómetro cuadrado", "kilómetros cuadrados", False),
    "m³": ("metro cúbico", "metros cúbicos", False), "°C": ("grado Celsius", "grados Celsius", False),
    "°F": ("grado Fahrenheit", "grados Fahrenheit", False), "%": ("por ciento", "por ciento", False),
    "Hz": ("hercio", "hercios", False), "GHz": ("gigahercio", "gigahercios", False),
    "MHz": ("megahercio", "megahercios", False),
    "km/h": ("kilómetro por hora", "kilómetros por hora", False),
    "m/s": ("metro por segundo", "metros por segundo", False),
    "kcal": ("kilocaloría", "kilocalorías", _F), "kWh": ("kilovatio hora", "kilovatios hora", False),
}  # fmt: skip
SPANISH = Tongue(
    code="es",
    months=_MONTHS,
    comma="coma",
    point="punto",
    minus="menos",
    until="a",
    out_of="sobre",
    one=("un", "una"),
    ones=(("veintiuno", "veintiún", "veintiuna"), ("uno", "un", "una")),
    money={
        "€": ("euro", "euros", "céntimo", "céntimos", "con "),
        "EUR": ("euro", "euros", "céntimo", "céntimos", "con "),
        "$": ("dólar", "dólares", "centavo", "centavos", "con "),
        "USD": ("dólar", "dólares", "centavo", "centavos", "con "),
        "£": ("libra", "libras", "penique", "peniques", "con "),
        "GBP": ("libra", "libras", "penique", "peniques", "con "),
        "¥": ("yen", "yenes", "sen", "senes", "con "),
        "CHF": ("franco suizo", "francos suizos", "céntimo", "céntimos", "con "),
    },
    millions={
        "m": ("millón", "millones"),
        "mill": ("millón", "millones"),
        "md": ("mil millones", "mil millones"),
        "mio": ("millón", "millones"),
        "mrd": ("mil millones", "mil millones"),
    },
    units=_UNITS,
    fractions={
        (1, 2): "un medio",
        (1, 3): "un tercio",
        (2, 3): "dos tercios",
        (1, 4): "un cuarto",
        (3, 4): "tres cuartos",
        (1, 5): "un quinto",
        (1, 10): "un décimo",
        (1, 8): "un octavo",
    },
    part=_part,
    symbols={
        "&": "y",
        "+": "más",
        "=": "igual a",
        "%": "por ciento",
        "°": "grados",
        "§": "sección",
        "×": "por",
        "÷": "dividido entre",
        "→": "a",
        "≈": "aproximadamente",
        "±": "más o menos",
        "²": "al cuadrado",
        "³": "al cubo",
        "√": "raíz cuadrada de",
        "<": "menor que",
        ">": "mayor que",
        "/": "por",
        "slash": "barra",
    },
    date=_date,
    time=_time,
    extra=_EXTRA,
    of=" de ",
)
RULES = rules(SPANISH)
