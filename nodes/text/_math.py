"""Spoken forms of English mathematics: LaTeX, powers, roots, operators and fractions."""

from __future__ import annotations

import re

from nodes.text._numbers import FRACTION, NUMBER, cardinal, fraction, ordinal, spoken
from nodes.text._rules import DIGIT, PLACE, SpokenForm, rule

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ"
RAISED = frozenset(_RAISED)
_PLAIN = str.maketrans(_RAISED, "0123456789+-ni")
_LOWERED = "₀₁₂₃₄₅₆₇₈₉"
_COMMANDS = {
    "times": "×",
    "cdot": "×",
    "div": "÷",
    "pm": "±",
    "leq": "≤",
    "le": "≤",
    "geq": "≥",
    "ge": "≥",
    "neq": "≠",
    "ne": "≠",
    "approx": "≈",
    "to": "→",
    "rightarrow": "→",
    "infty": "∞",
    "sum": "∑",
    "int": "∫",
    "in": "∈",
    "circ": "°",
    "degree": "°",
    "ldots": "…",
    "dots": "…",
}
_GREEK = "alpha beta gamma delta epsilon zeta eta theta lambda mu nu xi pi rho sigma tau phi chi psi omega".split()
_FUNCTIONS = {"sin": "sine", "cos": "cosine", "tan": "tangent", "log": "log", "ln": "natural log", "lim": "limit"}
_SMALL_ROOTS = {"√": "the square root of ", "∛": "the cube root of ", "∜": "the fourth root of "}
_NAMES = {"2": "squared", "3": "cubed"}
_PAIRS = frozenset({(50, 50), (20, 20), (60, 40), (80, 20), (70, 30), (90, 10), (9, 11)})
_RATED = re.compile(r"\s?-?(?:stars?|rating|points?|score|marks?)\b")
_RATED_BEFORE = re.compile(
    r"\b(?:rated|rating|scored?|score of|rating of|gave it|got|stars?:?)\s(?:it\s|a\s|an\s|of\s)?\Z", re.I
)
_PRESSURE = re.compile(r"\b(?:pressure|bp|reading)\b.{0,12}\Z", re.IGNORECASE)


_MEASURE = re.compile(
    r"\s?-?(?:lbs?|oz|mi|in|ft|yd|km|m|cm|mm|kg|g|tsp|tbsp|cups?|c|pt|qt|gal|hrs?|h|min|pounds?|ounces?|miles?|inch|inches"
    r"|foot|feet|yards?|hours?|minutes?|days?|weeks?|months?|years?|teaspoons?|tablespoons?|pints?|quarts?|gallons?|liters?"
    r"|sticks?|cloves?|acres?|teaspoon|price|dozen|ml|L|l)\b"
)


def _command(found: re.Match[str]) -> str:
    name = found[1]
    if name in _COMMANDS:
        return f" {_COMMANDS[name]} "
    if name in _FUNCTIONS:
        return f" {_FUNCTIONS[name]} "
    return f" {name} " if name.lower() in _GREEK else found[0]


def _formula(found: re.Match[str]) -> str:
    """The inside of `$...$` if it is mathematics rather than two prices."""
    inner = found[1]
    return inner if re.search(r"[\\^_=]|^[A-Za-z]$", inner) else found[0]


def _power(found: re.Match[str]) -> str:
    exponent = found[1].translate(_PLAIN)
    if exponent in _NAMES:
        return f" {_NAMES[exponent]}"
    minus = exponent.startswith(("-", "−"))
    rest = exponent.lstrip("+-−")
    number = spoken(rest) if re.fullmatch(NUMBER, rest) else rest
    return f" to the power of {'minus ' if minus else ''}{number}"


def _scientific(found: re.Match[str]) -> str:
    minus = "minus " if found[2] == "-" else ""
    return f"{spoken(found[1])} times ten to the power of {minus}{spoken(found[3])}"


def _root(found: re.Match[str]) -> str:
    return _SMALL_ROOTS[found[1]]


