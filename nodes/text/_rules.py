"""Rules that replace patterns by their spoken form."""

from __future__ import annotations

import re
from collections.abc import Callable

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def rule(pattern: str, said: str | Callable[[re.Match[str]], str], flags: re.RegexFlag = re.NOFLAG) -> Rule:
    """Makes a rule: a pattern and its spoken form."""
    return re.compile(pattern, flags), said


def apply(rules: tuple[Rule, ...], text: str) -> str:
    """Applies rules to a text, in order."""
    for pattern, said in rules:
        text = pattern.sub(said, text)
    return text
