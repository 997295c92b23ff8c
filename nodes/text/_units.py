"""Spoken forms of English quantities with units."""

from __future__ import annotations

import re

from nodes.text._dates import before
from nodes.text._numbers import QUANTITY, counted, spoken
from nodes.text._rules import DIGIT, SpokenForm, rule

Unit = tuple[str, str]
"""Its name in singular and plural."""


def _names(text: str) -> dict[str, Unit]:
    """Lines of `km kilometer`, with the plural where it is not the singular with an s."""
    rows = (re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines())
    return {symbol: (row[1], row[2] if len(row) > 2 else f"{row[1]}s") for row in rows for symbol in row[0].split()}


UNITS = _names(
    """
    km  kilometer
    m  meter
    cm  centimeter
    mm  millimeter
    µm μm  micrometer
    nm  nanometer
    mi  mile
    ft  foot  feet
    yd yds  yard
    nmi  nautical mile
    kg kgs  kilogram
    g  gram
    mg  milligram
    µg μg mcg  microgram
    t  tonne
    lb lbs  pound
    oz  ounce
    floz  fluid ounce
    l L  liter
    ml mL  milliliter
    cl cL  centiliter
    dl dL  deciliter
    tbsp Tbsp tbs  tablespoon
    tsp  teaspoon
    qt qts  quart
    pt pts  pint
    gal gals  gallon
    pkg  package
    doz  dozen  dozen
    sqft  square foot  square feet
    sqm  square meter
    sqmi  square mile
    sqin  square inch  square inches
    sqkm  square kilometer
    cuft  cubic foot  cubic feet
    ha  hectare
    ac  acre
    kph  kilometer per hour  kilometers per hour
    kmh  kilometer per hour  kilometers per hour
    mph MPH  mile per hour  miles per hour
    mpg MPG  mile per gallon  miles per gallon
    fps FPS  frame per second  frames per second
    rpm RPM  revolution per minute  revolutions per minute
    bpm BPM  beat per minute  beats per minute
    psi PSI  pound per square inch  pounds per square inch
    kn kt kts  knot
    ns  nanosecond
    µs μs us  microsecond
    ms  millisecond
    s sec secs  second
    min mins  minute
    h hr hrs  hour
    wk wks  week
    mo mos  month
    yr yrs  year
    Hz  hertz  hertz
    kHz  kilohertz  kilohertz
    MHz  megahertz  megahertz
    GHz  gigahertz  gigahertz
    THz  terahertz  terahertz
    KB kB  kilobyte
    MB  megabyte
    GB  gigabyte
    TB  terabyte
    PB  petabyte
    KiB  kibibyte
    MiB  mebibyte
    GiB  gibibyte
    TiB  tebibyte
    Kb kb Kbit kbit  kilobit
    Mb Mbit  megabit
    Gb Gbit  gigabit
    bps  bit per second  bits per second
    Kbps kbps  kilobit per second  kilobits per second
    Mbps mbps  megabit per second  megabits per second
    Gbps gbps  gigabit per second  gigabits per second
    Tbps  terabit per second  terabits per second
    MBps  megabyte per second  megabytes per second
    W  watt
    mW  milliwatt
    kW  kilowatt
    MW  megawatt
    GW  gigawatt
    Wh  watt hour
    kWh  kilowatt hour
    MWh  megawatt hour
    GWh  gigawatt hour
    TWh  terawatt hour
    hp HP  horsepower  horsepower
    V  volt
    mV  millivolt
    kV  kilovolt
    mA  milliamp
    Ah  amp hour
    mAh  milliamp hour
    Ω ohm  ohm
    kΩ  kilohm
    MΩ  megohm
    µF μF uF  microfarad
    pF  picofarad
    nF  nanofarad
    Nm  newton meter
    kN  kilonewton
    J  joule
    kJ  kilojoule
    MJ  megajoule
    cal  calorie
    kcal  kilocalorie
    eV  electron volt
    keV  kiloelectronvolt
    MeV  megaelectronvolt
    GeV  gigaelectronvolt
    Pa  pascal
    hPa  hectopascal
    kPa  kilopascal
    MPa  megapascal
    GPa  gigapascal
    bar  bar
    mbar  millibar
    atm  atmosphere
    mmHg  millimeter of mercury  millimeters of mercury
    mol  mole
    mmol  millimole
    ppm PPM  part per million  parts per million
    ppb PPB  part per billion  parts per billion
    IU  international unit
    dB  decibel
    dBA  decibel
    px  pixel
    dpi DPI  dot per inch  dots per inch
    ppi PPI  pixel per inch  pixels per inch
    MP  megapixel
    lm  lumen
    lx  lux  lux
    mSv  millisievert
    ly  light year
    AU  astronomical unit
    """
)
_SPACED = {"sq": "sq", "cu": "cu", "fl": "fl"}
_NEAR_UNIT = rf"(?:(?:sq|cu|fl)\.?\s?(?:ft|m|mi|in|km|oz)|{'|'.join(sorted(UNITS, key=len, reverse=True))})"
_FACTOR = rf"(?:{_NEAR_UNIT})(?:\^?-?[23](?!\d)|[²³]|⁻[¹²³])?"
_UNIT = rf"{_FACTOR}(?:[·⋅*]{_FACTOR}){{0,2}}(?:/{_FACTOR}|/(?!\d)[a-z]{{2,12}}\b){{0,2}}"
_SEP = r"\s?(?:[-–—~]|\bto\b|\bor\b)\s?"
_POWERS = {"2": "square", "²": "square", "3": "cubic", "³": "cubic"}
_SQUARES = {"2": " squared", "²": " squared", "3": " cubed", "³": " cubed"}
_LENGTHS = frozenset({"meter", "kilometer", "centimeter", "millimeter", "foot", "mile", "yard", "micrometer"})
_SCALES = {"C": " Celsius", "F": " Fahrenheit", "K": " Kelvin", "": ""}
_A = re.compile(r"\b(?:a|an)\s\Z", re.IGNORECASE)
_NOUN = re.compile(
    r"\s(?:dash|sprint|race|run|walk|swim|relay|bag|can|box|bottle|drive|hike|ride|radius|cable|lens|engine|battery|bulb"
    r"|steak|turkey|pizza|package|jar|tank|hard|angle|turn|rotation|bend|dumbbell|weight|wait|delay|timer|test"
    r"|outlet|charger|monitor|display|screen|TV|camera|drive|mark)\b"
)
"""Nouns before which a unit is singular: the 100 m dash."""
_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}