def _nth_root(found: re.Match[str]) -> str:
    number = found[1]
    name = {"2": "square", "3": "cube"}.get(number) or (ordinal(int(number)) if number.isdecimal() else f"{number}th")
    return f"the {name} root of "


def _slashed(found: re.Match[str]) -> str:
    """1/2, 4.5/5 stars, 50/50, 10/2 = 5."""
    text, end = found.string, found.end()
    first, second = found[1], found[2]
    start = text[max(0, found.start() - 24) : found.start()]
    rated = _RATED.match(text[end:]) or _RATED_BEFORE.search(start)
    if not rated and re.fullmatch(r"([1-8])/([2-9])", found[0]) and int(first) < int(second):
        return fraction(int(first), int(second))
    if re.match(r"\s?[=≈]", text[end:]) or re.search(r"[=+×*÷−]\s?\Z", start):
        return f"{spoken(first)} divided by {spoken(second)}"
    if _PRESSURE.search(start):
        return f"{_short(first)} over {_short(second)}"
    if "." in first or "." in second or rated:
        return f"{spoken(first)} out of {spoken(second)}"
    above, below = int(first.replace(",", "")), int(second.replace(",", ""))
    if (above, below) in _PAIRS:
        return f"{cardinal(above)} {cardinal(below)}"
    if 0 < above < below <= 100 and not (below in (10, 100) and above > 1):
        return fraction(above, below)
    if below in (5, 10, 100) and above <= below:
        return f"{cardinal(above)} out of {cardinal(below)}"
    return f"{cardinal(above)} {'over' if above > below and below > 1 else 'slash'} {cardinal(below)}"


def _short(number: str) -> str:
    value = int(float(number))
    if 100 < value < 200:
        return f"one {cardinal(value - 100) if value > 109 else 'oh ' + cardinal(value - 100)}"
    return spoken(number)


def _mixed(found: re.Match[str]) -> str:
    return spoken(found[0])


def _less(found: re.Match[str]) -> str:
    """A hyphen between numbers: a difference, or a range if it goes up and nothing is reckoned."""
    text, start, end = found.string, found.start(), found.end()
    follows = text[end : end + 48]
    if re.match(r"[^.,;!?]{0,24}[=≈]", follows) or re.search(
        r"[=+×*/÷−]\s?\Z|\d\s?[-−–]\s?\d{1,9}\Z", text[max(0, start - 12) : start]
    ):
        return " minus "
    first = re.search(r"[\d.,]{1,24}\Z", text[max(0, start - 24) : start])
    second = re.match(NUMBER, follows)
    spaced = found[0] != found[0].strip()
    if spaced and found[0].strip() == "-" and first and second and _value(first[0]) >= _value(second[0]):
        scores = re.search(
            r"\b(?:won|lost|beat|score|lead|led|leads|win|game|final)\b", text[max(0, start - 40) : start]
        )
        return " to " if scores else " minus "
    return " to "


def _value(number: str) -> float:
    try:
        return float(number.strip(".,").replace(",", ""))
    except ValueError:
        return 0.0


def _fraction(found: re.Match[str]) -> str:
    """Marks a fraction before a unit, and a mixed number, with the slash of fractions."""
    whole, above, below = found[1], int(found[2]), int(found[3])
    if not 0 < above < below or below > 64 or not (whole or _MEASURE.match(found.string, found.end())):
        return found[0]
    return f"{whole or ''}{above}⁄{below}"


