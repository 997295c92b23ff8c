"""Numbers in the words of a language, for languages without rules of their own."""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import CONVERTER_CLASSES, num2words

LONGEST_FOREIGN = 40
"""Characters of the longest number that is written out in another language."""


def knows(language: str) -> bool:
    """Whether numbers can be written out in a language, given by its code."""
    return language in CONVERTER_CLASSES or language[:2] in CONVERTER_CLASSES


@lru_cache(maxsize=1024)
def foreign(number: str, language: str) -> str:
    """A number in words of another language; `1.234` and `1,234` are integers, `3,5` and `3.5` are not."""
    plain = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", number[: LONGEST_FOREIGN + 1]).replace(",", ".")
    if len(plain) > LONGEST_FOREIGN or plain.count(".") > 1:
        return number  # an address, a version or a date, which voices read well themselves
    try:
        return str(num2words(float(plain) if "." in plain else int(plain), lang=language))
    except (IndexError, KeyError, NotImplementedError, OverflowError, TypeError, ValueError):
        return number  # not every language can express every number