def _factor(written: str, *, below: bool) -> Unit:
    """One unit with its power."""
    symbol = re.sub(r"[\s.]", "", written)
    power = re.search(r"(\^?-?[23]|[²³]|⁻[¹²³])$", symbol)
    if power:
        symbol = symbol[: power.start()]
    one, many = UNITS.get(symbol) or (symbol, symbol)
    if not power:
        return one, many
    if power[0][0] in "⁻" or "-" in power[0]:
        inner = {"¹": "", "²": " squared", "³": " cubed", "2": " squared", "3": " cubed"}[power[0][-1]]
        return f"per {one}{inner}", f"per {one}{inner}"
    mark = power[0][-1]
    if one in _LENGTHS:
        return f"{_POWERS[mark]} {one}", f"{_POWERS[mark]} {many}"
    return (one + _SQUARES[mark], one + _SQUARES[mark]) if below else (one + _SQUARES[mark], many + _SQUARES[mark])


def unit_of(written: str) -> Unit:
    """A unit expression such as `kg·m/s²` in singular and plural."""
    above, *rest = written.split("/")
    factors = [_factor(each, below=False) for each in re.split(r"[·⋅*]", above)]
    one = " ".join(factor[0] for factor in factors)
    many = " ".join([*(factor[0] for factor in factors[:-1]), factors[-1][1]])
    for each in rest:
        name = _seconds_squared(each)
        one, many = f"{one} per {name}", f"{many} per {name}"
    return one, many


def _seconds_squared(written: str) -> str:
    return _factor(written, below=True)[0]


def _quantity(found: re.Match[str]) -> str:
    first, second, joint, unit = found["a"], found["b"], found["joint"], found["unit"]
    if unit[-1:] in "23" and unit[-2:-1] == "-" and "^" not in unit:
        return found[0]
    one, many = unit_of(unit)
    until = "or" if "or" in (found["sep"] or "") else "to"
    start = f"{spoken(first)} {until} " if second else ""
    last = second or first
    follows = found.string[found.end() : found.end() + 2]
    noun = _NOUN.match(found.string, found.end())
    adjective = noun or joint == "-" or (_A.search(before(found)) and follows[:1] in " -" and follows[1:].islower())
    if adjective and last != "1" and "⁄" not in last:
        many = one
    stop = "." if found["stop"] and found.end() == len(found.string) else ""
    return f"{start}{counted(last, one, many)}{stop}"


def _same_units(found: re.Match[str]) -> str:
    """5 km-10 km."""
    return f"{spoken(found[1])} to "


def _degrees(found: re.Match[str]) -> str:
    scale = (found["scale"] or "").strip()
    last = found["b"] or found["a"]
    start = f"{spoken(found['a'])} to {'minus ' if found['below'] else ''}" if found["b"] else ""
    follows = found.string[found.end() : found.end() + 2]
    one = _A.search(before(found)) is not None and not scale and follows[:1] in " -" and follows[1:].islower()
    one = one or _NOUN.match(found.string, found.end()) is not None
    return start + counted(last, "degree", "degree" if one else "degrees") + _SCALES[scale]