LATEX: tuple[SpokenForm, ...] = (
    rule(r"(?<![\w\\$])\$(?!\s)([^$\n]{1,200})(?<!\s)\$(?![\w$])", _formula, needs="$", rewrites=True),
    rule(r"\\(?:text|mathrm|mathbf|mathit|operatorname|left|right)\b", "", needs="\\", rewrites=True),
    rule(r"\\[dt]?frac\s?\{([^{}]{1,40})\}\s?\{([^{}]{1,40})\}", r" \1 ÷÷ \2 ", needs="\\", rewrites=True),
    rule(r"\\sqrt\s?\[(\w{1,3})\]\s?\{([^{}]{1,60})\}", r" \1√√\2 ", needs="\\", rewrites=True),
    rule(r"\\sqrt\s?\{([^{}]{1,60})\}", r" √\1 ", needs="\\", rewrites=True),
    rule(r"\\([A-Za-z]{1,12})(?![A-Za-z])", _command, needs="\\", rewrites=True),
    rule(r"\^\{([^{}]{1,20})\}", r"^\1", needs="^", rewrites=True),
    rule(r"\^\s?°|\^\s°", "°", needs="^", rewrites=True),
    rule(r"[ ]{2,}", " ", rewrites=True),
    rule(r"(?<=\w)_\{?([A-Za-z0-9])\}?(?![A-Za-z0-9_])", r" sub \1", needs="_", rewrites=True),
)
"""Rewrites LaTeX as plain mathematics; `÷÷` is the line of a fraction, `3√√` a third root."""


FRACTIONS: tuple[SpokenForm, ...] = (
    rule(
        r"(?<![\w/.,$€£:⁄-])(\d{1,4}[ -])?(\d{1,2})/(\d{1,2})(?![\d/]|[.,]\d)",
        _fraction,
        needs=f"{DIGIT} /",
        rewrites=True,
    ),
)


def _over(found: re.Match[str]) -> str:
    return fraction(int(found[1]), int(found[2]))


RULES: tuple[SpokenForm, ...] = (
    rule(rf"(?<=[\dx])\s?[×*]\s?(?=10[\^{_RAISED}])", " times ", needs="×*x"),
    rule(rf"(?<![\w.])({NUMBER})[eE]([-+]?)(\d{{1,3}})(?!\w|\.\d)", _scientific, needs=f"{DIGIT} eE"),
    rule(r"(?<![\w.])(\d{1,2})\s÷÷\s(\d{1,3})(?!\w|\.\d)", _over, needs="÷"),
    rule(r"\s?÷÷\s?", " over ", needs="÷"),
    rule(r"(\w{1,3})√√", _nth_root, needs="√"),
    rule(r"([√∛∜])\s?", _root, needs="√∛∜"),
    rule(rf"(?<=[^\W_])([{_RAISED}]+)|(?<=\))([{_RAISED}]+)", lambda found: _raised(found), needs=_RAISED),
    rule(r"\s?\^\s?([-+−]?(?:\d+(?:\.\d+)?|[A-Za-z]))(?!\w)", _power, needs="^"),
)


def _raised(found: re.Match[str]) -> str:
    """A power; after a whole word it is the number of a footnote."""
    start = found.string[max(0, found.start() - 4) : found.start()]
    if found[1] and re.fullmatch(r"[a-z]{4}", start):
        return ""
    power = re.fullmatch(r"(.+)", found[1] or found[2])
    assert power is not None
    return _power(power)


SLASHES: tuple[SpokenForm, ...] = (
    rule(rf"(?<![\w.,/])({NUMBER})\s?[/÷]\s?({NUMBER})(?![\w/]|[.,]\d)", _slashed, needs=f"{DIGIT} /÷"),
    rule(rf"(?<![\w.,]){FRACTION}(?!\w)", _mixed, needs="⁄"),
)
DIFFERENCES: tuple[SpokenForm, ...] = (
    rule(r"(?<=\d)\s?[-–—]\s?(?=\d)", _less, needs=f"{DIGIT} -–—"),
    rule(r"(?<=\w)\s?−\s?(?=[\w(])|(?<=\))\s?−\s?(?=[\w(])", " minus ", needs="−"),
    rule(r"(?<=\b[A-Za-z])\s-\s(?=\d)|(?<=\d)\s?-\s?(?=[a-z]\b(?!-))", " minus ", needs="-"),
    rule(rf"(?<![\w)])[-−–](?=\d|[{PLACE}])", "minus ", needs="-−–"),
)
