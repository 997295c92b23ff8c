"""`did you mean`: the nearest known word to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or nothing where none is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean `{by_lower[near[0]]}`?" if near else ""


def listing(names: Iterable[str]) -> str:
    """`a, b, c`, or `nothing`: for the `expected` line of an error."""
    return ", ".join(names) or "nothing"
