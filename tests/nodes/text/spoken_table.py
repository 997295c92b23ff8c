"""The tables of tests/data/spoken: what is written, and what may be said of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from nodes.packets import TextDelta
from nodes.text.sentences import Sentences
from pipeline.testing import root_stamp

FOLDER = Path(__file__).resolve().parents[2] / "data" / "spoken"
LANGUAGES = sorted(file.stem for file in FOLDER.glob("*.tsv"))
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


class Case(NamedTuple):
    """A row of a table."""

    language: str
    written: str
    splits: tuple[int, ...]
    """Where the text is cut into the deltas of a stream."""
    readings: tuple[str, ...]
    """What may be said; `||` is the end of a sentence, and without it any ends are right."""
    kind: str

    @property
    def deltas(self) -> list[str]:
        """The text as a dialogue streams it."""
        cuts = (0, *self.splits, len(self.written))
        return [self.written[begin:end] for begin, end in pairwise(cuts)]


def cases(language: str) -> Iterator[Case]:
    """The rows of the table of a language."""
    for line in (FOLDER / f"{language}.tsv").read_text("utf-8").split("\n")[1:]:
        if line:
            written, splits, readings, kind = line.split("\t")
            text = re.sub(r"\\(.)", lambda found: _ESCAPED[found[1]], written)
            yield Case(language, text, tuple(map(int, splits.split())), tuple(re.split(r" \| ", readings)), kind)


def said(deltas: list[str], language: str) -> list[str]:
    """What is said of an answer: its sentences."""
    node = Sentences(first_clause=False)
    node.reset()
    feed = [TextDelta(root_stamp(), delta, language=language) for delta in deltas]
    feed.append(TextDelta(root_stamp(), "", True, language))
    return [row.text for delta in feed for row in node.split(delta) if row.text]


def heard(text: str) -> str:
    """A text as far as it can be heard: no case, punctuation or hyphens, and no `and` after hundreds."""
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    text = re.sub(r"[^\w'|]|_", " ", text)
    text = re.sub(r"\b(hundred|thousand) and (?=\w)", r"\1 ", " ".join(text.split()))
    return re.sub(r"(?<=[一-鿿]) (?=[一-鿿])", "", " ".join(text.split()))


def is_right(case: Case, sentences: list[str]) -> bool:
    """Whether what is said is one of the accepted readings."""
    whole = heard(" ".join(sentences))
    parted = " || ".join(map(heard, sentences))
    return any(heard(reading) == (parted if "||" in reading else whole) for reading in case.readings)
