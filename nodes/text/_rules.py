"""A table of patterns and what is said in their place."""

from __future__ import annotations

import re
from collections.abc import Callable

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def rule(pattern: str, said: str | Callable[[re.Match[str]], str], flags: re.RegexFlag = re.NOFLAG) -> Rule:
    """A row of the table."""
    return re.compile(pattern, flags), said


def apply(rules: tuple[Rule, ...], text: str) -> str:
    """The text after all the rules, in their order."""
    for pattern, said in rules:
        text = pattern.sub(said, text)
    return text
