"""The summary of an alert: a template that the host fills, and that becomes a template of Prometheus."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from string import Formatter

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_FUNCTIONS = {"": 'printf "%.3g"', "percent": "humanizePercentage", "duration": "humanizeDuration"}
"""By the format of `{value:FORMAT}`, the function of Prometheus that does the same."""


def fields_of(template: str) -> set[str]:
    """The names in a template; raises ValueError where it is none."""
    return {name for _, name, _ in _parts(template) if name}


def filled(template: str, value: float, labels: Mapping[str, str]) -> str:
    """The sentence, for a value of the statistic and the labels of the alert; a missing label is empty text."""

    def field(name: str, form: str) -> str:
        return shown(value, form) if name == "value" else labels.get(name, "")

    return _joined(template, lambda literal: literal, field)


def for_prometheus(template: str) -> str:
    """The same as an annotation of Prometheus."""

    def field(name: str, form: str) -> str:
        return f"{{{{ $value | {_FUNCTIONS[form]} }}}}" if name == "value" else f"{{{{ $labels.{name} }}}}"

    return _joined(template, lambda literal: literal, field)


def shown(value: float, form: str) -> str:
    """A number as Prometheus's functions show it: plain, `percent` of a ratio, or `duration` of seconds."""
    if form == "percent":
        return f"{100 * value:.4g}%"
    return _duration(value) if form == "duration" else f"{value:.3g}"


def _duration(value: float) -> str:
    """`987.5ms`, `4.9s`, `2m 5s`."""
    if not math.isfinite(value) or abs(value) >= 60:
        whole = round(value) if math.isfinite(value) else 0
        return f"{whole // 60}m {whole % 60}s" if math.isfinite(value) else f"{value}"
    return f"{value:.4g}s" if abs(value) >= 1 or value == 0 else f"{1000 * value:.4g}ms"


def _joined(template: str, literal: Callable[[str], str], field: Callable[[str, str], str]) -> str:
    return "".join(literal(text) + (field(name, form) if name else "") for text, name, form in _parts(template))


def _parts(template: str) -> list[tuple[str, str, str]]:
    """Literal text, and the name and the format of the field after it; empty at the end."""
    parts = []
    for text, name, form, conversion in Formatter().parse(template):
        if "{" in text or "}" in text:
            raise ValueError("a summary has no braces but those of its fields, such as {value}")
        if name is not None:
            _check(name, form or "", conversion)
        parts.append((text, name or "", form or ""))
    return parts


def _check(name: str, form: str, conversion: str | None) -> None:
    if not _NAME.fullmatch(name) or conversion:
        raise ValueError(f"{{{name}}} is neither {{value}} nor a label")
    if form not in (_FUNCTIONS if name == "value" else ("",)):
        raise ValueError(f"{{{name}:{form}}} is no format; use {{value}}, {{value:percent}} or {{value:duration}}")