def _position(found: re.Match[str]) -> str:
    said = counted(found[1], "degree", "degrees")
    if found[2]:
        said += " " + counted(found[2], "minute", "minutes")
    if found[3]:
        said += " " + counted(found[3], "second", "seconds")
    return f"{said} {_COMPASS[found[4]]}" if found[4] else said


def _feet_alone(found: re.Match[str]) -> str:
    if found[2]:
        return f"{counted(found[1], 'foot', 'feet')} by {counted(found[2], 'foot', 'feet')}"
    return f"{spoken(found[1])} foot"


def _feet(found: re.Match[str]) -> str:
    return f"{counted(found[1], 'foot', 'feet')} {spoken(found[2])}"


def _foot_inch(found: re.Match[str]) -> str:
    return f"{counted(found[1], 'foot', 'feet')} {counted(found[2], 'inch', 'inches')}"


def _inches(found: re.Match[str]) -> str:
    before_it = before(found)
    alone = _A.search(before_it) is not None or found.string[found.end() : found.end() + 1] in ("-",)
    one = alone or re.match(
        r"\s(?:monitor|screen|display|tv|TV|pipe|pizza|nails?|laptop|disk|wheels?)", found.string[found.end() :]
    )
    return counted(found[1], "inch", "inch" if one else "inches")


def _per(found: re.Match[str]) -> str:
    return f"per {UNITS[found[1]][0]}"


def _both(found: re.Match[str]) -> str:
    return f"{spoken(found[1])} by {spoken(found[2])}"


RULES: tuple[SpokenForm, ...] = (
    rule(
        r"(?<![\w.])(\d{1,3}(?:\.\d{1,6})?)\s?°\s?(?:(\d{1,2})\s?[′']\s?)?(?:(\d{1,2}(?:\.\d{1,4})?)\s?[″\"]\s?)?([NSEW])?(?![\w°])(?<!°\s)(?<!°)",
        _position,
        needs=f"{DIGIT} °",
    ),
    rule(
        rf"(?<![\w.])(?P<a>{QUANTITY})(?:(?:\s?°\s?[CF]?)?{_SEP}(?P<below>[-−–])?(?P<b>{QUANTITY}))?\s?°(?P<scale>\s?[CFK]\b)?",
        _degrees,
        needs=f"{DIGIT} °",
    ),
    rule(r"(?<![\d'’])(\d{1,2})['′’]\s?(\d{1,2})(?:[\"″”]|['’]{2})", _feet, needs=f"{DIGIT} '′’ \"″”'’"),
    rule(
        r"(?<![\d'’])(\d{1,3})['′’](?:\s?[x×]\s?(\d{1,3})['′’]|(?=\s(?:tall|long|wide|high|deep)\b))",
        _feet_alone,
        needs=f"{DIGIT} '′’",
    ),
    rule(
        rf"(?<![\w.])({QUANTITY})(?:\s?-?(?:in|inch)\.?(?=\s(?:wide|long|tall|deep|thick|high|monitor|screen|display|pipe)\b)"
        r"|\s?(?:[\"″]|'')(?=[\s,.;:)]|\Z)|\sin\.(?=\s[a-z(]|\s?[,;)]|\Z))",
        _inches,
        needs=f"{DIGIT} \"″'i",
    ),
    rule(r"(?<![\w.])(\d{1,3})\s?ft\.?,?\s?(\d{1,2})\s?in\b\.?", _foot_inch, needs=DIGIT),
    rule(
        rf"(?<![\w.])({QUANTITY})\s?(?:{_NEAR_UNIT})\s?[-–—]\s?(?={QUANTITY}\s?(?:{_NEAR_UNIT})(?![\w/]))",
        _same_units,
        needs=f"{DIGIT} -–—",
    ),
    rule(
        rf"(?<![\w.])({QUANTITY})\s?[x×]\s?({QUANTITY})(?=\s?(?:{_NEAR_UNIT})(?!\w))",
        _both,
        needs=f"{DIGIT} x×",
        rewrites=False,
    ),
    rule(
        rf"(?<![\w.,$€£])(?P<a>{QUANTITY})(?:(?P<sep>{_SEP})(?P<b>{QUANTITY}))?(?P<joint>[\s-])?"
        rf"(?P<unit>{_UNIT})(?P<stop>\.(?=\s+[a-z(]|[,;:)]|\Z))?(?![\w/'’²³])(?!-[A-Z\d])",
        _quantity,
        needs=DIGIT,
    ),
    rule(
        rf"(?:(?<=[⁰¹²³⁴⁵⁶⁷⁸⁹])|(?<=\^\d)|(?<=\^\d\d))\s?({_UNIT})(?![\w/'’²³-])",
        lambda found: f" {unit_of(found[1])[1]}",
        needs="⁰¹²³⁴⁵⁶⁷⁸⁹^",
    ),
    rule(r"(?<=[a-z]{2})/(s|sec|min|h|hr|wk|mo|yr|kg|lb|km|mi|gal|ml|mL|L)\b", _per, needs="/"),
)
