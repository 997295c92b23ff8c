"""Judges answers to questions: right or not, in which language, and whether they end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from nodes.dialogue._pieces import whole_sentences

_UNITS = {word: number for number, word in enumerate("zero one two three four five six seven eight nine ten".split())}
_TEENS = "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_BELOW = (
    _UNITS
    | {word: number for number, word in enumerate(_TEENS.split(), 11)}
    | {word: 10 * number for number, word in enumerate(_TENS.split(), 2)}
)
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_HAN = re.compile(r"[㐀-鿿]")
_CHINESE_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百千万]+")
_ENGLISH = frozenset(
    "a an the i you he she it we they is are was were am be been do does did have has had can could will would of to "
    "in on at for from with and or but not no yes my your his her its our their this that there what how who".split()
)
_FOREIGN = frozenset(
    "el la los las un una es en que por para con su der die das ein eine ist und nicht zu mit von le les des est une "
    "dans pour il lo gli di che è sono o e os as um uma não do da em het een van niet och är att".split()
)
"""The commonest words of other languages with Latin letters."""
_FRAGMENT = 2
"""Words of an answer that is no sentence and so needs no end, such as `56` or `Mount Everest`."""


@dataclass(frozen=True, slots=True)
class Question:
    """One row of a table of questions."""

    chat: str
    kind: str
    text: str
    accepted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A question with what became of it."""

    question: Question
    heard: str
    answer: str
    right: bool
    foreign: bool
    """Whether the answer is in another language than the question."""
    cut: bool
    """Whether the answer ends in the middle of a sentence; one or two words need no end."""
    errors: int
    """Words, in Chinese characters, that were misheard, left out or added."""
    words: int
    """Those of the question."""


def questions(file: Path) -> list[Question]:
    """The rows of a file: `chat`, `kind`, `question` and `accepted` between tabs; raises ValueError else."""
    found = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != 4 or not all(column.strip() for column in columns):
            raise ValueError(
                f"{file}:{number}: expected chat, kind, question and accepted between tabs, found {line!r}"
            )
        chat, kind, text, accepted = columns
        found.append(Question(chat, kind, text, tuple(accepted.split("|"))))
    return found


def chats(asked: Iterable[Question]) -> list[list[Question]]:
    """The questions of each conversation, in order."""
    return [list(group) for _, group in groupby(asked, key=lambda question: question.chat)]


def judged(question: Question, heard: str, answer: str, language: str) -> Verdict:
    """Compares an answer, as far as it was spoken; without one it is wrong."""
    wanted, got = tokens(question.text, language), tokens(heard, language)
    return Verdict(
        question,
        heard,
        answer,
        any(contains(answer, each, language) for each in question.accepted),
        bool(answer.strip()) and not is_in(answer, language),
        whole_sentences(answer) < len(answer.rstrip()) and len(tokens(answer, language)) > _FRAGMENT,
        distance(wanted, got),
        len(wanted),
    )


def tokens(text: str, language: str) -> list[str]:
    """Words in lower case with numbers as digits, without punctuation; of Chinese the characters."""
    text = text.lower().replace("’", "'")
    if language == "zh":
        return re.findall(r"\d+|[a-z]+|[㐀-鿿]", _chinese_numbers(text))
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    return list(_english_numbers(re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?", text)))


def contains(answer: str, accepted: str, language: str) -> bool:
    """Whether an answer has the accepted words in a row; of Chinese, the characters anywhere."""
    found, wanted = tokens(answer, language), tokens(accepted, language)
    return any(found[at : at + len(wanted)] == wanted for at in range(len(found) - len(wanted) + 1))


def is_in(answer: str, language: str) -> bool:
    """Whether an answer is in a language, by its script; English also by the commonest words of others."""
    letters = [letter for letter in answer if letter.isalpha()]
    han = sum(bool(_HAN.match(letter)) for letter in letters)
    if language == "zh":
        return not letters or han >= len(letters) / 2
    words = re.findall(r"[^\W\d_]+", answer.lower())
    is_latin = sum(letter.isascii() for letter in letters) >= 0.9 * len(letters)
    return is_latin and sum(word in _FOREIGN for word in words) <= sum(word in _ENGLISH for word in words)


def distance(wanted: list[str], got: list[str]) -> int:
    """The fewest substitutions, deletions and insertions that make one of the other."""
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def _english_numbers(words: list[str]) -> Iterator[str]:
    at = 0
    while at < len(words):
        number, used = _english_number(words[at:])
        yield str(number) if used else words[at]
        at += max(1, used)


def _english_number(words: list[str]) -> tuple[int, int]:
    """The number with which words begin, and how many of them it takes; `ninety nine`, `one hundred and five`."""
    total = part = used = 0
    last = ""
    for at, word in enumerate(words):
        if word == "and" and last in _SCALES and at + 1 < len(words) and words[at + 1] in _BELOW:
            continue
        value = _BELOW.get(word)
        if value is not None and (not last or last in _SCALES or (last in _TENS.split() and 0 < value < 10)):
            part += value
        elif word in _SCALES and _SCALES[word] > _SCALES.get(last, 1):
            part = (part or 1) * _SCALES[word]
            if word != "hundred":
                total, part = total + part, 0
        else:
            break
        last, used = word, at + 1
    return total + part, used


def _chinese_numbers(text: str) -> str:
    return _CHINESE_NUMBER.sub(lambda found: str(_chinese_number(found[0])), text)


def _chinese_number(text: str) -> int | str:
    if not any(character in _PLACES or character == "万" for character in text):
        return "".join(str(_DIGITS[character]) for character in text)
    total = part = digit = 0
    for character in text:
        if character == "万":
            total, part, digit = total + (part + digit) * 10_000, 0, 0
        elif character in _PLACES:
            part, digit = part + (digit or 1) * _PLACES[character], 0
        else:
            digit = _DIGITS[character]
    return total + part + digit
