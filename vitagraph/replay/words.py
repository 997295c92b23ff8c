"""Compares what was heard with what was said."""

from __future__ import annotations

import re


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"[\w']+", text.lower().replace("’", "'"))


def word_error_rate(said: str, heard: str) -> float:
    """Words replaced, left out or put in, by the number of words that were said."""
    expected, found = words(said), words(heard)
    row = list(range(len(found) + 1))
    for i, wanted in enumerate(expected, 1):
        before, row[0] = row[0], i
        for j, got in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (wanted != got))
    return row[-1] / max(1, len(expected))
